"""Probes ask for what their names say, of engines of any size."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from gatewright.generators.gnn.presets import PRESETS
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.verification.gnn.probe import SHARD_PHASES, Probe
from gatewright.verification.gnn.probes import make_probes

TINY = PRESETS["tiny"]
# A soak found the first: with 81 sources "2^9 words" of local memory were 480.
ODD = [
    replace(TINY, threads=1, accumulator_words=184, local_words=508, edge_words=118,
            max_sources=81, max_edges=36),
    replace(TINY, local_words=300, edge_words=77, max_sources=2, max_edges=3),
]  # fmt: skip
STRIDES = {"A": "accumulator_stride", "L": "chunk_stride"}
ROUNDS = {"L": ("sources", "source_stride"), "E": ("edges", "edge_stride")}


def last_row(probe: Probe, space: str, phase: str | None) -> int:
    """The word at which the last row of a chunk or of a shard begins."""
    if phase is None:
        rows, stride = probe.interval["rows"], probe.pass_[STRIDES[space]]
    else:
        length, field = ROUNDS[space]
        rows = probe.shard[length]
        stride = probe.pass_[field][[each.name for each in SHARD_PHASES].index(phase)]
    return int((np.max(rows) - 1) * stride)


@pytest.mark.parametrize("p", [*PRESETS.values(), *ODD], ids=[*PRESETS, "odd", "few"])
def test_the_last_row_begins_where_the_name_says(p: GnnParameters) -> None:
    seen = set()
    for probe in make_probes(p):
        found = re.fullmatch(r"2\^(\d+) words in ([AEL])(?: in (\w+))?", probe.name)
        if found is not None:
            bit, space, phase = found.groups()
            assert last_row(probe, space, phase) == 1 << int(bit), probe
            seen.add((space, phase))
    assert len(seen) == 2 + 2 * len(SHARD_PHASES)


@pytest.mark.parametrize("p", [*PRESETS.values(), *ODD], ids=[*PRESETS, "odd", "few"])
def test_shards_are_no_longer_than_an_engine_allows(p: GnnParameters) -> None:
    for probe in make_probes(p):
        if " words in " in probe.name:
            assert np.max(probe.shard.get("sources", 1)) <= p.max_sources, probe
            assert np.max(probe.shard.get("edges", 1)) <= p.max_edges, probe

"""The engine against the golden machine, with programs of the scheduler."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.generators.salo.importers.boolean import from_boolean
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.terms import Band, Blocks, GlobalColumns, GlobalRows
from gatewright.hw.salo.engine import SaloEngineParameters
from gatewright.tests.hw.salo.engine_bench import EngineBench, check, engine_parameters, make_job


def scattered(queries: int, keys: int, density: float, seed: int) -> Pattern:
    """Any pairs: gather lists, circulants and explicit masks; some rows have no key."""
    mask = np.random.default_rng(seed).random((queries, keys)) < density
    mask[1] = False
    return from_boolean(mask)


PATTERNS = {
    "window": Pattern(13, 13, [Band(-3, 2)]),
    "dilated": Pattern(18, 18, [Band(-8, 8, 4)]),
    "scattered": scattered(10, 14, 0.3, 1),
    "longformer": Pattern(17, 17, [Band(-4, 4), GlobalColumns([3]), GlobalRows([3])]),
    "globals": Pattern(14, 14, [Band(-2, 2), GlobalColumns([0, 9]), GlobalRows([0, 9])],
                       causal=True),
    "blocks": Pattern(16, 16, [Blocks(4, [(0, 2), (1, 0), (2, 3), (3, 3)]), GlobalColumns([1])]),
    "cross": Pattern(6, 23, [Band(0, 17, 3), GlobalRows([2])]),
}  # fmt: skip

CASES: list[tuple[str, SaloEngineParameters, int, int]] = [
    ("window", engine_parameters(4), 12, 11),
    ("scattered", engine_parameters(4, gather=2), 15, 16),
    ("dilated", engine_parameters(4, 2, 0, reads=3), 16, 9),
    ("longformer", engine_parameters(4, 2, 1, "1"), 13, 13),
    ("longformer", engine_parameters(4, 1, 1, "1p", torus=True), 14, 12),
    ("globals", engine_parameters(4, 1, 0, "2", torus=True), 12, 16),
    ("globals", engine_parameters(4, 2, 1, "2p", reads=4), 16, 14),
    ("blocks", engine_parameters(4, 1, 1, "0", torus=True), 12, 12),
    ("cross", engine_parameters(4, 1, 0, "1"), 12, 10),
]


def name_of(value: object) -> str:
    if not isinstance(value, SaloEngineParameters):
        return str(value)
    a = value.array
    riders = f"{a.global_rows}{a.global_row_kv[0]}"
    return f"{a.rows}x{a.cols}-S{a.segments}-X{a.gather}-G{riders}-T{int(a.torus)}"


@pytest.mark.parametrize(("pattern", "p", "dk", "dv"), CASES, ids=name_of)
def test_patterns(pattern: str, p: SaloEngineParameters, dk: int, dv: int) -> None:
    job = make_job(p, PATTERNS[pattern], dk, dv)
    check(job, EngineBench(p).run([job])[0])

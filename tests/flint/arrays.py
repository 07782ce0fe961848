"""Arrays of the tests: built from a config, run with the batched engine, checked beat by beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gatewright.flows.simulation.batched import BatchedModel, StreamResult
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.registry import find
from gatewright.verification.flint.stimulus import Design, Tile
from gatewright.verification.stalls import Stall


def build_array(folder: Path, settings: str) -> Build:
    """Emit the array that ``settings``, ``key=value`` separated by blanks, describe."""
    generator = find("flint")
    return build_design(generator, load_config(generator.config(), None, settings.split()), folder)


def run_tiles(
    model: BatchedModel,
    tiles: Sequence[Tile],
    stall: Mapping[str, Stall] | None = None,
    seed: int = 0,
) -> StreamResult:
    """Run tiles through an array and compare every result."""
    design = Design.of(model.manifest)
    outcomes = [design.outcome(tile) for tile in tiles]
    results = len(tiles) * design.rows
    run = model.run_streams(
        design.beats(tiles), {"result": results}, stall=stall, seed=seed, watchdog=2000
    )
    got = model.unpack_array("result", run.outputs["result"])
    expected = np.concatenate([each.results for each in outcomes])
    wrong = np.argwhere(got != expected)
    if len(wrong):
        beat, col = wrong[0].tolist()
        story = design.explain(tiles, outcomes, beat, str(col))
        raise AssertionError(
            f"{len(wrong)} of {got.size} results differ; expected {expected[beat, col]}, "
            f"got {got[beat, col]}, seed {seed}, from {story}"
        )
    return run

"""The engine against the golden machine: programs of the scheduler, and tiles of anything."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.generators.salo.importers.boolean import from_boolean
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.terms import Band, Blocks, GlobalColumns, GlobalRows
from gatewright.hw.salo.engine import SaloEngineParameters
from gatewright.tests.hw.salo.engine_bench import bench, check, engine_parameters
from gatewright.tests.hw.salo.engine_jobs import Job, job_of, random_tiles, scheduled


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
    "wide": Pattern(10, 16, [Band(-5, 6), GlobalColumns([2]), GlobalRows([4])]),
}  # fmt: skip

CASES: list[tuple[str, SaloEngineParameters, int, int]] = [
    ("window", engine_parameters(4), 12, 11),
    ("scattered", engine_parameters(4, gather=2), 15, 16),
    ("dilated", engine_parameters(4, 2, 0, reads=3), 16, 9),
    ("longformer", engine_parameters(4, 1, 1, "1p", torus=True), 14, 12),
    ("longformer", engine_parameters(4, 1, 1, "1", fmt="hw12"), 12, 14),
    ("wide", engine_parameters(8, 2, 1, "2", reads=4, lanes=4), 16, 16),
    ("blocks", engine_parameters((5, 3), 3, 1, "1p", reads=9), 12, 9),
]

# Blocks that end closer than results are normalised, and lists longer than a tile.
STALLING: list[tuple[str, SaloEngineParameters, int, int]] = [
    ("window", engine_parameters(4, 1, 0, "1p", lanes=2, head=5, reads=5), 3, 3),
    ("scattered", engine_parameters((1, 1), gather=0, reads=1, head=3), 2, 2),
    ("cross", engine_parameters((1, 2), gather=4, riders="1", reads=7), 8, 6),
]

LARGE: list[tuple[str, SaloEngineParameters, int, int]] = [
    ("scattered", engine_parameters(8, 1, 0, "1", reads=3, torus=True), 13, 16),
    ("globals", engine_parameters(8, 1, 2, "2p", reads=8, torus=True, head=12), 12, 12),
]

LONG: list[tuple[str, SaloEngineParameters, int, int]] = [
    ("wide", engine_parameters(8, 2, 2, "2", reads=5, lanes=2, result_blocks=8), 15, 16),
    ("globals", engine_parameters(8, 2, 0, "1p", reads=5, lanes=1, result_blocks=8, fmt="hw12"),
     16, 9),
]


def name_of(value: object) -> str:
    if not isinstance(value, SaloEngineParameters):
        return str(value)
    a = value.array
    riders = f"{a.global_rows}{a.global_row_kv[0]}"
    size = f"{a.rows}x{a.cols}-S{a.segments}-X{a.gather}-G{riders}-T{int(a.torus)}"
    return f"{size}-q{a.datapath.mantissa_bits}-L{value.lanes}"


@pytest.mark.one_in(16)
@pytest.mark.parametrize(
    ("pattern", "p", "dk", "dv", "stalls"),
    [(*case, False) for case in CASES] + [(*case, True) for case in STALLING]
    + [pytest.param(*case, False, marks=pytest.mark.soak) for case in LARGE]
    + [pytest.param(*case, True, marks=pytest.mark.soak) for case in LONG],
    ids=name_of,
)  # fmt: skip
def test_patterns_and_any_tiles(
    pattern: str, p: SaloEngineParameters, dk: int, dv: int, stalls: bool
) -> None:
    """One after another, without a reset; tiles of anything are as short as they may be."""
    first = scheduled(p, PATTERNS[pattern], dk, dv, stalls=stalls)
    tiles, queries = random_tiles(p, np.random.default_rng(2), tiles=4, blocks=2, keys=14)
    least = max(2, p.loads)
    a = p.array
    short = max(p.loads, a.cols + max(a.gather, a.global_rows) - 2 - least)
    second = job_of(p, tiles, queries, least, short)
    jobs: list[Job] = [first, second]
    for job, found in zip(jobs, bench(p).run(jobs), strict=True):
        check(job, found)

"""What the tiles of a test have exercised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...generators.tpe.workload import Tile, expected
from ...golden.tpe.encodings import operand_range
from ..coverage import Coverage
from .stimulus import Design

__all__ = ["CORNERS", "cover", "declare"]

CORNERS = ("extremes", "alternating", "zeros", "one product", "K = 1", "ragged", "deep")
"""Names of the corners of :func:`~.stimulus.corner_tiles`."""

_ENDS = ("least", "largest")
Counts = NDArray[np.bool_]


def declare(coverage: Coverage, design: Design) -> None:
    """Declare every bin that a run of all tests should hit."""
    engine = design.engine
    coverage.declare("corners", CORNERS)
    most = engine.most_depth
    coverage.declare("K", ("1", *(("between",) if most is None or most > 2 else ())))
    if most is not None and most > 1:
        coverage.declare("K", ("most",))
    if engine.cols > 1:
        coverage.declare("columns", ("all", "some"))
    if engine.rows > 1:
        coverage.declare("rows", ("all", "some"))
    coverage.declare("result", ("below 0", "0", "above 0"))
    if engine.saturate:
        coverage.declare("result", ("least", "largest"))
    if engine.kind.keeps_sums and engine.most_depth is None:
        coverage.declare("sums", ("new", "go on"))
    ends = [f"{a} x {b}" for a in _ENDS for b in _ENDS]
    coverage.declare("product", [*ends, "0 x any", "any x 0"])
    if not design.manifest.config["back_pressure"]:
        coverage.excuse(
            "stream i", ("blocked",),
            "nothing holds results up, and the engine is small enough to take a step in each cycle",
        )  # fmt: skip


def cover(coverage: Coverage, design: Design, tiles: Sequence[Tile]) -> None:
    """Count what tiles that follow each other exercise."""
    engine = design.engine
    half = 1 << engine.result_bits - 1
    bounds = (
        operand_range(engine.a_width, engine.a_signed),
        operand_range(engine.b_width, engine.b_signed),
    )
    ends = {"least": -half, "largest": half - 1}
    for tile, results in zip(tiles, expected(engine, tiles), strict=True):
        full = tile.depth == engine.most_depth
        coverage.hit("K", "1" if tile.depth == 1 else "most" if full else "between")
        coverage.hit("columns", "all" if tile.b.shape[1] == engine.cols else "some")
        if engine.rows > 1:
            coverage.hit("rows", "all" if tile.a.shape[0] == engine.rows else "some")
        if engine.kind.keeps_sums and engine.most_depth is None:
            coverage.hit("sums", "go on" if tile.goes_on else "new")
        _cover_products(coverage, tile, bounds)
        shown = results[: tile.a.shape[0], : tile.b.shape[1]]
        coverage.hit("result", "0", int(np.count_nonzero(shown == 0)))
        coverage.hit("result", "below 0", int(np.count_nonzero(shown < 0)))
        coverage.hit("result", "above 0", int(np.count_nonzero(shown > 0)))
        for name, end in ends.items() if engine.saturate else ():
            coverage.hit("result", name, int(np.count_nonzero(shown == end)))


def _cover_products(
    coverage: Coverage, tile: Tile, bounds: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    """Count products of the ends of both ranges, and of 0, that some row and column have."""
    met: dict[str, tuple[Counts, Counts]] = {}
    for i, first in enumerate(_ENDS):
        for j, second in enumerate(_ENDS):
            met[f"{first} x {second}"] = (tile.a == bounds[0][i], tile.b == bounds[1][j])
    met["0 x any"] = (tile.a == 0, np.ones_like(tile.b, bool))
    met["any x 0"] = (np.ones_like(tile.a, bool), tile.b == 0)
    for name, (a, b) in met.items():
        # Products of a step: rows that have the one, times columns that have the other.
        coverage.hit("product", name, int(a.sum(axis=0) @ b.sum(axis=1)))

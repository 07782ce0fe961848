"""What the tiles of a test have exercised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...generators.tpe.workload import Tile, expected
from ..coverage import Coverage
from .stimulus import Design

__all__ = ["CORNERS", "cover", "declare"]

CORNERS = ("extremes", "alternating", "zeros", "one product", "K = 1", "ragged")
"""Names of the corners of :func:`~.stimulus.corner_tiles`."""


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


def cover(coverage: Coverage, design: Design, tiles: Sequence[Tile]) -> None:
    """Count what tiles that follow each other exercise."""
    engine = design.engine
    half = 1 << engine.result_bits - 1
    ends = {"least": -half, "largest": half - 1}
    for tile, results in zip(tiles, expected(engine, tiles), strict=True):
        full = tile.depth == engine.most_depth
        coverage.hit("K", "1" if tile.depth == 1 else "most" if full else "between")
        coverage.hit("columns", "all" if tile.b.shape[1] == engine.cols else "some")
        if engine.rows > 1:
            coverage.hit("rows", "all" if tile.a.shape[0] == engine.rows else "some")
        if engine.kind.keeps_sums and engine.most_depth is None:
            coverage.hit("sums", "go on" if tile.goes_on else "new")
        shown = results[: tile.a.shape[0], : tile.b.shape[1]]
        coverage.hit("result", "0", int(np.count_nonzero(shown == 0)))
        coverage.hit("result", "below 0", int(np.count_nonzero(shown < 0)))
        coverage.hit("result", "above 0", int(np.count_nonzero(shown > 0)))
        for name, end in ends.items() if engine.saturate else ():
            coverage.hit("result", name, int(np.count_nonzero(shown == end)))

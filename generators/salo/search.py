"""Shape search: which array of so many multipliers does a pattern in the fewest cycles.

To schedule all shapes would take long, so they are sorted out in rounds, each slower and closer to
the truth than the one before: by the longest row of each block (no plan can do better), by the
plans of a few blocks, by those of more blocks, and by the schedule itself, certificate included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..checks import check_range
from .orders import Order, heavy_queries, orders
from .pattern import Pattern, Progress
from .planner import BlockPlanner
from .schedule import Schedule, make_schedule
from .shape import MAX_COLUMNS, MAX_GATHER, MAX_GLOBAL_ROWS, MAX_ROWS, ArrayShape

__all__ = ["search_shapes"]

ROUNDS = ((600, 2), (50, 8))
"""Shapes of each round of samples, and the blocks of an order that are planned for it."""

SCHEDULED = 4
"""Shapes that are scheduled."""

LEAST_ROWS = 4
WIDTHS = 2
"""Widths of a segment that are tried: the widest that the budget allows, and narrower ones."""


def search_shapes(
    pattern: Pattern,
    budget: int,
    *,
    dk: int = 64,
    dv: int | None = None,
    segments: Sequence[int] = (1, 2, 3, 4),
    gather: Sequence[int] = (0, 1, 2, 4),
    global_rows: Sequence[int] = (0, 1),
    global_row_kv: Literal["shared", "private"] = "shared",
    progress: Progress | None = None,
) -> list[Schedule]:
    """Return the schedules of the best shapes found, the one with the fewest cycles first.

    Parameters
    ----------
    pattern
        What is computed.
    budget
        Most multipliers: `R C + G C + X R`.
    dk, dv
        As for :func:`.schedule.make_schedule`.
    segments, gather, global_rows, global_row_kv
        What to choose from.
    progress
        Told what is done.

    Raises
    ------
    InputError
        If no shape fits the budget, or a choice is out of its range.
    """
    check_range("budget", budget, LEAST_ROWS, 1 << 16)
    for name, values, low, high in (
        ("segments", segments, 1, MAX_COLUMNS), ("gather", gather, 0, MAX_GATHER),
        ("global_rows", global_rows, 0, MAX_GLOBAL_ROWS),
    ):  # fmt: skip
        for value in values:
            check_range(name, value, low, high)
    if global_row_kv == "private" and pattern.global_queries:
        global_rows = [count for count in global_rows if count]
    elif not len(heavy_queries(pattern, ArrayShape())):
        # Nobody would ride.
        global_rows = sorted(global_rows)[:1]
    shapes = [
        ArrayShape(rows, cols, parts, extra, riders, global_row_kv)
        for parts in segments
        for extra in gather
        for riders in global_rows
        for rows, cols in _sizes(budget, parts, extra, riders)
    ]
    if not shapes:
        raise InputError(f"budget must be enough for an array of the shapes asked, not {budget}")
    dv = dk if dv is None else dv
    estimate = _Estimate(pattern, dk, dv)
    ranked = sorted(shapes, key=estimate.bound)
    for kept, blocks in ROUNDS:
        scores = {}
        for number, shape in enumerate(ranked[:kept]):
            scores[shape] = estimate.sampled(shape, blocks)
            if progress is not None:
                progress(f"samples of {blocks} blocks", (number + 1) / len(ranked[:kept]))
        ranked = sorted(scores, key=lambda shape: scores[shape])
    found = []
    for number, shape in enumerate(ranked[:SCHEDULED]):
        found.append(make_schedule(pattern, shape, dk=dk, dv=dv))
        if progress is not None:
            progress("schedules", (number + 1) / len(ranked[:SCHEDULED]))
    return sorted(found, key=lambda each: (each.report.cycles, each.shape.multipliers))


def _sizes(budget: int, segments: int, gather: int, riders: int) -> Iterator[tuple[int, int]]:
    """Rows and columns that use most of the budget."""
    for rows in range(LEAST_ROWS, MAX_ROWS + 1):
        most = min(MAX_COLUMNS, (budget - gather * rows) // (rows + riders))
        for width in range(most // segments, max(0, most // segments - WIDTHS), -1):
            yield rows, width * segments


@dataclass(eq=False)
class _Estimate:
    """What a shape is worth: cycles, and at equal cycles multipliers."""

    pattern: Pattern
    dk: int
    dv: int

    def __post_init__(self) -> None:
        self._longest: dict[int, NDArray[np.int64]] = {}
        self._orders: dict[tuple[int, bytes], list[Order]] = {}

    def bound(self, shape: ArrayShape) -> tuple[float, int]:
        """No block of neighbours can take fewer tiles than its longest row needs."""
        if shape.rows not in self._longest:
            # A few long rows among short ones are global ones, which ride.
            counts = np.minimum(self.pattern.counts, np.quantile(self.pattern.counts, 0.95))
            blocks = -(-len(counts) // shape.rows)
            padded = np.zeros(blocks * shape.rows)
            padded[: len(counts)] = counts
            self._longest[shape.rows] = np.ceil(padded.reshape(blocks, -1).max(axis=1))
        tiles = np.ceil(self._longest[shape.rows] / (shape.cols + shape.gather)).sum()
        return self._cycles(float(tiles), shape), shape.multipliers

    def sampled(self, shape: ArrayShape, blocks: int) -> tuple[float, int]:
        """As the plans of some blocks of each order have it."""
        apart = heavy_queries(self.pattern, shape)
        key = shape.rows, apart.tobytes()
        if key not in self._orders:
            self._orders[key] = [order for _, order in orders(self.pattern, shape, apart)]
        planner = BlockPlanner(self.pattern, shape)
        best = np.inf
        for order in self._orders[key]:
            place = (np.arange(blocks) + 0.5) * len(order) / blocks
            plans = planner.plans(order[np.unique(place.astype(np.int64))])
            tiles = len(order) * sum(len(plan.kind) for plan in plans) / len(plans)
            if len(apart) and shape.global_rows and shape.global_row_kv == "shared":
                tiles += self._missing(order) / shape.cols
            best = min(best, tiles)
        # Long rows that cannot ride make blocks of their own, the longest first.
        left = self.pattern.counts[apart[shape.global_rows :: shape.rows]]
        best += np.ceil(left / (shape.cols + shape.gather)).sum()
        return self._cycles(best, shape), shape.multipliers

    def _missing(self, order: Order) -> int:
        """Keys that no last row shows to a rider."""
        last = order[:, -1]
        _, key = self.pattern.pairs(last[last >= 0].astype(np.int64))
        return self.pattern.keys - len(np.unique(key))

    def _cycles(self, tiles: float, shape: ArrayShape) -> float:
        return tiles * (self.dk + self.dv + 2) + shape.fill

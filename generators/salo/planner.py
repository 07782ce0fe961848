"""Plans of all blocks of an order, a stretch of the pattern at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .block import BlockPlan, plan_block
from .cover import BlockPairs
from .orders import Order
from .pattern import PAIRS_AT_ONCE, Pattern
from .shape import ArrayShape

__all__ = ["BlockPlanner"]

Integers = NDArray[np.int64]


class BlockPlanner:
    """Plans blocks of a pattern; each set of rows once, however many orders have it.

    Parameters
    ----------
    pattern
        What is computed.
    shape
        The array.
    """

    def __init__(self, pattern: Pattern, shape: ArrayShape) -> None:
        self.pattern = pattern
        self.shape = shape
        self._plans: dict[bytes, BlockPlan] = {}

    def plans(
        self, order: Order, progress: Callable[[float], None] | None = None
    ) -> list[BlockPlan]:
        """Return the plans of all blocks of an order."""
        new = [number for number, row in enumerate(order) if row.tobytes() not in self._plans]
        blocks = order[new]
        loads = np.where(blocks >= 0, self.pattern.counts[blocks], 0).sum(axis=1)
        part = np.cumsum(loads) // PAIRS_AT_ONCE
        done = 0
        for stretch in np.split(blocks, np.flatnonzero(np.diff(part)) + 1):
            self._plan(stretch)
            done += len(stretch)
            if progress is not None:
                progress(done / max(1, len(blocks)))
        return [self._plans[row.tobytes()] for row in order]

    def _plan(self, blocks: Order) -> None:
        block, row = np.nonzero(blocks >= 0)
        place, key = self.pattern.pairs(blocks[block, row].astype(np.int64))
        cut = np.searchsorted(block[place], np.arange(len(blocks) + 1))
        for number, queries in enumerate(blocks):
            own = slice(int(cut[number]), int(cut[number + 1]))
            pairs = BlockPairs(queries.astype(np.int64), row[place[own]], key[own])
            self._plans[queries.tobytes()] = plan_block(pairs, self.shape, self.pattern.keys)

"""How the rows of intervals lie among the sources, in cells of a picture."""

from __future__ import annotations

import numpy as np

from .graph import Ints
from .shards import Block

__all__ = ["Raster"]

ROWS, COLUMNS = 200, 400
"""Most cells down (intervals) and across (sources)."""


class Raster:
    """Counts rows by interval and source, as blocks of shards come.

    Attributes
    ----------
    cells
        Rows loaded, [down, across].
    """

    def __init__(self, vertices: int, intervals: int) -> None:
        self._down = max(1, -(-intervals // ROWS))
        self._across = max(1, -(-vertices // COLUMNS))
        shape = -(-intervals // self._down), max(1, -(-vertices // self._across))
        self.cells: Ints = np.zeros(shape, np.int64)
        self.extent = (0, shape[1] * self._across, shape[0] * self._down, 0)

    def add(self, block: Block) -> None:
        """Count the rows of a block."""
        row = np.repeat(block.shard_interval // self._down, block.shard_sources)
        row *= self.cells.shape[1]
        row += block.sources // self._across
        flat = np.bincount(row, minlength=self.cells.size)
        self.cells += flat.reshape(self.cells.shape)

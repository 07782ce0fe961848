"""Where in a mask each kind of unit works: pairs counted in the cells of a grid.

The grid may be coarser than the mask, so that 65,536 x 65,536 pairs fit a picture; tiles are
written out a few at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...generators.salo.block import CIRCULANT
from ...generators.salo.pattern import Progress
from ...generators.salo.tiles import Tiles

__all__ = ["KINDS", "Raster", "rasterise"]

Integers = NDArray[np.int64]

KINDS = ("band", "circulant", "gather", "rider")
"""What computes a pair: a segment as a band or as a circulant, a gather column, a rider row."""

BAND_AT, CIRCULANT_AT, GATHER_AT, RIDER_AT = range(len(KINDS))
ELEMENTS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class Raster:
    """A grid on a part of a mask.

    Attributes
    ----------
    query, key
        Of the upper left corner.
    queries, keys
        That it spans.
    query_step, key_step
        Queries and keys of a cell.
    counts
        int64 [kinds, cells down, cells across]: pairs of each kind.
    units
        int64 [cells down, cells across]: a number for the unit of a tile that computes a pair of
        the cell, -1 for none. Units differ where numbers do.
    """

    query: int
    key: int
    queries: int
    keys: int
    query_step: int = 1
    key_step: int = 1
    counts: Integers = field(init=False)
    units: Integers = field(init=False)

    def __post_init__(self) -> None:
        cells = -(-self.queries // self.query_step), -(-self.keys // self.key_step)
        object.__setattr__(self, "counts", np.zeros((len(KINDS), *cells), np.int64))
        object.__setattr__(self, "units", np.full(cells, -1, np.int64))

    def add(self, query: Integers, key: Integers, kind: Integers, unit: Integers) -> None:
        """Count pairs, each an entry of the four arrays."""
        down, across = query - self.query, key - self.key
        inside = (down >= 0) & (down < self.queries) & (across >= 0) & (across < self.keys)
        down, across = down[inside] // self.query_step, across[inside] // self.key_step
        code = np.ravel_multi_index((kind[inside], down, across), self.counts.shape)
        added = np.bincount(code, minlength=self.counts.size)
        self.counts[...] += added.reshape(self.counts.shape)
        self.units[down, across] = unit[inside]


def rasterise(tiles: Tiles, rasters: list[Raster], progress: Progress | None = None) -> None:
    """Count the pairs of tiles in rasters."""
    shape = tiles.shape
    size = max(1, ELEMENTS_AT_ONCE // (shape.rows * (shape.cols + shape.gather)))
    # Numbers of a tile's units: segments, then all gather columns together, then riders.
    segments, units = np.arange(shape.segments), shape.segments + 1 + shape.global_rows
    own = np.append(np.repeat(segments, shape.segment_cols), [shape.segments] * shape.gather)
    for start in range(0, len(tiles), size):
        stop = min(len(tiles), start + size)
        batch = tiles.batch(start, stop)
        kinds = np.where(tiles.kind[start:stop] == CIRCULANT, CIRCULANT_AT, BAND_AT)
        kinds = np.repeat(kinds, shape.segment_cols, axis=1)
        kinds = np.pad(kinds, ((0, 0), (0, shape.gather)), constant_values=GATHER_AT)
        tile, row, column = np.nonzero(batch.tokens >= 0)
        pairs = batch.queries[tile, row], batch.tokens[tile, row, column]
        number = (start + tile) * units + own[column]
        ridden, rider, place = np.nonzero(batch.rider_tokens >= 0)
        more = batch.rider_queries[ridden, rider], batch.rider_tokens[ridden, rider, place]
        rider_number = (start + ridden) * units + shape.segments + 1 + rider
        for raster in rasters:
            raster.add(*pairs, kinds[tile, column], number)
            raster.add(*more, np.full(len(ridden), RIDER_AT), rider_number)
        if progress is not None:
            progress("picture", stop / len(tiles))

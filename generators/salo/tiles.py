"""Tiles: what the array does, compact, and written out for any slice of them.

Bands and circulants are kept as a few numbers each; :meth:`Tiles.batch` writes out the query and
the token of every element, which is what the certificate, the golden model and pictures work on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .block import BAND, CIRCULANT, NO_UNIT, BlockPlan
from .shape import ArrayShape

__all__ = ["PER_TILE", "TileBatch", "Tiles", "assemble", "extended"]

PER_TILE = {
    "block": -1, "kind": NO_UNIT, "base": 0, "step": 0, "mask": -1, "gather": -1,
    "rider_queries": -1, "rider_tokens": -1,
}  # fmt: skip
"""Arrays of :class:`Tiles` with an entry for each tile, and what a tile without work has there."""

Integers = NDArray[np.int64]
Bits = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TileBatch:
    """Some tiles written out; -1 is an idle row, and a masked element.

    Attributes
    ----------
    queries
        int64 [n, R].
    tokens
        int64 [n, R, C + X], in the order of the scan: columns 0..C-1, then gather columns.
    first, last
        bool [n]: the tile starts, or ends, its block.
    rider_queries
        int64 [n, G], -1 where no rider is under way.
    rider_tokens
        int64 [n, G, C].
    rider_first, rider_last
        bool [n, G]: the tile is the first, or the last, of the rider's.
    """

    queries: Integers
    tokens: Integers
    first: Bits
    last: Bits
    rider_queries: Integers
    rider_tokens: Integers
    rider_first: Bits
    rider_last: Bits

    def __len__(self) -> int:
        return len(self.queries)


@dataclass(frozen=True, eq=False)
class Tiles:
    """All tiles of a program, in order; T tiles of B blocks.

    Attributes
    ----------
    shape
        The array.
    key_count
        Keys of the sequence: tokens of bands outside of it do not exist.
    queries
        int32 [B, R]: the query of each row of a block, -1 where there is none.
    block
        int32 [T]: the block of a tile; -1 if it has none and is there for riders.
    kind, base, step, mask
        [T, S], as in :class:`.block.BlockPlan`; `base` of a circulant counts from the start of
        `keys`, `mask` from that of `masks`.
    keys
        int32: keys of circulants.
    masks
        uint8 [masks, ceil(R Cs / 8)].
    gather
        int32 [T, R, X].
    rider_queries
        int32 [T, G]. A rider is under way in consecutive tiles.
    rider_tokens
        int32 [T, G, C].
    """

    shape: ArrayShape
    key_count: int
    queries: NDArray[np.int32]
    block: NDArray[np.int32]
    kind: NDArray[np.uint8]
    base: NDArray[np.int32]
    step: NDArray[np.int32]
    mask: NDArray[np.int32]
    keys: NDArray[np.int32]
    masks: NDArray[np.uint8]
    gather: NDArray[np.int32]
    rider_queries: NDArray[np.int32]
    rider_tokens: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.block)

    @property
    def nbytes(self) -> int:
        """Bytes that they take in memory."""
        arrays = (value for value in vars(self).values() if isinstance(value, np.ndarray))
        return sum(array.nbytes for array in arrays)

    def boundaries(self) -> tuple[Bits, Bits]:
        """First and last tile of each block, bool [T]."""
        change = np.diff(self.block) != 0
        in_block = self.block >= 0
        edge = np.ones(1, np.bool_)
        return in_block & np.concatenate([edge, change]), in_block & np.concatenate([change, edge])

    def rider_boundaries(self) -> tuple[Bits, Bits]:
        """First and last tile of each rider, bool [T, G]."""
        change = np.diff(self.rider_queries, axis=0) != 0
        riding = self.rider_queries >= 0
        edge = np.ones((1, self.shape.global_rows), np.bool_)
        return riding & np.vstack([edge, change]), riding & np.vstack([change, edge])

    def port_tokens(self, start: int, stop: int) -> Integers:
        """Token of each port, int64 [tiles, S, R + Cs - 1], -1 where there is none."""
        port = np.arange(self.shape.ports)
        kind = self.kind[start:stop, :, None]
        base = self.base[start:stop, :, None].astype(np.int64)
        step = self.step[start:stop, :, None].astype(np.int64)
        token = base + step * port
        token[(kind != BAND) | (token < 0) | (token >= self.key_count)] = -1
        if len(self.keys):
            place = port % self.shape.segment_cols
            listed = (kind == CIRCULANT) & (place < step)
            key = self.keys[np.minimum(base + place, len(self.keys) - 1).clip(0)]
            token = np.where(listed, key, token)
        return token

    def last_row_tokens(self, start: int, stop: int) -> Integers:
        """Token of the elements of the last row, masked or not, int64 [tiles, C]."""
        shape = self.shape
        ports = shape.rows - 1 - np.arange(shape.segment_cols) + shape.segment_cols - 1
        return self.port_tokens(start, stop)[:, :, ports].reshape(stop - start, shape.cols)

    def row_queries(self, start: int, stop: int) -> Integers:
        """Query of each row, int64 [tiles, R]."""
        block = self.block[start:stop]
        if not len(self.queries):
            return np.full((len(block), self.shape.rows), -1)
        return np.where(block[:, None] >= 0, self.queries[block], -1).astype(np.int64)

    def element_masks(self, start: int, stop: int) -> Bits:
        """Elements whose mask bit is on, bool [tiles, S, R, Cs]; all of them without a mask."""
        shape = self.shape
        number = self.mask[start:stop].ravel()
        bits = np.ones((len(number), shape.rows * shape.segment_cols), np.bool_)
        masked = np.flatnonzero(number >= 0)
        bits[masked] = np.unpackbits(
            self.masks[number[masked]], axis=1, count=bits.shape[1], bitorder="little"
        )
        return bits.reshape(stop - start, shape.segments, shape.rows, shape.segment_cols)

    def batch(self, start: int = 0, stop: int | None = None) -> TileBatch:
        """Write out tiles `start..stop-1`."""
        start, stop, _ = slice(start, stop).indices(len(self))
        stop = max(start, stop)
        shape, count = self.shape, stop - start
        queries = self.row_queries(start, stop)
        row, col = np.arange(shape.rows)[:, None], np.arange(shape.segment_cols)
        tokens = self.port_tokens(start, stop)[:, :, row - col + shape.segment_cols - 1]
        tokens[~self.element_masks(start, stop)] = -1
        local = tokens.transpose(0, 2, 1, 3).reshape(count, shape.rows, shape.cols)
        local[queries < 0] = -1
        first, last = self.boundaries()
        rider_first, rider_last = self.rider_boundaries()
        part = slice(start, stop)
        return TileBatch(
            queries,
            np.concatenate([local, self.gather[part].astype(np.int64)], axis=2),
            first[part], last[part],
            self.rider_queries[part].astype(np.int64), self.rider_tokens[part].astype(np.int64),
            rider_first[part], rider_last[part],
        )  # fmt: skip


def assemble(
    shape: ArrayShape, keys: int, queries: NDArray[np.int32], plans: list[BlockPlan]
) -> Tiles:
    """Put the plans of blocks one after another, without riders."""
    counts = np.array([len(plan.kind) for plan in plans], np.int64)
    tiles = int(counts.sum())

    def moved(name: str, which: int, sizes: list[int]) -> NDArray[np.int32]:
        """Places in a pool, from the start of that of all blocks."""
        start = np.cumsum([0, *sizes])
        parts = []
        for plan, offset in zip(plans, start[:-1], strict=True):
            part = getattr(plan, name)
            counted = plan.kind == which if which else part >= 0
            parts.append(np.where(counted, part + offset, part).astype(np.int32))
        return np.concatenate(parts) if parts else np.zeros((0, shape.segments), np.int32)

    def joined(name: str, empty: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([empty, *(getattr(plan, name) for plan in plans)])

    none = np.zeros((0, shape.segments), np.int32)
    mask_bytes = -(-shape.rows * shape.segment_cols // 8)
    riders = tiles, shape.global_rows
    return Tiles(
        shape, keys, queries,
        np.repeat(np.arange(len(plans), dtype=np.int32), counts),
        joined("kind", none.astype(np.uint8)),
        moved("base", CIRCULANT, [len(plan.keys) for plan in plans]),
        joined("step", none),
        moved("mask", NO_UNIT, [len(plan.masks) for plan in plans]),
        joined("keys", np.zeros(0, np.int32)),
        joined("masks", np.zeros((0, mask_bytes), np.uint8)),
        joined("gather", np.zeros((0, shape.rows, shape.gather), np.int32)),
        np.full(riders, -1, np.int32),
        np.full((*riders, shape.cols), -1, np.int32),
    )  # fmt: skip


def extended(tiles: Tiles, count: int) -> Tiles:
    """Return the tiles with so many more at the end, of no block and with nothing in them."""
    longer: dict[str, Any] = {}
    for name, fill in PER_TILE.items():
        array = getattr(tiles, name)
        tail = np.full((count, *array.shape[1:]), fill, array.dtype)
        longer[name] = np.concatenate([array, tail])
    return replace(tiles, **longer)

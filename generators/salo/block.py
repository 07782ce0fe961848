"""The plan of one block of queries: its units, dealt out to tiles, and what is gathered.

Gather columns take any pairs, one of each row and tile. The lightest units go there as long as no
row has more gathered keys than tiles, so that fewer tiles are needed (brief section 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cover import BlockPairs, Cover, covers
from .shape import ArrayShape

__all__ = ["BAND", "CIRCULANT", "NO_UNIT", "BlockPlan", "plan_block"]

NO_UNIT, BAND, CIRCULANT = 0, 1, 2

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BlockPlan:
    """Tiles of a block; T tiles of S units each.

    Attributes
    ----------
    kind
        uint8 [T, S]: NO_UNIT, BAND or CIRCULANT.
    base
        int32 [T, S]: of a band the token of port 0, of a circulant the place of its first key in
        `keys`.
    step
        int32 [T, S]: of a band the step of tokens, of a circulant the number of its keys.
    mask
        int32 [T, S]: row of `masks`, or -1 where all elements with a query and a token are on.
    keys
        int32: keys of the circulants.
    masks
        uint8 [masks, ceil(R Cs / 8)]: bit `i * Cs + j` of element (i, j), lowest bit first.
    gather
        int32 [T, R, X]: gathered keys, -1 where there is none.
    """

    kind: NDArray[np.uint8]
    base: NDArray[np.int32]
    step: NDArray[np.int32]
    mask: NDArray[np.int32]
    keys: NDArray[np.int32]
    masks: NDArray[np.uint8]
    gather: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class _Choice:
    """A cover, which of its units are gathered, and the tiles that it takes then."""

    cover: Cover
    gathered: NDArray[np.bool_]
    tiles: int


def plan_block(pairs: BlockPairs, shape: ArrayShape, keys: int) -> BlockPlan:
    """Plan a block of a pattern with so many keys. A block without pairs has one empty tile."""
    floor = _least_tiles(pairs, shape)
    best: _Choice | None = None
    if len(pairs.key):
        for cover in covers(pairs, shape.segment_cols):
            choice = _gathered(cover, pairs, shape)
            if best is None or choice.tiles < best.tiles:
                best = choice
            if best.tiles == floor:
                break
    if best is None:
        return _dealt(np.zeros(0, np.int64), shape, 1)
    return _plan(best, pairs, shape, keys)


def _least_tiles(pairs: BlockPairs, shape: ArrayShape) -> int:
    """No row can have more keys in a tile than there are columns."""
    longest = int(np.bincount(pairs.row).max(initial=1))
    return -(-longest // (shape.cols + shape.gather))


def _gathered(cover: Cover, pairs: BlockPairs, shape: ArrayShape) -> _Choice:
    """Choose the units to gather: the m lightest, for the m that leaves the fewest tiles."""
    rows = shape.rows
    loads = np.bincount(cover.unit * rows + pairs.row, minlength=cover.count * rows)
    loads = loads.reshape(cover.count, rows)
    none = np.zeros(cover.count, np.bool_)
    best = _Choice(cover, none, -(-cover.count // shape.segments))
    if not shape.gather:
        return best
    for weight in (loads.sum(axis=1), loads.max(axis=1)):
        order = np.argsort(weight, kind="stable")
        longest = np.cumsum(loads[order], axis=0).max(axis=1)
        left = np.arange(cover.count - 1, -1, -1)
        tiles = np.maximum(-(-left // shape.segments), -(-longest // shape.gather))
        fewest = int(np.argmin(tiles))
        if tiles[fewest] < best.tiles:
            gathered = none.copy()
            gathered[order[: fewest + 1]] = True
            best = _Choice(cover, gathered, int(tiles[fewest]))
    return best


def _plan(choice: _Choice, pairs: BlockPairs, shape: ArrayShape, keys: int) -> BlockPlan:
    cover = choice.cover
    kept = np.flatnonzero(~choice.gathered)
    plan = _dealt(kept, shape, choice.tiles)
    number = np.full(cover.count, -1)
    number[kept] = np.arange(len(kept))
    in_array = number[cover.unit]
    local = in_array >= 0
    band = kept < len(cover.bases)
    # Lists of gathered circulants are left out.
    listed = np.repeat(~choice.gathered[len(cover.bases) :], shape.segment_cols)
    circulant = kept[~band] - len(cover.bases)
    counts = np.minimum(
        shape.segment_cols, len(cover.keys) - circulant * shape.segment_cols
    )
    lists = np.cumsum(counts) - counts
    flat = plan.kind.reshape(-1)
    flat[: len(kept)] = np.where(band, BAND, CIRCULANT)
    plan.base.reshape(-1)[: len(kept)] = np.concatenate([cover.bases[kept[band]], lists])
    plan.step.reshape(-1)[: len(kept)] = np.concatenate([np.full(band.sum(), cover.step), counts])

    elements = _elements(in_array[local], cover.place[local], pairs.row[local], band, shape)
    masks = np.zeros((len(kept), shape.rows, shape.segment_cols), np.bool_)
    masks.reshape(-1)[elements] = True
    implied = _implied(plan, len(kept), pairs.queries, shape, keys)
    explicit = np.flatnonzero((masks != implied).any(axis=(1, 2)))
    plan.mask.reshape(-1)[explicit] = np.arange(len(explicit))
    bits = masks[explicit].reshape(len(explicit), shape.rows * shape.segment_cols)
    packed = np.packbits(bits, axis=1, bitorder="little")
    plan.gather[...] = _deal_gathered(pairs, cover, ~local, choice.tiles, shape)
    return BlockPlan(
        plan.kind, plan.base, plan.step, plan.mask,
        cover.keys[listed[: len(cover.keys)]].astype(np.int32), packed, plan.gather,
    )  # fmt: skip


def _dealt(kept: Integers, shape: ArrayShape, tiles: int) -> BlockPlan:
    """A plan of so many tiles, everything still to be filled in."""
    tiles = max(tiles, -(-len(kept) // shape.segments))
    size = tiles, shape.segments
    return BlockPlan(
        np.full(size, NO_UNIT, np.uint8), np.zeros(size, np.int32), np.zeros(size, np.int32),
        np.full(size, -1, np.int32), np.zeros(0, np.int32),
        np.zeros((0, -(-shape.rows * shape.segment_cols // 8)), np.uint8),
        np.full((tiles, shape.rows, shape.gather), -1, np.int32),
    )  # fmt: skip


def _elements(
    unit: Integers, place: Integers, row: Integers, band: NDArray[np.bool_], shape: ArrayShape
) -> Integers:
    """Number of the element of each pair: `(unit * R + i) * Cs + j`.

    In a circulant element (i, j) has key `(i - j + Cs - 1) mod Cs` of the list.
    """
    width = shape.segment_cols
    col = np.where(band[unit], place, (row + width - 1 - place) % width)
    number: Integers = (unit * shape.rows + row) * width + col
    return number


def _implied(
    plan: BlockPlan, units: int, queries: Integers, shape: ArrayShape, keys: int
) -> NDArray[np.bool_]:
    """Elements that have a query and a token, bool [units, R, Cs]."""
    width = shape.segment_cols
    port = np.arange(shape.rows)[:, None] - np.arange(width) + width - 1
    band = (plan.kind.reshape(-1)[:units] == BAND)[:, None, None]
    base = plan.base.reshape(-1)[:units, None, None].astype(np.int64)
    step = plan.step.reshape(-1)[:units, None, None].astype(np.int64)
    token = base + step * port
    inside = np.where(band, (token >= 0) & (token < keys), port % width < step)
    implied: NDArray[np.bool_] = inside & (queries >= 0)[:, None]
    return implied


def _deal_gathered(
    pairs: BlockPairs, cover: Cover, chosen: NDArray[np.bool_], tiles: int, shape: ArrayShape
) -> NDArray[np.int32]:
    """Gathered keys of each tile, row and gather column.

    If there is room for it, a diagonal or a key has a gather column of a tile to itself, so that a
    base and a step tell it; if not, each row takes its keys in order.
    """
    slots = tiles * shape.gather
    gather = np.full((shape.rows, slots), -1, np.int32)
    row, key = pairs.row[chosen], pairs.key[chosen]
    if len(key):
        column = cover.unit[chosen] * shape.segment_cols + cover.place[chosen]
        distinct, slot = np.unique(column, return_inverse=True)
        if len(distinct) > slots:
            counts = np.bincount(row, minlength=shape.rows)
            slot = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        gather[row, slot] = key
    return gather.reshape(shape.rows, tiles, shape.gather).transpose(1, 0, 2)

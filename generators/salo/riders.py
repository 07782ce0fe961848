"""Riders: global rows that are worked on beside the blocks, in rows of their own.

With shared keys and values a rider row sees what the last array row sees, so its query collects the
keys that come by; keys that never do are put into segments that stand idle, and into further tiles
if need be. Each key of a window comes by in several blocks, so a few blocks show all keys, and
riders take turns: blocks are put in such an order that one has seen everything when the next one
begins. With private keys and values (Longformer, ViL: own projections of global rows) a rider is
fed `cols` consecutive keys a tile, and riders take turns in any case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .block import CIRCULANT, NO_UNIT
from .pattern import Pattern
from .shape import ArrayShape
from .tiles import PER_TILE, Tiles, extended

__all__ = ["check_riders", "with_riders"]

Integers = NDArray[np.int64]
Bits = NDArray[np.bool_]

_LEAST_NEW = (0.9, 0.7, 0.5, 0.1, 0.05)
"""Share of a block's keys that must be new to a rider, pass by pass.

With fewer the block is left to the next rider: a tile of keys that did not come by costs less.
"""


def check_riders(pattern: Pattern, shape: ArrayShape) -> None:
    """Refuse declared global rows that an array with private feeds has no rider row for."""
    private = shape.global_row_kv == "private"
    if private and pattern.global_queries and not shape.global_rows:
        raise InputError(
            f"global_rows must be at least 1 for {len(pattern.global_queries)} global queries with "
            "projections of their own (global_row_kv private), not 0"
        )


def with_riders(tiles: Tiles, pattern: Pattern, riders: Integers) -> Tiles:
    """Return the tiles with the riders' work added. Blocks may change their order."""
    if not len(riders):
        return tiles
    if tiles.shape.global_row_kv == "private":
        return _fed_apart(tiles, pattern, riders)
    if len(riders) <= tiles.shape.global_rows:
        return _riding_along(tiles, pattern, riders)
    return _taking_turns(tiles, pattern, riders)


def _fed_apart(tiles: Tiles, pattern: Pattern, riders: Integers) -> Tiles:
    """Each rider in consecutive tiles, the longest first, in the row that is free soonest."""
    cols, count = tiles.shape.cols, tiles.shape.global_rows
    place, key = pattern.pairs(riders)
    plans = []
    for number in range(len(riders)):
        chunk, which = np.unique(key[place == number] // cols, return_inverse=True)
        tokens = np.full((max(1, len(chunk)), cols), -1, np.int32)
        own = key[place == number]
        tokens[which, own % cols] = own
        plans.append(tokens)
    free = [0] * count
    starts = []
    for number in sorted(range(len(riders)), key=lambda each: -len(plans[each])):
        row = int(np.argmin(free))
        starts.append((number, row, free[row]))
        free[row] += len(plans[number])
    result = extended(tiles, max(0, max(free) - len(tiles)))
    queries, tokens = result.rider_queries.copy(), result.rider_tokens.copy()
    for number, row, start in starts:
        stop = start + len(plans[number])
        queries[start:stop, row] = riders[number]
        tokens[start:stop, row] = plans[number]
    return replace(result, rider_queries=queries, rider_tokens=tokens)


def _taking_turns(tiles: Tiles, pattern: Pattern, riders: Integers) -> Tiles:
    count = tiles.shape.global_rows
    seen = tiles.last_row_tokens(0, len(tiles))
    blocks = np.arange(len(tiles.queries))
    shown = [np.unique(seen[tiles.block == block]) for block in blocks]
    shown = [keys[keys >= 0] for keys in shown]
    left = np.ones(len(blocks), np.bool_)
    pieces = []
    for start in range(0, len(riders), count):
        group = riders[start : start + count]
        wanted = np.zeros(pattern.keys, np.bool_)
        wanted[pattern.pairs(group)[1]] = True
        chosen = _showing(shown, left, wanted)
        left &= ~chosen
        # Lists and masks that one group adds stay where they are for those that follow.
        piece = _riding_along(_picked(tiles, chosen), pattern, group)
        tiles = replace(tiles, keys=piece.keys, masks=piece.masks)
        pieces.append(piece)
    pieces.append(_picked(tiles, left))
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in PER_TILE
    }
    return replace(tiles, **joined)


def _showing(shown: list[NDArray[Any]], left: Bits, wanted: Bits) -> Bits:
    """Choose from the blocks left those that show the keys wanted: first those that repeat few."""
    missing = wanted.copy()
    chosen = np.zeros(len(shown), np.bool_)
    for least in _LEAST_NEW:
        for block in np.flatnonzero(left & ~chosen):
            keys = shown[block]
            new = np.count_nonzero(missing[keys])
            if new > least * len(keys):
                chosen[block] = True
                missing[keys] = False
    return chosen


def _picked(tiles: Tiles, blocks: Bits) -> Tiles:
    """Return the tiles of the blocks chosen."""
    picked = blocks[tiles.block]
    part: dict[str, Any] = {name: getattr(tiles, name)[picked] for name in PER_TILE}
    return replace(tiles, **part)


def _riding_along(tiles: Tiles, pattern: Pattern, riders: Integers) -> Tiles:
    place, key = pattern.pairs(riders)
    wanted = np.zeros((len(riders), pattern.keys), np.bool_)
    wanted[place, key] = True
    passing = np.zeros(pattern.keys, np.bool_)
    seen = tiles.last_row_tokens(0, len(tiles))
    passing[seen[seen >= 0]] = True
    tiles = _with_missing(tiles, np.flatnonzero(wanted.any(axis=0) & ~passing))

    seen = tiles.last_row_tokens(0, len(tiles))
    queries, tokens = tiles.rider_queries.copy(), tiles.rider_tokens.copy()
    flat = seen.ravel()
    distinct, first = np.unique(flat, return_index=True)
    first = first[distinct >= 0]
    for number, rider in enumerate(riders):
        mine = first[wanted[number, flat[first]]]
        own = np.full(flat.shape, -1, np.int32)
        own[mine] = flat[mine]
        tokens[:, number] = own.reshape(seen.shape)
        used = np.flatnonzero((tokens[:, number] >= 0).any(axis=1))
        begin, end = (used[0], used[-1]) if len(used) else (0, 0)
        queries[begin : end + 1, number] = rider
    return replace(tiles, rider_queries=queries, rider_tokens=tokens)


def _with_missing(tiles: Tiles, missing: Integers) -> Tiles:
    """Return the tiles with the keys that do not come by in idle segments, masked for all rows."""
    shape = tiles.shape
    width = shape.segment_cols
    units = -(-len(missing) // width)
    if not units:
        return tiles
    idle = int((tiles.kind == NO_UNIT).sum())
    result = extended(tiles, max(0, -(-(units - idle) // shape.segments)))
    place = np.flatnonzero(result.kind.ravel() == NO_UNIT)[:units]
    offset = np.arange(units) * width
    kind, base = result.kind.copy(), result.base.copy()
    step, mask = result.step.copy(), result.mask.copy()
    kind.reshape(-1)[place] = CIRCULANT
    base.reshape(-1)[place] = len(tiles.keys) + offset
    step.reshape(-1)[place] = np.minimum(width, len(missing) - offset)
    mask.reshape(-1)[place] = len(tiles.masks)
    return replace(
        result, kind=kind, base=base, step=step, mask=mask,
        keys=np.concatenate([tiles.keys, missing.astype(np.int32)]),
        masks=np.concatenate([tiles.masks, np.zeros((1, tiles.masks.shape[1]), np.uint8)]),
    )  # fmt: skip

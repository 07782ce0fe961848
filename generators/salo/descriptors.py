"""Tiles as descriptors, index lists and masks, and back. See :mod:`.program_words`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .block import CIRCULANT
from .program_words import BLOCK, GATHER, RIDER, SEGMENT, pack, unpack
from .shape import ArrayShape
from .tiles import Tiles

__all__ = ["Descriptors", "decode", "encode", "words_per_tile"]

Integers = NDArray[np.int64]
Words = NDArray[np.uint64]
Bits = NDArray[np.bool_]

TILES_AT_ONCE = 1024

_PROGRESSION, _LISTED = 1, 2
_COLUMNS, _EXPLICIT = 1, 2
_RIDER_ALL, _RIDER_COLUMNS, _RIDER_EXPLICIT = 1, 2, 3


@dataclass(frozen=True, eq=False)
class Descriptors:
    """The parts of a program.

    Attributes
    ----------
    words
        uint64 [tiles, D].
    lists
        int32: entries of all index lists, -1 for none.
    masks
        bool [masks, R Cs].
    rider_masks
        bool [masks, C].
    """

    words: Words
    lists: NDArray[np.int32]
    masks: Bits
    rider_masks: Bits


def words_per_tile(shape: ArrayShape) -> int:
    """Words of a descriptor, D."""
    return 1 + shape.gather + shape.segments + shape.global_rows


def encode(tiles: Tiles) -> Descriptors:
    """Return the descriptors of tiles.

    Raises
    ------
    InputError
        If something does not fit its field.
    """
    lists = [tiles.keys]
    block, listed = _blocks(tiles, len(tiles.keys))
    lists.append(listed)
    gather, listed = _gathered(tiles, sum(map(len, lists)))
    lists.append(listed)
    segment, masks = _segments(tiles)
    rider, rider_masks = _riders(tiles)
    words = np.concatenate([block[:, None], gather, segment, rider], axis=1)
    return Descriptors(words, np.concatenate(lists), masks, rider_masks)


def _blocks(tiles: Tiles, place: int) -> tuple[Words, NDArray[np.int32]]:
    """Block words, and lists of queries that start at `place`."""
    first, last = tiles.boundaries()
    fits, low, high, base, step = _progressions(tiles.queries)
    listed = ~(fits & (low == 0))
    number = place + (np.cumsum(listed) - 1) * tiles.shape.rows
    of_tile = tiles.block
    busy = of_tile >= 0

    def each(values: Any) -> Integers:
        if not busy.any():
            return np.zeros(len(tiles), np.int64)
        return np.where(busy, np.asarray(values)[of_tile], 0)

    word = pack(BLOCK, {
        "first": first, "last": last, "listed": each(listed),
        "count": each(np.where(listed, 0, high)), "base": each(np.where(listed, number, base)),
        "step": each(np.where(listed, 0, step)),
    })  # fmt: skip
    return word, tiles.queries[listed].ravel()


def _gathered(tiles: Tiles, place: int) -> tuple[Words, NDArray[np.int32]]:
    shape = tiles.shape
    columns = tiles.gather.transpose(0, 2, 1).reshape(-1, shape.rows)
    fits, low, high, base, step = _progressions(columns)
    listed = ~fits
    number = place + (np.cumsum(listed) - 1) * shape.rows
    mode = np.where(listed, _LISTED, np.where(high > 0, _PROGRESSION, 0))
    plain = mode == _PROGRESSION
    word = pack(GATHER, {
        "mode": mode, "low": np.where(plain, low, 0), "high": np.where(plain, high, 0),
        "base": np.where(listed, number, np.where(plain, base, 0)),
        "step": np.where(plain, step, 0),
    })  # fmt: skip
    return word.reshape(len(tiles), shape.gather), columns[listed].ravel()


def _progressions(values: NDArray[np.int32]) -> tuple[Bits, Integers, Integers, Integers, Integers]:
    """Of rows [n, R]: whether they are `base + step * i` for low <= i < high and else -1."""
    rows = values.shape[1]
    given = values >= 0
    count = given.sum(axis=1)
    low = np.argmax(given, axis=1)
    high = np.where(count > 0, rows - np.argmax(given[:, ::-1], axis=1), 0)
    which = np.arange(len(values))
    start = values[which, low].astype(np.int64)
    second = values[which, np.minimum(low + 1, rows - 1)]
    step = np.where(count > 1, second - start, 0)
    base = start - step * low
    expected = base[:, None] + step[:, None] * np.arange(rows)
    fits = (count == high - low) & (step >= 0) & (~given | (values == expected)).all(axis=1)
    return fits, low, high, base, step


def _segments(tiles: Tiles) -> tuple[Words, Bits]:
    size = tiles.mask.shape
    mode, low, high = (np.zeros(size, np.int64) for _ in range(3))
    masks = np.unpackbits(
        tiles.masks, axis=1, count=tiles.shape.rows * tiles.shape.segment_cols, bitorder="little"
    ).astype(np.bool_)
    for start in range(0, len(tiles), TILES_AT_ONCE):
        stop = min(len(tiles), start + TILES_AT_ONCE)
        tile, segment = np.nonzero(tiles.mask[start:stop] >= 0)
        present = _present(tiles, start, stop, tile, segment)
        bits = masks[tiles.mask[start + tile, segment]].reshape(present.shape)
        inside, first, end = _column_range(np.any(bits, axis=1))
        plain = (bits == present & inside[:, None, :]).all(axis=(1, 2))
        place = start + tile, segment
        mode[place] = np.where(plain, _COLUMNS, _EXPLICIT)
        low[place], high[place] = np.where(plain, first, 0), np.where(plain, end, 0)
    explicit = mode == _EXPLICIT
    # Equal masks are kept once: blocks in the middle of a sequence have the same.
    kept, which = np.unique(
        tiles.masks[tiles.mask[explicit]], axis=0, return_index=True, return_inverse=True
    )[1:]
    number = np.zeros(size, np.int64)
    number[explicit] = which.ravel()
    word = pack(SEGMENT, {
        "kind": tiles.kind, "mask": mode, "base": tiles.base, "step": tiles.step, "low": low,
        "high": high, "number": number,
    })  # fmt: skip
    return word, masks[tiles.mask[explicit][kept]]


def _present(
    tiles: Tiles, start: int, stop: int, tile: Integers, segment: Integers
) -> Bits:
    """Elements of units that have a query and a token, bool [units, R, Cs]."""
    shape = tiles.shape
    port = np.arange(shape.rows)[:, None] - np.arange(shape.segment_cols) + shape.segment_cols - 1
    tokens = tiles.port_tokens(start, stop)[tile, segment][:, port]
    present: Bits = (tokens >= 0) & (tiles.row_queries(start, stop)[tile] >= 0)[:, :, None]
    return present


def _column_range(used: NDArray[Any]) -> tuple[Bits, Integers, Integers]:
    """The columns from the first used to the last, as bits [n, :] and as low and high."""
    count = used.shape[1]
    some = used.any(axis=1)
    low = np.where(some, np.argmax(used, axis=1), 0)
    high = np.where(some, count - np.argmax(used[:, ::-1], axis=1), 0)
    return _between(low, high, count), low, high


def _between(low: Integers, high: Integers, count: int) -> Bits:
    column = np.arange(count)
    between: Bits = (column >= low[..., None]) & (column < high[..., None])
    return between


def _riders(tiles: Tiles) -> tuple[Words, Bits]:
    shape = tiles.shape
    first, last = tiles.rider_boundaries()
    active = tiles.rider_queries >= 0
    tokens = tiles.rider_tokens.reshape(-1, shape.cols)
    used = tokens >= 0
    some = used.any(axis=1)
    at = np.argmax(used, axis=1)
    base = np.where(some, tokens[np.arange(len(tokens)), at] - at, 0)
    if shape.global_row_kv == "private":
        there = _private_tokens(base, tiles) >= 0
    else:
        base = np.zeros_like(base)
        there = np.repeat(tiles.last_row_tokens(0, len(tiles)) >= 0, shape.global_rows, axis=0)
    inside, low, high = _column_range(used)
    mode = np.where(
        (used == there).all(axis=1), _RIDER_ALL,
        np.where((used == there & inside).all(axis=1), _RIDER_COLUMNS, _RIDER_EXPLICIT),
    )  # fmt: skip
    mode[~some] = 0
    explicit, plain = mode == _RIDER_EXPLICIT, mode == _RIDER_COLUMNS
    kept, which = np.unique(used[explicit], axis=0, return_inverse=True)
    number = np.zeros(len(tokens), np.int64)
    number[explicit] = which.ravel()
    word = pack(RIDER, {
        "active": active.ravel(), "first": first.ravel(), "last": last.ravel(), "mask": mode,
        "query": np.where(active, tiles.rider_queries, 0).ravel(),
        "low": np.where(plain, low, 0), "high": np.where(plain, high, 0), "number": number,
        "base": base,
    })  # fmt: skip
    return word.reshape(active.shape), kept


def _private_tokens(base: Integers, tiles: Tiles) -> Integers:
    tokens: Integers = base[:, None] + np.arange(tiles.shape.cols)
    return np.where((tokens >= 0) & (tokens < tiles.key_count), tokens, -1)


def decode(shape: ArrayShape, keys: int, descriptors: Descriptors) -> Tiles:
    """Return the tiles of descriptors, for so many keys.

    Raises
    ------
    InputError
        If a descriptor points to what is not there.
    """
    cut = np.cumsum([1, shape.gather, shape.segments])
    block_words, gather_words, segment_words, rider_words = np.split(
        descriptors.words, cut, axis=1
    )
    block, queries = _read_blocks(shape, unpack(BLOCK, block_words[:, 0]), descriptors.lists)
    segment = unpack(SEGMENT, segment_words)
    circulant = segment["kind"] == CIRCULANT
    _check_lists("segment", descriptors.lists, segment["base"], segment["step"], circulant)
    listed = int((segment["base"] + segment["step"])[circulant].max(initial=0))
    count = len(block)
    tiles = Tiles(
        shape, keys, queries, block, segment["kind"].astype(np.uint8),
        segment["base"].astype(np.int32), segment["step"].astype(np.int32),
        np.full((count, shape.segments), -1, np.int32), descriptors.lists[:listed],
        np.zeros((0, -(-shape.rows * shape.segment_cols // 8)), np.uint8),
        _read_gathered(shape, unpack(GATHER, gather_words), descriptors.lists),
        np.full((count, shape.global_rows), -1, np.int32),
        np.full((count, shape.global_rows, shape.cols), -1, np.int32),
    )  # fmt: skip
    _read_riders(tiles, unpack(RIDER, rider_words), descriptors.rider_masks)
    return _with_masks(tiles, segment, descriptors.masks)


def _with_masks(tiles: Tiles, segment: dict[str, Integers], masks: Bits) -> Tiles:
    """Return the tiles with their masks, each as bits."""
    explicit = segment["mask"] == _EXPLICIT
    _check_number("mask", segment["number"][explicit], len(masks))
    tiles.mask[explicit] = segment["number"][explicit]
    made = [masks]
    total = len(masks)
    for start in range(0, len(tiles), TILES_AT_ONCE):
        stop = min(len(tiles), start + TILES_AT_ONCE)
        tile, column = np.nonzero(segment["mask"][start:stop] == _COLUMNS)
        place = start + tile, column
        inside = _between(
            segment["low"][place], segment["high"][place], tiles.shape.segment_cols
        )
        bits = _present(tiles, start, stop, tile, column) & inside[:, None, :]
        tiles.mask[place] = total + np.arange(len(tile))
        made.append(bits.reshape(len(tile), masks.shape[1]))
        total += len(tile)
    packed = np.packbits(np.concatenate(made), axis=1, bitorder="little")
    return Tiles(**{**vars(tiles), "masks": packed})


def _read_blocks(
    shape: ArrayShape, block: dict[str, Integers], lists: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Block of each tile, and queries of each block."""
    row = np.arange(shape.rows)
    start = block["first"] == 1
    listed = block["listed"] == 1
    _check_lists("block", lists, block["base"], np.full(len(start), shape.rows), listed)
    queries = np.where(
        row < block["count"][:, None], block["base"][:, None] + block["step"][:, None] * row, -1
    )
    if listed.any():
        queries[listed] = lists[block["base"][listed, None] + row]
    idle = ~start & (block["last"] == 0) & (queries < 0).all(axis=1)
    number = np.where(idle, -1, np.cumsum(start) - 1).astype(np.int32)
    return number, queries[start].astype(np.int32)


def _read_gathered(
    shape: ArrayShape, gather: dict[str, Integers], lists: NDArray[np.int32]
) -> NDArray[np.int32]:
    row = np.arange(shape.rows)
    listed = gather["mode"] == _LISTED
    _check_lists("gather", lists, gather["base"], np.full(listed.shape, shape.rows), listed)
    inside = _between(gather["low"], gather["high"], shape.rows)
    keys = gather["base"][..., None] + gather["step"][..., None] * row
    keys = np.where(inside & (gather["mode"] == _PROGRESSION)[..., None], keys, -1)
    if listed.any():
        keys[listed] = lists[gather["base"][listed][:, None] + row]
    return keys.transpose(0, 2, 1).astype(np.int32)


def _read_riders(tiles: Tiles, rider: dict[str, Integers], masks: Bits) -> None:
    """Fill in the riders of tiles."""
    shape = tiles.shape
    active = rider["active"] == 1
    tiles.rider_queries[active] = rider["query"][active]
    mode = rider["mask"].ravel()
    if shape.global_row_kv == "private":
        tokens = _private_tokens(rider["base"].ravel(), tiles)
    else:
        tokens = np.repeat(tiles.last_row_tokens(0, len(tiles)), shape.global_rows, axis=0)
    used = np.zeros(tokens.shape, np.bool_)
    used[mode == _RIDER_ALL] = True
    columns = mode == _RIDER_COLUMNS
    used[columns] = _between(rider["low"], rider["high"], shape.cols).reshape(used.shape)[columns]
    explicit = mode == _RIDER_EXPLICIT
    number = rider["number"].ravel()[explicit]
    _check_number("rider mask", number, len(masks))
    used[explicit] = masks[number]
    tiles.rider_tokens[...] = np.where(used, tokens, -1).reshape(tiles.rider_tokens.shape)


def _check_number(what: str, number: Integers, count: int) -> None:
    if (number >= count).any():
        raise InputError(f"program must have {what} {number.max()}, and has {count} of them")


def _check_lists(
    what: str, lists: NDArray[np.int32], place: Integers, count: Integers, used: Bits
) -> None:
    wrong = used & ((place < 0) | (place + count > len(lists)))
    if wrong.any():
        raise InputError(
            f"program must have the list at {place[wrong][0]} that a {what} word points to, and "
            f"has {len(lists)} entries"
        )

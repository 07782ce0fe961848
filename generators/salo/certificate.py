"""The certificate: proof that tiles do what a pattern asks, and nothing else.

It is made from the tiles as they are written out (:meth:`.tiles.Tiles.batch`), without anything
that the scheduler knew, and checks (brief section 5.2):

- each allowed pair stands in one place, and no other pair in any;
- on each diagonal of a segment all elements, and riders below them, have the same token: the token
  depends on i - j alone, as the wires have it;
- a query is in one row of one block or in one rider row, and the tiles of a block, and those of a
  rider, follow each other: its sums stay in one place;
- with private feeds the keys of a rider are consecutive.

Every pair is looked at: that patterns repeat is not made use of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CheckFailed
from .pattern import Pattern, Progress
from .shape import ArrayShape
from .tiles import TileBatch, Tiles

__all__ = ["Certificate", "certify"]

Integers = NDArray[np.int64]

ELEMENTS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Certificate:
    """What was checked.

    Attributes
    ----------
    pairs
        Allowed pairs, each of which was found once.
    tiles
        Tiles.
    """

    pairs: int
    tiles: int


def certify(tiles: Tiles, pattern: Pattern, progress: Progress | None = None) -> Certificate:
    """Check the tiles against the pattern.

    Raises
    ------
    CheckFailed
        If they are not right; the message names the first pair, query or tile found wrong.
    """
    _check_queries(tiles, pattern)
    shape = tiles.shape
    size = max(1, ELEMENTS_AT_ONCE // (shape.rows * (shape.cols + shape.gather)))
    riders: list[Integers] = []
    # Whole blocks at a time, so that all pairs of a query are there.
    ends = np.unique(np.append(np.flatnonzero(tiles.boundaries()[1]) + 1, len(tiles)))
    start = found = 0
    while start < len(tiles):
        within = ends[(ends > start) & (ends <= start + size)]
        stop = int(within[-1] if len(within) else ends[ends > start][0])
        batch = tiles.batch(start, stop)
        _check_tokens(batch, pattern.keys, start)
        _check_wires(batch, shape, start)
        pairs = _pairs(batch.queries, batch.tokens, pattern.keys)
        found += _check_coverage(pairs, np.unique(batch.queries), pattern)
        riders.append(_pairs(batch.rider_queries, batch.rider_tokens, pattern.keys))
        start = stop
        if progress is not None:
            progress("certificate", start / len(tiles))
    ridden = np.unique(tiles.rider_queries).astype(np.int64)
    found += _check_coverage(np.concatenate([*riders, ridden[:0]]), ridden, pattern)
    return Certificate(found, len(tiles))


def _check_queries(tiles: Tiles, pattern: Pattern) -> None:
    """Each query has one place for its sums, which is its own as long as it needs it."""
    if tiles.key_count != pattern.keys:
        raise CheckFailed(f"tiles are for {tiles.key_count} keys instead of {pattern.keys}")
    first, _ = tiles.boundaries()
    blocks = tiles.block[first]
    rider_first, _ = tiles.rider_boundaries()
    queries = np.concatenate(
        [tiles.queries[blocks].ravel(), tiles.rider_queries[rider_first]]
    )
    queries = queries[queries >= 0]
    if len(queries) and queries.max() >= pattern.queries:
        raise CheckFailed(f"query {queries.max()} is not one of {pattern.queries}")
    times = np.bincount(queries, minlength=pattern.queries)
    wrong = np.flatnonzero(times != 1)
    if len(wrong):
        raise CheckFailed(
            f"query {wrong[0]} has {times[wrong[0]]} places for its sums instead of 1"
        )


def _check_tokens(batch: TileBatch, keys: int, start: int) -> None:
    """Tokens are keys of the sequence, and in rows that have a query."""
    for queries, tokens in (
        (batch.queries, batch.tokens), (batch.rider_queries, batch.rider_tokens)
    ):  # fmt: skip
        wrong = np.argwhere((tokens >= keys) | (tokens >= 0) & (queries < 0)[:, :, None])
        if len(wrong):
            tile, row, column = wrong[0]
            raise CheckFailed(
                f"tile {start + tile}, row {row}: query {queries[tile, row]} and token "
                f"{tokens[tile, row, column]} are not a pair"
            )


def _check_wires(batch: TileBatch, shape: ArrayShape, start: int) -> None:
    """The token of an element depends on its diagonal alone."""
    count, width, rows = len(batch), shape.segment_cols, shape.rows
    local = batch.tokens[:, :, : shape.cols].reshape(count, rows, shape.segments, width)
    local = local.transpose(0, 2, 1, 3)
    if shape.global_row_kv == "shared":
        riders = batch.rider_tokens.reshape(count, shape.global_rows, shape.segments, width)
        # A rider row takes its tokens from the elements of the last row.
        below = riders.transpose(0, 2, 1, 3)
        diagonal = rows - 1 - np.arange(width) + width - 1
        top = _per_diagonal(local, np.maximum, -1)
        bottom = _per_diagonal(local, np.minimum, _NOTHING)
        for rider in range(shape.global_rows):
            token = below[:, :, rider]
            top[:, :, diagonal] = np.maximum(top[:, :, diagonal], token)
            token = np.where(token < 0, _NOTHING, token)
            bottom[:, :, diagonal] = np.minimum(bottom[:, :, diagonal], token)
    else:
        top = _per_diagonal(local, np.maximum, -1)
        bottom = _per_diagonal(local, np.minimum, _NOTHING)
        _check_consecutive(batch, shape, start)
    wrong = np.argwhere((top >= 0) & (top != bottom))
    if len(wrong):
        tile, segment, port = wrong[0]
        raise CheckFailed(
            f"tile {start + tile}, segment {segment}, diagonal i - j = {port - width + 1}: tokens "
            f"{bottom[tile, segment, port]} and {top[tile, segment, port]} on one wire"
        )


_NOTHING = np.iinfo(np.int64).max


def _per_diagonal(local: Integers, combine: np.ufunc, nothing: int) -> Integers:
    """Combine the tokens of each diagonal of [n, S, R, Cs], to [n, S, R + Cs - 1]."""
    count, segments, rows, width = local.shape
    ports = rows + width - 1
    result = np.full((count, segments, ports), nothing)
    given = local if nothing < 0 else np.where(local < 0, nothing, local)
    for row in range(rows):
        # Column j of row i is on port i - j + Cs - 1.
        window = result[:, :, row : row + width]
        combine(window, given[:, :, row, ::-1], out=window)
    return result


def _check_consecutive(batch: TileBatch, shape: ArrayShape, start: int) -> None:
    base = batch.rider_tokens - np.arange(shape.cols)
    given = batch.rider_tokens >= 0
    most = np.where(given, base, -_NOTHING).max(axis=2, initial=-_NOTHING)
    least = np.where(given, base, _NOTHING).min(axis=2, initial=_NOTHING)
    wrong = np.argwhere(given.any(axis=2) & (most != least))
    if len(wrong):
        raise CheckFailed(
            f"tile {start + wrong[0][0]}, rider row {wrong[0][1]}: keys are not consecutive"
        )


def _pairs(queries: Integers, tokens: Integers, keys: int) -> Integers:
    """Pairs `query * keys + token` of rows [n, R] and their tokens [n, R, :], as they occur.

    Rows of a query together and columns backwards: tokens of a band are then in order, and quickly
    sorted.
    """
    order = np.argsort(queries, axis=None, kind="stable")
    ordered = tokens.reshape(-1, tokens.shape[2])[order, ::-1]
    row, column = np.nonzero(ordered >= 0)
    return queries.ravel()[order][row] * keys + ordered[row, column]


def _check_coverage(emitted: Integers, queries: Integers, pattern: Pattern) -> int:
    """Compare pairs with those that the pattern allows to the queries; return how many."""
    emitted = np.sort(emitted, kind="stable")
    queries = queries[queries >= 0]
    place, key = pattern.pairs(queries)
    allowed = queries[place] * pattern.keys + key
    if len(emitted) == len(allowed) and (emitted == allowed).all():
        return len(allowed)
    for codes, what in (
        (np.setdiff1d(allowed, emitted), "is allowed and nowhere"),
        (np.setdiff1d(emitted, allowed), "is not allowed and computed"),
        (emitted[1:][emitted[1:] == emitted[:-1]], "is computed more than once"),
    ):
        if len(codes):
            query, token = divmod(int(codes[0]), pattern.keys)
            raise CheckFailed(f"pair (query {query}, key {token}) {what}")
    return len(allowed)

"""Shards of a block of intervals: groups of edges with one source, filled greedily.

Brief section 4. The edges of a block are one sorted array of keys `(iv N + src) D + dst_local`;
a group is a run of one `(iv, src)`, of which the lower bound counts one row each. Sources are
taken in their order, as many as fit: for sources in a fixed order that is the fewest shards.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .graph import Ids, Ints
from .limits import PINNED_BIT, Limits

__all__ = ["Block", "Method", "block_shards", "distinct"]

Words = NDArray[np.uint32]


class Method(StrEnum):
    """How sources are gathered into shards."""

    FGGP = "fggp"
    """Sources with an edge into the interval, as many as fit: the method of the brief."""

    DSW = "dsw"
    """Windows of ids that slide to the next source with an edge and shrink to the last (HyGCN);
    the rows between are loaded too."""

    GRID = "grid"
    """Aligned windows of ids, each loaded whole if any of its sources has an edge."""

    NONE = "none"
    """A row for each edge."""


@dataclass(frozen=True, eq=False)
class Block:
    """Shards of consecutive intervals.

    Attributes
    ----------
    shard_interval
        Interval of each shard, ascending.
    shard_sources, shard_edges, shard_used
        Rows, edges, and rows that have an edge, of each shard.
    sources
        Ids of the rows, shard by shard.
    words
        Edges, shard by shard, each `dst_local << 16 | src_local`, ascending within a shard; empty
        if they were not asked for, like `sources`.
    bound
        Groups whose source is not resident: each must be loaded once at least.
    cuts
        Pieces beyond the first of such groups that are larger than a shard.
    """

    shard_interval: Ints
    shard_sources: Ints
    shard_edges: Ints
    shard_used: Ints
    sources: Words
    words: Words
    bound: int
    cuts: int


@dataclass(frozen=True, eq=False)
class _Groups:
    """Groups of a block, cut: `key = iv N + src`, edges, and the slot if the row is resident."""

    key: Ints
    interval: Ints
    source: Ints
    edges: Ints
    slot: Ids
    bound: int
    cuts: int


def distinct(keys: Ints) -> Ints:
    """Return where runs of equal values start in a sorted array."""
    if not len(keys):
        return np.zeros(0, np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.flatnonzero(keys[1:] != keys[:-1]) + 1])


def block_shards(
    keys: Ints, vertices: int, limits: Limits, method: Method = Method.FGGP,
    slots: Ids | None = None, *, lists: bool = True,
) -> Block:  # fmt: skip
    """Cut the edges of some intervals into shards.

    Parameters
    ----------
    keys
        Sorted keys of all edges into these intervals.
    vertices
        N.
    limits
        What fits.
    method
        How to gather sources.
    slots
        Slot of each vertex among the resident rows, -1 for the others; None if there are none.
    lists
        Whether sources and edge words are wanted, or counts alone.
    """
    group_key = keys // limits.interval
    groups = _groups(group_key, vertices, limits, method, slots)
    starts = _follow(_next(groups, vertices, limits, method))
    ends = np.append(starts[1:], len(groups.key))
    edge_at = np.concatenate([np.zeros(1, np.int64), np.cumsum(groups.edges)])
    shard_edges = edge_at[ends] - edge_at[starts]
    is_row = groups.slot < 0
    row_at = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_row)])
    used = row_at[ends] - row_at[starts]
    first, rows = _rows(groups, starts, ends, used, vertices, limits, method)
    shard_interval = groups.interval[starts]
    sources = words = np.zeros(0, np.uint32)
    if lists:
        shard_of = np.repeat(np.arange(len(starts)), ends - starts)
        if first is None:
            local = row_at[:-1] - row_at[starts][shard_of]
            sources = groups.source[is_row].astype(np.uint32)
        else:
            local = groups.source - first[shard_of]
            inside = np.arange(rows.sum()) - np.repeat(np.cumsum(rows) - rows, rows)
            sources = (np.repeat(first, rows) + inside).astype(np.uint32)
        local = np.where(is_row, local, groups.slot | PINNED_BIT)
        words = _words(keys - group_key * limits.interval, shard_of, local, groups.edges)
    return Block(
        shard_interval, rows, shard_edges, used, sources, words, groups.bound, groups.cuts
    )


def _groups(
    group_key: Ints, vertices: int, limits: Limits, method: Method, slots: Ids | None
) -> _Groups:
    runs = distinct(group_key)
    starts = np.arange(len(group_key)) if method is Method.NONE else runs
    key, edges = group_key[starts], np.diff(starts, append=len(group_key))
    cap = limits.window_cap if method is Method.GRID else limits.cap
    pieces = -(-edges // cap)
    resident = np.zeros(0, np.bool_)
    if slots is not None:
        resident = slots[group_key[runs] % vertices] >= 0
    bound = len(runs) - int(np.count_nonzero(resident))
    before = len(key) if slots is None else int(np.count_nonzero(slots[key % vertices] < 0))
    if len(key) and pieces.max() > 1:
        last = np.cumsum(pieces) - 1
        rest = edges - (pieces - 1) * cap
        key, edges = np.repeat(key, pieces), np.full(pieces.sum(), cap)
        edges[last] = rest
    interval = key // max(1, vertices)
    source = key - interval * vertices
    slot = np.full(len(key), -1, np.int32) if slots is None else slots[source]
    cuts = int(np.count_nonzero(slot < 0)) - before
    return _Groups(key, interval, source, edges, slot, bound, cuts)


def _next(groups: _Groups, vertices: int, limits: Limits, method: Method) -> Ints:
    """Return, for each group, the first one that a shard starting there cannot take."""
    edge_sum = np.concatenate([np.zeros(1, np.int64), np.cumsum(groups.edges)])
    bounds = np.append(np.flatnonzero(np.diff(groups.interval)) + 1, len(groups.key))
    found = np.repeat(bounds, np.diff(bounds, prepend=0))
    most = limits.window_cap if method is Method.GRID else limits.max_edges
    np.minimum(found, _reach(edge_sum, most), out=found)
    if method in (Method.FGGP, Method.NONE):
        rows = np.concatenate([np.zeros(1, np.int64), np.cumsum(groups.slot < 0)])
        size = limits.source_bytes * rows + limits.edge_bytes * edge_sum
        np.minimum(found, _reach(size, limits.capacity), out=found)
        np.minimum(found, _reach(rows, limits.rows), out=found)
        return found
    if method is Method.GRID:
        # Key `iv N + window` changes where the window or the interval does.
        window = groups.interval * vertices + groups.source // limits.window
        ends = np.append(distinct(window)[1:], len(window))
        np.minimum(found, np.repeat(ends, np.diff(ends, prepend=0)), out=found)
        return found
    # A window from group i to j has src_j - src_i + 1 rows. Gaps wider than any window count as
    # just too wide, so that sums stay far below 2^63.
    most = min(limits.rows, limits.capacity // limits.source_bytes)
    place = np.cumsum(np.minimum(np.diff(groups.key, prepend=groups.key[:1]), most))
    last = limits.source_bytes * place + limits.edge_bytes * edge_sum[1:]
    first = limits.source_bytes * (place - 1) + limits.edge_bytes * edge_sum[:-1]
    np.minimum(found, np.searchsorted(last, first + limits.capacity, "right"), out=found)
    np.minimum(found, np.searchsorted(place, place + most), out=found)
    return found


def _reach(total: Ints, most: int) -> Ints:
    """Return the last index j for each i such that `total[j] - total[i] <= most`."""
    last: Ints = np.searchsorted(total, total[:-1] + most, "right") - 1
    return last


def _follow(following: Ints) -> Ints:
    """Return 0, next[0], next[next[0]], ... without the end."""
    steps: Any = following.data  # its elements come faster than those of the array
    starts, at, count = [], 0, len(following)
    while at < count:
        starts.append(at)
        at = steps[at]
    return np.array(starts, np.int64)


def _rows(
    groups: _Groups, starts: Ints, ends: Ints, used: Ints, vertices: int, limits: Limits,
    method: Method,
) -> tuple[Ints | None, Ints]:  # fmt: skip
    """Return the first row of each shard, if its rows are consecutive ids, and their number."""
    if method is Method.DSW:
        first = groups.source[starts]
        return first, groups.source[ends - 1] - first + 1
    if method is Method.GRID:
        first = groups.source[starts] // limits.window * limits.window
        return first, np.minimum(limits.window, vertices - first)
    return None, used


def _words(dst_local: Ints, shard_of: Ints, src_local: Ints, edges: Ints) -> Words:
    low = (shard_of << 32) | src_local
    words = np.repeat(low, edges)
    words |= dst_local << 16
    words.sort()
    return words.astype(np.uint32)  # the low half: the shard is in the high one

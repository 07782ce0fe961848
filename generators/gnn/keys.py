"""Edges as sorted keys: `(interval of dst, src, dst within its interval)` in one int64 each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .graph import Graph, Ids, Ints, Progress, silent
from .limits import Limits
from .shards import distinct

__all__ = ["blocks", "edge_keys", "lower_bound", "pack", "pinned_rows", "slots_of"]

STEP, BLOCK = 1 << 20, 1 << 18
"""Edges packed, and cut, at a time: few enough that what is in between stays small."""


def pack(src: Ids | Ints, dst: Ids | Ints, vertices: int, interval: int) -> Ints:
    """Return the keys `(iv N + src) D + dl` of edges, with `dst = iv D + dl`.

    `P N D < (N + D) N`, which is below 2^63 for every N below 2^31: no key overflows.
    """
    key = dst.astype(np.int64)
    local = key % interval
    key //= interval
    key *= vertices
    key += src
    key *= interval
    key += local
    return key


def edge_keys(
    graph: Graph, interval: int, rank: Ids | None = None, progress: Progress = silent
) -> Ints:
    """Return the sorted keys of all edges of a graph, vertices renamed by `rank` if given."""
    keys = np.empty(graph.edges, np.int64)
    for at in range(0, graph.edges, STEP):
        part = slice(at, at + STEP)
        progress("keys", at, graph.edges)
        src, dst = graph.src[part], graph.dst[part]
        if rank is not None:
            src, dst = rank[src], rank[dst]
        keys[part] = pack(src, dst, graph.vertices, interval)
    keys.sort()
    return keys


def blocks(keys: Ints, vertices: int, interval: int, step: int = BLOCK) -> Iterator[Ints]:
    """Give sorted keys in pieces of whole intervals, of `step` edges where an interval allows."""
    at, per_interval = 0, vertices * interval
    while at < len(keys):
        end = len(keys)
        if at + step < end:
            last = int(keys[at + step]) // per_interval
            cut = int(np.searchsorted(keys, last * per_interval))
            # One interval with more edges than a step stays whole.
            end = cut if cut > at else int(np.searchsorted(keys, (last + 1) * per_interval))
        yield keys[at:end]
        at = end


def lower_bound(graph: Graph, interval: int, rank: Ids | None = None) -> int:
    """Return LB, the sum over intervals of the number of their sources; brief section 2."""
    keys = np.empty(graph.edges, np.int64)
    for at in range(0, graph.edges, STEP):
        part = slice(at, at + STEP)
        src, dst = graph.src[part], graph.dst[part]
        if rank is not None:
            src, dst = rank[src], rank[dst]
        key = dst.astype(np.int64) // interval
        key *= graph.vertices
        key += src
        keys[part] = key
    keys.sort()
    return len(distinct(keys))


def pinned_rows(needed: Ints, limits: Limits) -> Ids:
    """Return the sources to keep resident, given how many intervals need each.

    Those that most intervals need, the lower id first; none that only one needs, which gains
    nothing.
    """
    wanted = np.lexsort((np.arange(len(needed)), -needed))[: limits.pinned]
    return np.sort(wanted[needed[wanted] > 1]).astype(np.int32)


def slots_of(pinned: Ids, vertices: int) -> Ids | None:
    """Return the slot of each vertex among the resident rows, -1 for others; None without any."""
    if not len(pinned):
        return None
    slots = np.full(vertices, -1, np.int32)
    slots[pinned] = np.arange(len(pinned), dtype=np.int32)
    return slots

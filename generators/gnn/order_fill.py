"""Greedy interval filling: the vertex order that loads the fewest new sources at each step.

Brief section 4. An interval is filled by always taking the unplaced destination that misses the
fewest sources; when no destination is known to have one of the loaded sources, the next of a seed
order is taken. A queue of buckets is keyed by missing sources; entries that are out of date stay
in it and are passed over.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .graph import Graph, Ids, Ints, Progress, silent
from .keys import STEP
from .shards import distinct

__all__ = ["HUB", "MOST_MISSING", "adjacency", "fill_intervals"]

HUB = 512
"""A source with more destinations says little about any, and is not propagated."""

MOST_MISSING = 63
"""All destinations that miss more count as missing so many."""

_FEW = 48
"""Updates below which a loop over them is faster than array operations."""

_ONE = np.int32(1)  # of the type of the counts, without which it takes four times as long
_TOLD_EVERY = 1 << 14


def adjacency(first: Ids, second: Ids, vertices: int) -> tuple[Ints, Ids]:
    """Return the distinct `second` of each `first`, ascending: where each begins, and the list."""
    keys = np.empty(len(first), np.int64)
    for at in range(0, len(first), STEP):
        part = slice(at, at + STEP)
        key = first[part].astype(np.int64)
        key *= vertices
        key += second[part]
        keys[part] = key
    keys.sort()
    keys = keys[distinct(keys)]
    other = np.empty(len(keys), np.int32)
    counts = np.zeros(vertices + 1, np.int64)
    for at in range(0, len(keys), STEP):
        part = slice(at, at + STEP)
        owner = keys[part] // vertices
        other[part] = keys[part] - owner * vertices
        counts += np.bincount(owner + 1, minlength=vertices + 1)
    return np.cumsum(counts), other


def fill_intervals(
    graph: Graph, interval: int, seeds: Ids, progress: Progress = silent
) -> Ids:
    """Return the order of a graph's vertices that fills intervals greedily.

    Parameters
    ----------
    graph
        The graph.
    interval
        D, destinations of an interval.
    seeds
        The vertices in the order in which they are taken when nothing else says which.
    progress
        Told about the vertices placed.

    Returns
    -------
    ids
        The vertex at each place.
    """
    return _Filling(graph, interval).run(seeds, progress)


class _Filling:
    """The state of one interval, over the lists of all vertices."""

    def __init__(self, graph: Graph, interval: int) -> None:
        self._vertices, self._interval = graph.vertices, interval
        in_start, self._in = adjacency(graph.dst, graph.src, graph.vertices)
        out_start, self._out = adjacency(graph.src, graph.dst, graph.vertices)
        self._degree = np.diff(in_start).astype(np.int32)
        out_degree = np.diff(out_start)
        self._told = np.where(out_degree <= HUB, out_degree, 0)  # destinations told of a load
        self._in_start: Any = in_start.data
        self._out_start: Any = out_start.data
        self._missing = self._degree.copy()
        self._placed = np.zeros(graph.vertices, np.bool_)
        self._loaded = np.full(graph.vertices, -1, np.int32)  # the last interval that loaded it
        self._mark = np.empty(graph.vertices, np.int64)
        self._clear()

    def _clear(self) -> None:
        self._buckets: list[list[int]] = [[] for _ in range(MOST_MISSING + 1)]
        self._lowest = MOST_MISSING + 1
        self._touched: list[NDArray[Any]] = []

    def run(self, seeds: Ids, progress: Progress) -> Ids:
        """Place all vertices."""
        order = np.empty(self._vertices, np.int32)
        following = iter(seeds.tolist())
        placed: Any = self._placed.data
        for place in range(self._vertices):
            number, inside = divmod(place, self._interval)
            if not inside:
                for vertices in self._touched:
                    self._missing[vertices] = self._degree[vertices]
                self._clear()
            vertex = self._nearest(placed)
            if vertex is None:
                vertex = next(seed for seed in following if not placed[seed])
            placed[vertex] = True
            order[place] = vertex
            self._load(vertex, number)
            if place % _TOLD_EVERY == 0:
                progress("order", place, self._vertices)
        return order

    def _nearest(self, placed: Any) -> int | None:
        """Take the vertex that misses fewest out of the queue."""
        missing: Any = self._missing.data
        while self._lowest <= MOST_MISSING:
            bucket = self._buckets[self._lowest]
            while bucket:
                vertex = bucket.pop()
                if not placed[vertex] and min(missing[vertex], MOST_MISSING) == self._lowest:
                    return vertex
            self._lowest += 1
        return None

    def _load(self, vertex: int, number: int) -> None:
        """Load the sources of a vertex, and tell their destinations."""
        sources = self._in[self._in_start[vertex] : self._in_start[vertex + 1]]
        sources = sources[self._loaded[sources] != number]
        if not len(sources):
            return
        self._loaded[sources] = number
        updates = self._told[sources]
        total = int(updates.sum())
        if not total:
            return
        ranges = [
            self._out[self._out_start[source] : self._out_start[source + 1]]
            for source in sources[updates > 0].tolist()
        ]
        told = ranges[0] if len(ranges) == 1 else np.concatenate(ranges)
        if total < _FEW:
            self._update_few(told.tolist())
        else:
            self._update_many(told)

    def _update_few(self, told: list[int]) -> None:
        missing: Any = self._missing.data
        degree: Any = self._degree.data
        placed: Any = self._placed.data
        touched = []
        for vertex in told:
            if placed[vertex]:
                continue
            left = missing[vertex] - 1
            missing[vertex] = left
            first = left + 1 == degree[vertex]
            if first:
                touched.append(vertex)
            if left < MOST_MISSING or first:
                self._push(vertex, left)
        if touched:
            self._touched.append(np.array(touched, np.int64))

    def _push(self, vertex: int, missing: int) -> None:
        bucket = min(missing, MOST_MISSING)
        self._buckets[bucket].append(vertex)
        if bucket < self._lowest:
            self._lowest = bucket

    def _update_many(self, ids: Ids) -> None:
        told = ids.astype(np.int64)  # once, not in each of the operations that index by it
        told = told[~self._placed[told]]
        # Each vertex once, where it stands last: an index written twice keeps the last value.
        places = np.arange(len(told))
        self._mark[told] = places
        once = told[self._mark[told] == places]
        fresh = self._missing[once] == self._degree[once]
        np.subtract.at(self._missing, told, _ONE)
        left = self._missing[once]
        self._touched.append(once[fresh])
        pushed = (left < MOST_MISSING) | fresh
        chosen = np.minimum(left[pushed], MOST_MISSING)
        if not len(chosen):
            return
        buckets = self._buckets
        for vertex, bucket in zip(once[pushed].tolist(), chosen.tolist(), strict=True):
            buckets[bucket].append(vertex)
        self._lowest = min(self._lowest, int(chosen.min()))

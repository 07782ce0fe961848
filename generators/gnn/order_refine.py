"""Refinement of a vertex order: swaps of destinations between intervals that load fewer sources.

The lower bound is the connectivity of a hypergraph: a source is a net over its destinations, and
costs one load in every part it touches. Moving v from interval A to B saves the sources that only
v needs in A, and costs those that nothing in B needs:

    gain(v, B) = alone(v) - degree(v) + shared(v, B)

Intervals stay full, so vertices move in pairs. A pass finds all gains at once, then goes through
the pairs from the largest and makes those that are still worth it, exactly counted.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .graph import Graph, Ids, Ints, Progress, silent
from .order_fill import adjacency
from .shards import distinct

__all__ = ["MOST_REFINED", "refine"]

MOST_REFINED = 250_000
"""Distinct edges up to which orders are refined: some seconds."""

_PASSES = 24
_LEAST_GAIN = 0.002
"""The part of the lower bound that a pass must save for another to follow."""

_PARTNERS = 4
"""Partners that are tried for a vertex before it stays."""

_SPREAD = 64
"""A source in more intervals saves nothing by a single swap and attracts no vertex."""


def refine(
    graph: Graph, interval: int, order: Ids, progress: Progress = silent
) -> Ids:
    """Return an order whose lower bound is at most that of the given one.

    Parameters
    ----------
    graph
        The graph, of at most `MOST_REFINED` distinct edges.
    interval
        D, destinations of an interval.
    order
        The vertex at each place.
    progress
        Told about the passes.
    """
    state = _Swaps(graph, interval, order)
    bound = state.bound()
    for number in range(_PASSES):
        progress("refine", number, _PASSES)
        saved = state.improve()
        if saved <= _LEAST_GAIN * bound:
            break
        bound -= saved
    return state.order()


class _Swaps:
    """Which interval each vertex is in, and how many destinations each source has in each."""

    def __init__(self, graph: Graph, interval: int, order: Ids) -> None:
        self._vertices, self._interval = graph.vertices, interval
        self._intervals = max(1, -(-graph.vertices // interval))
        start, self._src = adjacency(graph.dst, graph.src, graph.vertices)
        self._degree = np.diff(start)
        self._dst = np.repeat(np.arange(graph.vertices), self._degree)
        bounds = start.tolist()
        sources = self._src.tolist()
        self._sources = [
            sources[low:high] for low, high in pairwise(bounds)
        ]
        place = np.empty(graph.vertices, np.int64)
        place[order] = np.arange(graph.vertices)
        self._place = place
        self._within = place // interval

    def order(self) -> Ids:
        """Return the vertex at each place."""
        return np.argsort(self._place).astype(np.int32)

    def bound(self) -> int:
        """Return the lower bound."""
        keys = np.sort(self._src.astype(np.int64) * self._intervals + self._within[self._dst])
        return len(distinct(keys))

    def improve(self) -> int:
        """Make the swaps of one pass; return how many loads they save."""
        mover, target, gain, base = self._gains()
        counts: list[dict[int, int]] = [{} for _ in range(self._vertices)]
        within = self._within.tolist()
        for source, vertex in zip(self._src.tolist(), self._dst.tolist(), strict=True):
            here = within[vertex]
            counts[source][here] = counts[source].get(here, 0) + 1
        # Partners: those that want to go the other way, then those that lose least anywhere.
        wishes: dict[tuple[int, int], list[int]] = {}
        rows = list(zip(mover.tolist(), target.tolist(), gain.tolist(), strict=True))
        for vertex, there, _ in rows:
            wishes.setdefault((within[vertex], there), []).append(vertex)
        easiest = np.lexsort((-base, self._within)).reshape(-1)
        starts = np.searchsorted(self._within[easiest], np.arange(self._intervals + 1)).tolist()
        easy = easiest.tolist()
        first = starts[:-1]
        moved = bytearray(self._vertices)
        saved = 0
        for vertex, there, wish in rows:
            here = within[vertex]
            if moved[vertex] or wish <= 0:
                continue
            end = starts[there + 1]
            at = first[there]
            while at < end and moved[easy[at]]:
                at += 1
            first[there] = at
            others = [other for other in wishes.get((there, here), ()) if not moved[other]]
            others = others[:_PARTNERS] + easy[at : min(at + _PARTNERS, end)]
            for other in others:
                if moved[other]:
                    continue
                won = self._swap(counts, vertex, other, here, there)
                if won > 0:
                    moved[vertex] = moved[other] = 1
                    within[vertex], within[other] = there, here
                    place = self._place
                    place[vertex], place[other] = place[other], place[vertex]
                    saved += won
                    break
                self._swap(counts, vertex, other, there, here)
        self._within = self._place // self._interval
        return saved

    def _gains(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return vertex, interval and gain of the moves, the best first, and the gain of each
        vertex if it moves where nothing it needs is loaded."""
        here = self._within[self._dst]
        keys = self._src.astype(np.int64) * self._intervals + here
        pairs, back, count = np.unique(keys, return_inverse=True, return_counts=True)
        alone = np.bincount(self._dst[count[back] == 1], minlength=self._vertices)
        base = alone - self._degree
        spread = np.bincount(pairs // self._intervals, minlength=self._vertices)
        start = np.concatenate([np.zeros(1, np.int64), np.cumsum(spread)])
        # Every edge attracts its destination to every interval of its source.
        useful = spread[self._src] <= _SPREAD
        edge_src, edge_dst = self._src[useful], self._dst[useful]
        times = spread[edge_src]
        inside = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        there = pairs[np.repeat(start[edge_src], times) + inside] % self._intervals
        wanted = np.sort(np.repeat(edge_dst, times) * self._intervals + there)
        at = distinct(wanted)
        shared = np.diff(at, append=len(wanted))
        vertex, there = np.divmod(wanted[at], self._intervals)
        gain = base[vertex] + shared
        keep = (there != self._within[vertex]) & (gain > -2)
        vertex, there, gain = vertex[keep], there[keep], gain[keep]
        best = np.argsort(-gain, kind="stable")
        return vertex[best], there[best], gain[best], base

    def _swap(
        self, counts: list[dict[int, int]], vertex: int, other: int, here: int, there: int
    ) -> int:
        """Exchange a vertex of `here` and one of `there`; return how many loads that saves."""
        won = 0
        for moving, old, new in ((vertex, here, there), (other, there, here)):
            for source in self._sources[moving]:
                count = counts[source]
                left = count[old] - 1
                if left:
                    count[old] = left
                else:
                    del count[old]
                    won += 1
                if new in count:
                    count[new] += 1
                else:
                    count[new] = 1
                    won -= 1
        return won

"""Orders of vertices, which decide what an interval holds; brief section 4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from ...errors import InputError, MissingToolError
from .graph import Graph, Ids, Ints, Progress, silent
from .keys import lower_bound
from .order_fill import adjacency, fill_intervals
from .order_refine import MOST_REFINED, refine

__all__ = ["Order", "Ordered", "degree_order", "order_vertices", "rank_of"]


class Order(StrEnum):
    """Orders that can be asked for."""

    NATURAL = "natural"
    """As the ids are."""

    DEGREE = "degree"
    """Most edges first, in and out together; the lower id first among equals."""

    RCM = "rcm"
    """Reverse Cuthill-McKee of the graph without directions."""

    NE = "ne"
    """Greedy interval filling, seeded by the ids."""

    NE_RCM = "ne-rcm"
    """Greedy interval filling, seeded by reverse Cuthill-McKee."""

    REFINED = "refined"
    """The best of the three above after swaps between intervals; of graphs that are not too large.
    """

    METIS = "metis"
    """Parts of least edge cut, one after the other; needs pymetis."""

    AUTO = "auto"
    """The one of the smallest lower bound, METIS left out."""


@dataclass(frozen=True, eq=False)
class Ordered:
    """A chosen order.

    Attributes
    ----------
    name
        Which one it is.
    rank
        Place of each vertex; None if they keep their ids.
    bounds
        Lower bound of every order that was tried.
    """

    name: Order
    rank: Ids | None
    bounds: dict[Order, int]


def rank_of(order: Ids) -> Ids:
    """Return the place of each vertex, given the vertex at each place."""
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank


def degree_order(degree: Ints) -> Ids:
    """Return the vertices, those of most edges first."""
    return np.argsort(-degree, kind="stable").astype(np.int32)


def order_vertices(
    graph: Graph, interval: int, order: Order, progress: Progress = silent
) -> Ordered:
    """Order the vertices of a graph for intervals of a size.

    Raises
    ------
    InputError
        If a graph is too large to be refined.
    MissingToolError
        If METIS is asked for and not installed.
    """
    if order is Order.NATURAL or (order is Order.AUTO and graph.vertices <= interval):
        # One interval loads the same in every order.
        return Ordered(Order.NATURAL, None, {Order.NATURAL: lower_bound(graph, interval)})
    orders = _Orders(graph, interval, progress)
    if order is Order.REFINED and graph.edges > MOST_REFINED:
        raise InputError(
            f"order must be another than refined for more than {MOST_REFINED} edges, not for "
            f"{graph.edges}"
        )
    if order is not Order.AUTO:
        rank = rank_of(orders.make(order))
        return Ordered(order, rank, {order: lower_bound(graph, interval, rank)})
    tried = [Order.DEGREE, *_REFINABLE]
    if graph.edges <= MOST_REFINED:
        tried.append(Order.REFINED)
    bounds = {Order.NATURAL: lower_bound(graph, interval)}
    name, best = Order.NATURAL, None
    for candidate in tried:
        rank = rank_of(orders.make(candidate))
        bounds[candidate] = lower_bound(graph, interval, rank)
        if bounds[candidate] < bounds[name]:
            name, best = candidate, rank
    return Ordered(name, best, bounds)


_REFINABLE = (Order.RCM, Order.NE, Order.NE_RCM)


class _Orders:
    """The orders of one graph, each made when it is first needed."""

    def __init__(self, graph: Graph, interval: int, progress: Progress) -> None:
        self._graph, self._interval, self._progress = graph, interval, progress
        self._made: dict[Order, Ids] = {}
        self._makers: dict[Order, Callable[[], Ids]] = {
            Order.NATURAL: lambda: np.arange(graph.vertices, dtype=np.int32),
            Order.DEGREE: lambda: degree_order(_degree(graph)),
            Order.RCM: lambda: _rcm(graph),
            Order.NE: lambda: self._filled(Order.NATURAL),
            Order.NE_RCM: lambda: self._filled(Order.RCM),
            Order.REFINED: self._refined,
            Order.METIS: lambda: _metis(graph, interval),
        }

    def make(self, order: Order) -> Ids:
        """Return the vertex at each place."""
        if order not in self._made:
            self._made[order] = self._makers[order]()
        return self._made[order]

    def _filled(self, seeds: Order) -> Ids:
        return fill_intervals(self._graph, self._interval, self.make(seeds), self._progress)

    def _refined(self) -> Ids:
        refined = (
            refine(self._graph, self._interval, self.make(order), self._progress)
            for order in _REFINABLE
        )
        return min(
            refined, key=lambda ids: lower_bound(self._graph, self._interval, rank_of(ids))
        )


def _degree(graph: Graph) -> Ints:
    count = graph.vertices
    return np.bincount(graph.src, minlength=count) + np.bincount(graph.dst, minlength=count)


def _both_ways(graph: Graph) -> tuple[Ints, Ids]:
    return adjacency(
        np.concatenate([graph.src, graph.dst]), np.concatenate([graph.dst, graph.src]),
        graph.vertices,
    )  # fmt: skip


def _rcm(graph: Graph) -> Ids:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    if not graph.vertices:
        return np.zeros(0, np.int32)
    starts, others = _both_ways(graph)
    shape = (graph.vertices, graph.vertices)
    matrix = csr_array((np.ones(len(others), np.int8), others, starts), shape=shape)
    order: Ids = reverse_cuthill_mckee(matrix, symmetric_mode=True).astype(np.int32)
    return order


def _metis(graph: Graph, interval: int) -> Ids:
    if find_spec("pymetis") is None:
        raise MissingToolError(
            "order must be another than metis where pymetis is not installed: pip install pymetis"
        )
    pymetis = import_module("pymetis")

    # Loops are no edges to METIS.
    proper = graph.src != graph.dst
    starts, others = _both_ways(Graph(graph.vertices, graph.src[proper], graph.dst[proper]))
    parts = -(-graph.vertices // interval)
    if parts < 2:
        return np.arange(graph.vertices, dtype=np.int32)
    _, part = pymetis.part_graph(parts, xadj=starts.tolist(), adjncy=others.tolist())
    return np.argsort(part, kind="stable").astype(np.int32)

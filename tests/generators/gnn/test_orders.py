"""Vertex orders: what each promises, and that auto takes the one that loads least."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError, MissingToolError
from gatewright.generators.gnn import order_fill, order_refine
from gatewright.generators.gnn.graph import Graph, Ids
from gatewright.generators.gnn.keys import lower_bound
from gatewright.generators.gnn.order_fill import fill_intervals
from gatewright.generators.gnn.order_refine import refine
from gatewright.generators.gnn.orders import Order, order_vertices, rank_of

from .reference import Edge, bound, edge_lists, graph_of

MADE = (Order.DEGREE, Order.RCM, Order.NE, Order.NE_RCM, Order.REFINED)


@given(edge_lists(), st.integers(1, 50), st.sampled_from(MADE))
def test_orders_are_permutations(graph, interval: int, order: Order) -> None:
    n, edges = graph
    made = order_vertices(graph_of(n, edges), interval, order)
    assert made.rank is not None and sorted(made.rank.tolist()) == list(range(n))
    renamed = [(int(made.rank[src]), int(made.rank[dst])) for src, dst in edges]
    assert made.bounds == {order: bound(renamed, interval)}


@given(edge_lists(), st.integers(1, 50))
def test_auto_loads_least(graph, interval: int) -> None:
    n, edges = graph
    made = order_vertices(graph_of(n, edges), interval, Order.AUTO)
    assert made.bounds[made.name] == min(made.bounds.values())
    assert made.bounds[Order.NATURAL] == bound(edges, interval)
    assert set(made.bounds) == ({Order.NATURAL, *MADE} if n > interval else {Order.NATURAL})
    assert (made.rank is None) == (made.name is Order.NATURAL)
    assert lower_bound(graph_of(n, edges), interval, made.rank) == made.bounds[made.name]


def replay(n: int, edges: list[Edge], interval: int, order: Ids, seeds: list[int]) -> None:
    """Check each choice of the greedy filling against all vertices that could have been taken."""
    sources = {v: {src for src, dst in edges if dst == v} for v in range(n)}
    out = {u: {dst for src, dst in edges if src == u} for u in range(n)}
    placed: set[int] = set()
    for place, vertex in enumerate(order.tolist()):
        if place % interval == 0:
            loaded: set[int] = set()
        telling = {src for src in loaded if len(out[src]) <= order_fill.HUB}
        known = {
            v: min(len(sources[v] - telling), order_fill.MOST_MISSING)
            for v in range(n) if v not in placed and sources[v] & telling
        }  # fmt: skip
        if known:
            assert known.get(vertex) == min(known.values())
        else:
            assert vertex == next(seed for seed in seeds if seed not in placed)
        placed.add(vertex)
        loaded |= sources[vertex]


@given(edge_lists(), st.integers(1, 50), st.sampled_from([0, 6, 10**6]), st.booleans())
def test_filling_takes_the_one_that_misses_fewest(
    graph, interval: int, few: int, hubs: bool
) -> None:
    n, edges = graph
    seeds = np.arange(n, dtype=np.int32)[::-1].copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_fill, "_FEW", few)  # array operations always, sometimes, never
        patch.setattr(order_fill, "MOST_MISSING", 3)
        if hubs:
            patch.setattr(order_fill, "HUB", 4)
        order = fill_intervals(graph_of(n, edges), interval, seeds)
        replay(n, edges, interval, order, seeds.tolist())


@given(edge_lists(), st.integers(1, 20), st.sampled_from([1, 64]))
def test_refining_never_loads_more(graph, interval: int, spread: int) -> None:
    n, edges = graph
    before = np.random.default_rng(n).permutation(n).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_refine, "_SPREAD", spread)
        after = refine(graph_of(n, edges), interval, before)
    assert sorted(after.tolist()) == list(range(n))
    kept = [lower_bound(graph_of(n, edges), interval, rank_of(ids)) for ids in (before, after)]
    assert kept[1] <= kept[0]


def test_refining_brings_cliques_together() -> None:
    """Four cliques of eight; each interval has one vertex of the next clique."""
    edges = [(a, b) for a in range(32) for b in range(32) if a // 8 == b // 8]
    order = np.arange(32, dtype=np.int32)
    order[7::8] = np.roll(order[7::8], -1)
    graph = graph_of(32, edges)
    assert lower_bound(graph, 8, rank_of(order)) == 4 * 16
    assert lower_bound(graph, 8, rank_of(refine(graph, 8, order))) == 4 * 8


def test_degree_counts_both_ends_and_breaks_ties_by_id() -> None:
    made = order_vertices(graph_of(4, [(3, 1), (3, 2), (1, 1)]), 2, Order.DEGREE)
    assert made.rank is not None
    assert np.argsort(made.rank).tolist() == [1, 3, 2, 0]


def test_rcm_narrows_a_shuffled_path() -> None:
    names = np.random.default_rng(0).permutation(200)
    edges = [(int(names[i]), int(names[i + 1])) for i in range(199)]
    made = order_vertices(graph_of(200, edges), 10, Order.RCM)
    assert made.bounds[Order.RCM] <= 199 + 20 < bound(edges, 10) * 2


def test_orders_are_the_same_each_time() -> None:
    rng = np.random.default_rng(3)
    graph = Graph.of(500, rng.integers(0, 500, 3000), rng.integers(0, 500, 3000))
    shuffled = rng.permutation(3000)
    again = Graph(500, graph.src[shuffled], graph.dst[shuffled])
    for order in MADE:
        one, two = (order_vertices(each, 50, order).rank for each in (graph, again))
        assert one is not None and two is not None and (one == two).all(), order


def test_refined_is_for_graphs_that_are_not_too_large() -> None:
    ends = np.zeros(order_refine.MOST_REFINED + 1, np.int32)
    graph = Graph.of(1, ends, ends)
    with pytest.raises(InputError, match="refined for more than 250000 edges, not for 250001"):
        order_vertices(graph, 1, Order.REFINED)


def test_metis_is_refused_or_orders() -> None:
    graph = graph_of(40, [(i, (i + 1) % 40) for i in range(40)] + [(0, 0)])
    if find_spec("pymetis") is None:
        with pytest.raises(MissingToolError, match="pip install pymetis"):
            order_vertices(graph, 10, Order.METIS)
    else:
        made = order_vertices(graph, 10, Order.METIS)
        assert made.rank is not None and sorted(made.rank.tolist()) == list(range(40))

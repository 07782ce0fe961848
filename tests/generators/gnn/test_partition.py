"""Partitions against a slow reference, and what must hold of any."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.gnn.graph import Graph
from gatewright.generators.gnn.keys import blocks, edge_keys
from gatewright.generators.gnn.limits import Limits
from gatewright.generators.gnn.partition import Collector, Partition, cut, partition
from gatewright.generators.gnn.shards import Method

from .reference import (
    Edge,
    SlowShard,
    all_limits,
    bound,
    edge_lists,
    graph_of,
    slow_pinned,
    slow_shards,
)


def shards_of(made: Partition) -> list[SlowShard]:
    row, edge = made.source_start.tolist(), made.edge_start.tolist()
    words = made.words.tolist()
    return [
        SlowShard(
            interval,
            made.sources[row[shard] : row[shard + 1]].tolist(),
            [divmod(word, 1 << 16) for word in words[edge[shard] : edge[shard + 1]]],
        )
        for shard, interval in enumerate(made.counts.shard_interval.tolist())
    ]


@given(edge_lists(), all_limits(), st.sampled_from(list(Method)))
def test_shards_are_those_of_the_reference(
    graph: tuple[int, list[Edge]], limits: Limits, method: Method
) -> None:
    n, edges = graph
    made = partition(graph_of(n, edges), limits, method)
    slow, cuts = slow_shards(n, edges, limits, method)
    assert shards_of(made) == slow
    assert (made.counts.bound, made.counts.cuts) == (bound(edges, limits.interval), cuts)
    used = [len({local for _, local in shard.edges}) for shard in slow]
    assert made.counts.shard_used.tolist() == used


@given(edge_lists(), all_limits(pinned=6))
def test_fggp_keeps_every_promise(graph: tuple[int, list[Edge]], limits: Limits) -> None:
    n, edges = graph
    made = partition(graph_of(n, edges), limits)
    counts = made.counts
    assert shards_of(made) == slow_shards(n, edges, limits, Method.FGGP)[0]
    src, dst = made.edge_list()
    assert Counter(zip(src.tolist(), dst.tolist(), strict=True)) == Counter(edges)
    assert made.pinned.tolist() == slow_pinned(edges, limits)
    pairs = {(d // limits.interval, s) for s, d in edges if s not in made.pinned.tolist()}
    assert counts.bound == len(pairs)
    assert counts.loads == counts.bound + counts.cuts + counts.resident
    sizes = (
        limits.source_bytes * counts.shard_sources + limits.edge_bytes * counts.shard_edges
    )  # fmt: skip
    assert (sizes <= limits.capacity).all()
    assert (counts.shard_edges <= limits.max_edges).all()
    assert (counts.shard_sources <= limits.rows).all()
    assert (counts.shard_edges > 0).all()


@given(edge_lists(), all_limits(pinned=6), st.randoms(use_true_random=False))
def test_order_of_edges_and_names_do_not_matter(graph, limits: Limits, random) -> None:
    n, edges = graph
    rank = list(range(n))
    random.shuffle(rank)
    renamed = graph_of(n, [(rank[src], rank[dst]) for src, dst in edges])
    random.shuffle(edges)
    one = partition(renamed, limits)
    two = partition(graph_of(n, edges), limits, rank=np.array(rank, np.int32))
    assert shards_of(one) == shards_of(two)
    assert two.order is not None and [rank[vertex] for vertex in two.order] == list(range(n))


@given(edge_lists(), all_limits(), st.integers(1, 30))
def test_blocks_do_not_matter(graph, limits: Limits, step: int) -> None:
    """Shards of an interval depend on nothing else: blocks of any size give the same ones."""
    n, edges = graph
    keys = edge_keys(graph_of(n, edges), limits.interval)
    sink = Collector()
    parts = list(blocks(keys, n, limits.interval, step))
    for part, after in pairwise(parts):
        assert part[-1] // (n * limits.interval) < after[0] // (n * limits.interval)
    cut(parts, (sink,), n, limits, Method.FGGP, np.zeros(0, np.int32))
    whole = partition(graph_of(n, edges), limits)
    counts = sink.counts(limits, Method.FGGP, n, 0)
    made = Partition(counts, *sink.lists(), whole.pinned)
    assert shards_of(made) == shards_of(whole)


@given(edge_lists(), all_limits())
def test_coalescing_is_a_set_of_edges(graph, limits: Limits) -> None:
    n, edges = graph
    one = partition(graph_of(n, edges), limits, coalesce=True)
    assert shards_of(one) == shards_of(partition(graph_of(n, sorted(set(edges))), limits))


@given(edge_lists(), all_limits(), st.sampled_from(list(Method)))
def test_counts_alone_are_the_same(graph, limits: Limits, method: Method) -> None:
    n, edges = graph
    full = partition(graph_of(n, edges), limits, method)
    bare = partition(graph_of(n, edges), limits, method, lists=False)
    assert not len(bare.words) and not len(bare.sources)
    for name in ("shard_interval", "shard_sources", "shard_edges", "shard_used"):
        assert (getattr(full.counts, name) == getattr(bare.counts, name)).all(), name


@pytest.mark.parametrize(
    ("n", "edges", "shards"),
    [
        (0, [], 0),
        (1, [], 0),
        (1, [(0, 0)], 1),
        (1, [(0, 0)] * 3, 1),
        (5, [(0, 4)], 1),
        (300, [(7, dst) for dst in range(300)], 6),  # three intervals; Emax 64 cuts two of them
    ],
)
def test_small_ones(n: int, edges: list[Edge], shards: int) -> None:
    made = partition(graph_of(n, edges), Limits(max_edges=64))
    assert made.counts.shards == shards
    assert made.counts.loads == made.counts.bound + made.counts.cuts
    assert made.shard_start[-1] == shards
    src, dst = made.edge_list()
    assert sorted(zip(src.tolist(), dst.tolist(), strict=True)) == sorted(edges)


def test_an_exact_fit_and_a_hub_beyond_it() -> None:
    limits = Limits(interval=8, source_bytes=10, edge_bytes=2, capacity=30, max_edges=100)
    fits = partition(graph_of(8, [(0, dst) for dst in range(8)] * 5 + [(1, 0)]), limits)
    assert (limits.cap, fits.counts.cuts, fits.counts.loads) == (10, 3, 5)
    assert fits.counts.shard_edges.tolist() == [10, 10, 10, 10, 1]
    one = Limits(interval=8, source_bytes=28, edge_bytes=2, capacity=30)
    assert partition(graph_of(8, [(0, 1), (1, 1)]), one).counts.shards == 2


def test_the_largest_ids_pack() -> None:
    n = 2**31 - 1
    made = partition(
        Graph.of(n, [n - 1, 0, n - 1], [n - 1, n - 1, 0]), Limits(interval=65536)
    )
    src, dst = made.edge_list()
    assert list(zip(src.tolist(), dst.tolist(), strict=True)) == [
        (n - 1, 0), (0, n - 1), (n - 1, n - 1),
    ]  # fmt: skip
    assert made.counts.intervals == 32768
    wide = Limits(interval=1, source_bytes=2**31, capacity=2**31)
    for method in Method:
        assert partition(Graph.of(n, [n - 1, 5], [3, 3]), wide, method).counts.loads == 2


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"interval": 0}, "interval must be a whole number from 1 to 65536, not 0"),
        ({"interval": 65537}, "interval must be a whole number from 1 to 65536, not 65537"),
        ({"max_edges": 0}, "max_edges must be a whole number from 1 to 2147483648, not 0"),
        ({"max_sources": 65537}, "max_sources must be .* from 1 to 65536, not 65537"),
        ({"pinned": 32769}, "pinned must be a whole number from 0 to 32768, not 32769"),
        ({"source_bytes": True}, "source_bytes must be a whole number .*, not True"),
        ({"capacity": 129, "edge_bytes": 2},
         r"capacity must be at least source_bytes \+ edge_bytes = 128 \+ 2, not 129"),
    ],
)  # fmt: skip
def test_bad_limits(fields: dict[str, int], line: str) -> None:
    with pytest.raises(InputError, match=line):
        Limits(**fields)


@pytest.mark.parametrize(
    ("vertices", "src", "dst", "line"),
    [
        (3, [0, 3], [0, 0], "src must be a vertex from 0 to 2, not 3 at index 1"),
        (3, [0, 1], [0, -1], "dst must be a vertex from 0 to 2, not -1 at index 1"),
        (3, [0, 1], [0], "dst must have the 2 edges of src, not 1"),
        (3, [0.0], [1.0], "src must hold integers, not float64"),
        (3, [[0]], [[1]], r"src must have one dimension, not shape \[1, 1\]"),
        (0, [0], [0], "src must be empty without vertices, not 0 at index 0"),
        (2**31, [], [], "vertices must be a whole number from 0 to 2147483647, not 2147483648"),
    ],
)
def test_bad_graphs(vertices: int, src: list, dst: list, line: str) -> None:
    with pytest.raises(InputError, match=line):
        Graph.of(vertices, src, dst)


def test_resident_rows_are_for_fggp_alone() -> None:
    with pytest.raises(InputError, match="pinned must be 0 for method grid, not 2"):
        partition(graph_of(1, []), Limits(pinned=2), Method.GRID)

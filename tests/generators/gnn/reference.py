"""Partitions made slowly and obviously, one edge after the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from gatewright.generators.gnn.graph import Graph
from gatewright.generators.gnn.limits import PINNED_BIT, Limits
from gatewright.generators.gnn.shards import Method

Edge = tuple[int, int]
GRAPHS = Path(__file__).parents[3].parent / "shared" / "data" / "graphs"


@dataclass
class SlowShard:
    """Rows that are loaded, and edges `(dst_local, src_local)`, ascending."""

    interval: int
    rows: list[int]
    edges: list[Edge]


def real_graph(name: str) -> Graph:
    """Return a citation graph of the shared data, or skip the test."""
    path = GRAPHS / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"{path} is absent: the graphs are not part of the project")
    data = np.load(path)
    return Graph.of(int(data["n"]), data["src"], data["dst"])


def bound(edges: list[Edge], interval: int) -> int:
    return len({(dst // interval, src) for src, dst in edges})


def slow_pinned(edges: list[Edge], limits: Limits) -> list[int]:
    needed = Counter(src for _, src in {(dst // limits.interval, src) for src, dst in edges})
    wanted = sorted((-count, src) for src, count in needed.items() if count > 1)
    return sorted(src for _, src in wanted[: limits.pinned])


def slow_shards(
    n: int, edges: list[Edge], limits: Limits, method: Method
) -> tuple[list[SlowShard], int]:
    """Return the shards and the rows that cuts add."""
    pinned = slow_pinned(edges, limits)
    by_interval: dict[int, list[Edge]] = defaultdict(list)
    for src, dst in edges:
        by_interval[dst // limits.interval].append((src, dst % limits.interval))
    shards, cuts = [], 0
    for interval in sorted(by_interval):
        pieces: list[tuple[int, list[int]]] = []
        if method is Method.NONE:
            pieces = [(src, [dst]) for src, dst in sorted(by_interval[interval])]
        else:
            cap = limits.window_cap if method is Method.GRID else limits.cap
            for source in sorted({src for src, _ in by_interval[interval]}):
                mine = sorted(dst for src, dst in by_interval[interval] if src == source)
                new = [(source, mine[at : at + cap]) for at in range(0, len(mine), cap)]
                cuts += (len(new) - 1) * (source not in pinned)
                pieces += new
        while pieces:
            taken = 1
            while taken < len(pieces) and fits(pieces[: taken + 1], limits, method, pinned):
                taken += 1
            shards.append(close(interval, pieces[:taken], n, limits, method, pinned))
            pieces = pieces[taken:]
    return shards, cuts


def rows_of(
    pieces: list[tuple[int, list[int]]], n: int | None, limits: Limits, method: Method,
    pinned: list[int],
) -> list[int]:  # fmt: skip
    sources = [source for source, _ in pieces]
    if method is Method.DSW:
        return list(range(sources[0], sources[-1] + 1))
    if method is Method.GRID:
        first = sources[0] // limits.window * limits.window
        last = first + limits.window
        return list(range(first, last if n is None else min(last, n)))
    return [source for source in sources if source not in pinned]


def fits(
    pieces: list[tuple[int, list[int]]], limits: Limits, method: Method, pinned: list[int]
) -> bool:
    if method is Method.GRID and len({source // limits.window for source, _ in pieces}) > 1:
        return False
    edges = sum(len(mine) for _, mine in pieces)
    rows = len(rows_of(pieces, None, limits, method, pinned))
    size = rows * limits.source_bytes + edges * limits.edge_bytes
    return edges <= limits.max_edges and rows <= limits.rows and size <= limits.capacity


def close(
    interval: int, pieces: list[tuple[int, list[int]]], n: int, limits: Limits, method: Method,
    pinned: list[int],
) -> SlowShard:  # fmt: skip
    rows = rows_of(pieces, n, limits, method, pinned)
    edges, row = [], 0
    for source, mine in pieces:
        if source in pinned:
            local = PINNED_BIT | pinned.index(source)
        elif method in (Method.DSW, Method.GRID):
            local = source - rows[0]
        else:
            local = row
            row += 1
        edges += [(dst, local) for dst in mine]
    return SlowShard(interval, rows, sorted(edges))


@st.composite
def edge_lists(draw: st.DrawFn) -> tuple[int, list[Edge]]:
    """Vertices and edges, with loops, equal edges, hubs and vertices without edges."""
    n = draw(st.integers(0, 40))
    if not n:
        return 0, []
    vertex = st.integers(0, n - 1)
    edges = draw(st.lists(st.tuples(vertex, vertex), max_size=60))
    hub = draw(vertex)
    edges += [(hub, dst) for dst in draw(st.lists(vertex, max_size=30))]
    edges += draw(st.lists(st.sampled_from(edges), max_size=10)) if edges else []
    return n, edges


@st.composite
def all_limits(draw: st.DrawFn, pinned: int = 0) -> Limits:
    source, edge = draw(st.integers(1, 9)), draw(st.integers(0, 5))
    return Limits(
        interval=draw(st.integers(1, 50)), source_bytes=source, edge_bytes=edge,
        capacity=source + edge + draw(st.integers(0, 60)), max_edges=draw(st.integers(1, 25)),
        max_sources=draw(st.integers(1, 12)), pinned=draw(st.integers(0, pinned)),
    )  # fmt: skip


def graph_of(n: int, edges: list[Edge]) -> Graph:
    return Graph.of(n, [src for src, _ in edges], [dst for _, dst in edges])

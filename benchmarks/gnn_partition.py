"""gnn: partitions of graphs, small real ones and large random ones."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rows import Row, row

from gatewright.generators.gnn.graph import Graph
from gatewright.generators.gnn.graph_files import read_graph
from gatewright.generators.gnn.limits import Limits
from gatewright.generators.gnn.orders import Order, order_vertices
from gatewright.generators.gnn.partition import partition
from gatewright.generators.gnn.report import occupancy
from gatewright.generators.gnn.shards import Method

GRAPHS = Path(__file__).resolve().parents[2] / "shared" / "data" / "graphs"

OCCUPANCIES = {
    "cora": (0.862, 0.817), "citeseer": (0.786, 0.766), "pubmed": (0.885, 0.931),
}  # fmt: skip
"""Of shards, intervals of 112 and 16 KiB, and of 896 and 64 KiB: brief, section 9."""

METIS = {"cora": (1.95, 1.56), "citeseer": (1.44, 1.30), "pubmed": (2.40, 1.83)}
"""Rows loaded for each source with intervals of 102 and 819 in METIS's order: brief, section 4."""


def run() -> list[Row]:
    return [*_partitions(), *_sizes()]


def _partitions() -> Iterator[Row]:
    """Occupancy, loads over the lower bound, and the best order beside METIS's."""
    for name, goals in OCCUPANCIES.items():
        path = GRAPHS / f"{name}.npz"
        if not path.exists():
            continue
        graph = read_graph(path)
        sources = len(np.unique(graph.src))
        for (interval, capacity), goal, d, metis in zip(
            ((112, 16384), (896, 65536)), goals, (102, 819), METIS[name], strict=True
        ):
            limits = Limits(interval=interval, capacity=capacity, max_edges=1 << 30)
            counts = partition(graph, limits, lists=False).counts
            windows = partition(graph, limits, Method.DSW, lists=False).counts
            title = f"{name}, intervals of {interval}"
            yield row(f"{title}: loads", counts.loads, "rows", baseline=windows.loads,
                      target=counts.bound + counts.cuts, at_most=True)  # fmt: skip
            yield row(f"{title}: occupancy of shards", float(occupancy(counts).mean()), "",
                      target=goal - 0.001)  # fmt: skip
            ordered = order_vertices(graph, d, Order.AUTO)
            found = ordered.bounds[ordered.name] / sources
            yield row(f"{name}, intervals of {d}, auto order: rows for each source (METIS)", found,
                      "", baseline=metis, target=1.03, target_is="ratio", at_most=True)  # fmt: skip


def _sizes() -> Iterator[Row]:
    """Time and memory of large graphs, R-MAT as in the brief."""
    for scale, goal in ((16, 1.0), (20, 20.0)):
        graph = _rmat(scale, 16 << scale)
        began = time.process_time()
        counts = partition(graph, Limits(interval=896, capacity=65536, max_edges=8192)).counts
        spent = time.process_time() - began
        millions = counts.edges / 1e6
        yield row(f"partition of {millions:.1f} M edges", spent, "s", target=goal, at_most=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    yield row("peak memory of the process for each edge", peak / graph.edges, "B", target=120,
              at_most=True)  # fmt: skip


def _rmat(scale: int, edges: int) -> Graph:
    rng = np.random.default_rng(1)
    src, dst = np.zeros(edges, np.int32), np.zeros(edges, np.int32)
    for bit in range(scale):
        quadrant = rng.choice(4, p=(0.57, 0.19, 0.19, 0.05), size=edges).astype(np.int32)
        src += (quadrant >> 1) << bit
        dst += (quadrant & 1) << bit
    return Graph.of(1 << scale, src, dst)

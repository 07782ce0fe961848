"""The cost model as named figures, for sweeps: a network on a generated power-law graph.

The graph is drawn after F. Chung and L. Lu, *Connected components in random graphs with given
expected degree sequences*, 2002: both ends of an edge are drawn with probabilities that fall with a
power of the vertex, so that a few vertices have most of the edges, as in social networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ...golden.gnn.graph import Graph as GoldenGraph
from ...golden.gnn.network import Int8Network, quantize
from ..workload_fields import take
from .compiler.compile import compile_network
from .config import GnnConfig
from .cost import estimate
from .frontends.description import NetworkConfig, described_network

__all__ = ["WORKLOAD", "model", "power_law_graph"]

WORKLOAD: dict[str, Any] = {
    "vertices": 1000, "edges": 8000, "exponent": 2.5, "features": 32, "hidden": 32, "outputs": 16,
    "kind": "gcn", "seed": 0,
}  # fmt: skip
"""Two layers of a kind (gcn, sage, gin) on a graph whose degrees fall with the exponent."""


def power_law_graph(vertices: int, edges: int, exponent: float, seed: int) -> GoldenGraph:
    """Draw a graph without double edges and without loops; it has at most ``edges`` edges."""
    draw = np.random.default_rng(seed)
    weight = np.arange(1, vertices + 1, dtype=np.float64) ** (-1 / (max(exponent, 1.1) - 1))
    name = draw.permutation(vertices)
    ends = name[draw.choice(vertices, (2, edges), p=weight / weight.sum())]
    ends = ends[:, ends[0] != ends[1]]
    unique = np.unique(ends[1].astype(np.int64) * vertices + ends[0])
    return GoldenGraph(vertices, unique % vertices, unique // vertices)


def model(config: GnnConfig, workload: Mapping[str, Any]) -> dict[str, float | str]:
    """Return figures of a config on a workload: cycles and bytes of the compiled program."""
    given = take(workload, WORKLOAD)
    network, graph = _network(tuple(sorted(given.items())))
    p = config.parameters()
    told = estimate(compile_network(network, graph, p))
    memory = (
        p.lanes * 32 * p.accumulator_words
        + p.threads * p.lanes * 8 * (p.local_words + p.edge_words)
        + p.columns * 8 * p.weight_words
    )
    return {
        "cycles": told.cycles, "bound": told.bound, "utilisation": round(told.utilisation, 6),
        "bytes": told.bytes, "passes": len(told.passes),
        "macs_per_cycle": p.rows * p.columns, "memory_bits": memory,
        "edges_per_cycle": round(len(graph.src) / told.cycles, 6),
        **{f"busy_{unit.name.lower()}": cycles for unit, cycles in told.busy.items()},
    }  # fmt: skip


@lru_cache(maxsize=4)
def _network(given: tuple[tuple[str, Any], ...]) -> tuple[Int8Network, GoldenGraph]:
    told = dict(given)
    graph = power_law_graph(told["vertices"], told["edges"], float(told["exponent"]), told["seed"])
    kind = told["kind"]
    layers = [{"kind": kind, "features": told["hidden"], "activation": "relu"},
              {"kind": kind, "features": told["outputs"]}]  # fmt: skip
    described = NetworkConfig.model_validate({"features": told["features"], "layers": layers})
    network = described_network(described, None)
    x = np.random.default_rng(told["seed"]).random((told["vertices"], told["features"]))
    return quantize(network, graph, x), graph

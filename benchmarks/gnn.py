"""gnn: layers on the Verilog of the engine, and what the compiler's choices save.

Layers have 128 features in and out, on Cora where it is in shared/data, else on a random graph of
its size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, row

from gatewright.flows.gnn.engine_run import MemoryTiming
from gatewright.flows.gnn.rtl import run_rtl
from gatewright.flows.gnn.training import train_gcn
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.gnn import generator
from gatewright.generators.gnn.compilation import Compilation, compile_model
from gatewright.generators.gnn.compiler.compile import compile_network
from gatewright.generators.gnn.config import GnnConfig
from gatewright.generators.gnn.cost import estimate
from gatewright.generators.gnn.features import VertexData, normalized_rows, read_vertex_data
from gatewright.generators.gnn.frontends.description import NetworkConfig, described_network
from gatewright.generators.gnn.graph import Graph
from gatewright.generators.gnn.graph_files import read_graph
from gatewright.generators.gnn.orders import Order
from gatewright.generators.gnn.presets import PRESETS
from gatewright.generators.gnn.program_file import read_program
from gatewright.generators.gnn.saving import save
from gatewright.generators.gnn.staging import staged
from gatewright.golden.gnn.network import Network

GRAPHS = Path(__file__).resolve().parents[2] / "shared" / "data" / "graphs"
CORA = GRAPHS / "cora.npz"

LAYERS: dict[str, tuple[dict[str, Any], int, float | None]] = {
    "gcn": ({"kind": "gcn", "features": 128}, 235_510, None),
    "sage": ({"kind": "sage", "features": 128}, 354_944, 0.85),
    "gin": ({"kind": "gin", "features": 128, "hidden": [128]}, 355_180, 0.85),
    "gat": ({"kind": "gat", "features": 128}, 471_902, 0.85),
    "gat, 8 heads": ({"kind": "gat", "features": 16, "heads": 8}, 471_902, 0.85),
    "ggnn": ({"kind": "ggnn", "features": 128}, 1_220_078, 0.85),
}
"""Layers, the cycles that the brief models for them, and the least use of the busiest unit."""

LATENCY = MemoryTiming(40, 40)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_layers(folder), *_choices(), *_trained(folder)]


def _cora() -> tuple[Graph, str]:
    if CORA.exists():
        return read_graph(CORA), "Cora"
    rng = np.random.default_rng(0)
    return Graph.of(2708, *rng.integers(0, 2708, (2, 10556))), "a graph of Cora's size"


def _layer(kind: str) -> Network:
    config = NetworkConfig.model_validate({"features": 128, "layers": [LAYERS[kind][0]]})
    return described_network(config, None)


def _saved(
    folder: Path, done: Compilation, network: Network, graph: Graph, x: Any, data: VertexData
) -> Any:
    with staged(folder) as inside:
        save(inside, done, network, graph, x, data, {})
    return read_program(folder)


def _layers(folder: Path) -> Iterator[Row]:
    """Every layer on the Verilog of preset edge: utilisation, cycles, and what was foretold."""
    graph, name = _cora()
    config = load_config(GnnConfig, None, ["preset=edge"])
    build = build_design(generator, config, folder / "edge")
    x = np.random.default_rng(0).normal(size=(graph.vertices, 128))
    worst, rate = 0.0, 0.0
    for kind, (_, brief, goal) in LAYERS.items():
        network = _layer(kind)
        done = compile_model(network, graph, x, config.parameters())
        stored = _saved(folder / kind, done, network, graph, x, VertexData())
        found = run_rtl(build, stored, LATENCY)
        title = f"{kind}, 128 to 128 on {name}, edge, Verilog"
        bound = done.estimate.bound
        yield row(f"{title}: cycles (brief's model)", found["cycles"], "cycles", baseline=brief)
        yield row(f"{title}: use of the busiest unit", bound / found["cycles"], "", target=goal)
        worst = max(worst, abs(found["foretold"] / found["cycles"] - 1))
        rate = max(rate, found["rate"])
    yield row("cost model against the Verilog, worst layer", worst, "", target=0.05, at_most=True)
    yield row("simulation of the engine, edge", rate, "cycles/s", target=100_000)


def _choices() -> Iterator[Row]:
    """What threads, intervals, hoisting and the order of vertices save, by the cost model."""
    graph, name = _cora()
    x = np.random.default_rng(0).normal(size=(graph.vertices, 128))
    p = PRESETS["edge"]
    for kind in ("gcn", "gat"):
        network = compile_model(_layer(kind), graph, x, p, order=Order.NATURAL).network
        one = replace(p, threads=1)
        alone = estimate(compile_network(network, graph.golden, one)).cycles
        best = estimate(compile_network(network, graph.golden, p)).cycles
        yield row(f"{kind} on {name}: four threads (one)", best, "cycles", baseline=alone)
        single = estimate(compile_network(network, graph.golden, p, halves=1)).cycles
        double = estimate(compile_network(network, graph.golden, p, halves=2)).cycles
        yield row(f"{kind} on {name}: two intervals under way (one)", double, "cycles",
                  baseline=single)  # fmt: skip
    fused = estimate(compile_network(network, graph.golden, p, hoist="none")).cycles
    yield row(f"gat on {name}: values stored where that pays (all fused)", best, "cycles",
              baseline=fused)  # fmt: skip
    natural = compile_model(_layer("gcn"), graph, x, p, order=Order.NATURAL).estimate
    ordered = compile_model(_layer("gcn"), graph, x, p).estimate
    yield row(f"gcn on {name}: bytes moved in the best order (natural)", ordered.bytes, "B",
              baseline=natural.bytes)  # fmt: skip


def _trained(folder: Path) -> Iterator[Row]:
    """A GCN trained on Cora: accuracy in float64 and in int8, the whole network in Verilog."""
    if not CORA.exists():
        return
    graph = read_graph(CORA)
    data = read_vertex_data(CORA, graph.vertices)
    assert data.features is not None and data.labels is not None and data.train is not None
    x = normalized_rows(data.features)
    network = train_gcn(graph.golden, x, data.labels, data.train).network
    config = load_config(GnnConfig, None, ["preset=edge"])
    done = compile_model(network, graph, x, config.parameters())
    stored = _saved(folder / "trained", done, network, graph, x, data)
    found = run_rtl(build_design(generator, config, folder / "edge"), stored, LATENCY)
    yield row("trained GCN on Cora, int8 in Verilog: accuracy (float64)", found["accuracy_int8"],
              "", baseline=found["accuracy_float"], target=0.79)  # fmt: skip
    yield row("trained GCN on Cora, both layers in Verilog", found["cycles"], "cycles")

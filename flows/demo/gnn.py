"""gnn in the demo: the karate club in two, by a network on the Verilog of an engine.

A GCN is trained on the labels of two members, quantised, compiled for the tiny engine with the
members' graph, and run through its Verilog with a memory that answers late: every output and every
counter must be that of the models. Then layers of seven kinds run on the same engine, with fast and
with pausing memory. Beside them stands what a partition of a large graph saves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from ...generators.build import build_design
from ...generators.gnn import generator
from ...generators.gnn.compilation import compile_model
from ...generators.gnn.config import GnnConfig
from ...generators.gnn.features import VertexData
from ...generators.gnn.frontends.description import NetworkConfig, described_network
from ...generators.gnn.graph import Graph
from ...generators.gnn.limits import Limits
from ...generators.gnn.orders import Order, order_vertices
from ...generators.gnn.partition import partition
from ...generators.gnn.program_file import StoredProgram, listing, read_program
from ...generators.gnn.saving import save
from ...generators.gnn.shards import Method
from ...generators.gnn.staging import staged
from ...golden.gnn.network import Network
from ..gnn.engine_run import MemoryTiming
from ..gnn.rtl import run_rtl
from ..gnn.training import train_gcn
from . import digits, gnn_page, gnn_tables
from .gnn_picture import draw_club
from .job import STALL, Job, Progress, told_of
from .section import Section

__all__ = ["LAYERS", "Settings", "section"]

LAYERS: dict[str, dict[str, Any]] = {
    "GCN": {"kind": "gcn", "features": 16, "activation": "relu"},
    "SGC, 3 hops": {"kind": "sgc", "features": 16, "hops": 3},
    "GraphSAGE, mean": {"kind": "sage", "features": 16},
    "GraphSAGE, maximum": {"kind": "sage", "features": 16, "reduction": "max"},
    "GIN": {"kind": "gin", "features": 16, "hidden": [16]},
    "GAT, 4 heads": {"kind": "gat", "features": 4, "heads": 4},
    "GGNN, 2 steps": {"kind": "ggnn", "features": 16, "steps": 2},
    "APPNP, 5 hops": {"kind": "appnp", "hops": 5},
}
"""Layers that run beside the network, by title; 16 features in."""

_LABELLED = (0, 33)
"""The instructor and the president."""


@dataclass(frozen=True)
class Settings:
    """Size of the job.

    Attributes
    ----------
    epochs
        Of training.
    preset
        Of the engine.
    layers
        Titles of the layers that run beside the network.
    vertices
        Of the large graph, a power of two; it has 16 edges for each.
    """

    epochs: int = 200
    preset: str = "tiny"
    layers: tuple[str, ...] = tuple(LAYERS)
    vertices: int = 1 << 16


def section(settings: Settings | None = None) -> Section:
    """Return the demo of gnn."""
    return Section(
        title="gnn: a club in two, by a graph network",
        template="gnn.html",
        job=partial(_Job, settings or Settings()),
        tables=gnn_tables.tables,
        view=gnn_page.view,
    )


@dataclass(frozen=True, eq=False)
class _Club:
    """Zachary's karate club, with the side that each member took."""

    graph: Graph
    labels: np.ndarray[Any, np.dtype[np.int64]]
    train: np.ndarray[Any, np.dtype[np.bool_]]


def _club() -> _Club:
    graph = nx.karate_club_graph()
    pairs = np.array(graph.edges)
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    labels = np.array([int(graph.nodes[v]["club"] != "Mr. Hi") for v in graph], np.int64)
    train = np.zeros(len(labels), np.bool_)
    train[list(_LABELLED)] = True
    return _Club(Graph.of(len(labels), ends[:, 0], ends[:, 1]), labels, train)


class _Job(Job[Settings]):
    def __init__(self, settings: Settings, folder: Path, seed: int, progress: Progress) -> None:
        super().__init__(settings, folder, seed, progress)
        self.config = GnnConfig.model_validate({"preset": settings.preset})

    def steps(self) -> None:
        club = _club()
        with self.timed("emission"):
            self.progress("emitting the engine", 0, 1)
            build = build_design(generator, self.config, self.folder / "engine")
            self.report["design"] = told_of(build, "engine")
        with digits.one_thread(), self.timed("training"):
            network = train_gcn(
                club.graph.golden, np.eye(len(club.labels)), club.labels, club.train,
                epochs=self.settings.epochs, seed=self.seed, progress=self.progress,
            ).network  # fmt: skip
        self.report["club"] = {
            "members": club.graph.vertices, "friendships": club.graph.edges // 2,
            "labelled": int(club.train.sum()),
        }  # fmt: skip
        data = VertexData(None, club.labels, club.train, ~club.train)
        stored = self._compiled("club", network, club.graph, np.eye(len(club.labels)), data)
        self.report["listing"] = stored[1]
        latency = MemoryTiming(20, 40, seed=self.seed)
        with self.timed("simulation"):
            self.progress("the club on the Verilog", 0, 1)
            found = run_rtl(build, stored[0], latency)
            self.progress("the club on the Verilog", 1, 1)
        self.report["network"] = _told(found) | {"passes": len(stored[0].manifest["passes"])}
        scores = stored[0].expected.codes
        draw_club(club.graph, scores, club.labels, club.train, self.folder / "club.png")
        self.report["picture"] = "club.png"
        self._layers(build, club.graph)
        with self.timed("partition"):
            self._partition()

    def _compiled(
        self, name: str, network: Network, graph: Graph, x: np.ndarray[Any, np.dtype[np.float64]],
        data: VertexData,
    ) -> tuple[StoredProgram, str]:  # fmt: skip
        """Compile a network into a folder; return the program as read back, and its listing."""
        with self.timed("compilation"):
            done = compile_model(network, graph, x, self.config.parameters())
            place = self.folder / "programs" / name
            with staged(place) as folder:
                save(folder, done, network, graph, x, data, {"model": name, "graph": "karate"})
            return read_program(place), listing(done.program)

    def _layers(self, build: Any, graph: Graph) -> None:
        """Run layers of all kinds with random weights, each with two memories."""
        rows: dict[str, Any] = {}
        self.report["layers"] = rows
        x = np.random.default_rng(self.seed).normal(size=(graph.vertices, 16))
        for title in self.counted("layers on the Verilog", self.settings.layers):
            config = NetworkConfig.model_validate({"features": 16, "layers": [LAYERS[title]]})
            network = described_network(config, None)
            name = title.split(",")[0].lower() + f"-{len(rows)}"
            stored, _ = self._compiled(name, network, graph, x, VertexData())
            with self.timed("simulation"):
                row = _told(run_rtl(build, stored, MemoryTiming(20, 40, seed=self.seed)))
                paused = run_rtl(build, stored, MemoryTiming(1, 200, STALL, self.seed))
            rows[title] = row | {
                "passes": len(stored.manifest["passes"]), "paused": _told(paused),
                "instructions": sum(
                    sum(each["phases"].values()) for each in stored.manifest["passes"]
                ),
            }  # fmt: skip

    def _partition(self) -> None:
        """Partition a graph with hubs by all methods, and in the best order."""
        n = self.settings.vertices
        rng = np.random.default_rng(self.seed)
        # R-MAT (Chakrabarti, Zhan, Faloutsos 2004): a quadrant for each bit of the two ids.
        quadrant = rng.choice(4, p=(0.57, 0.19, 0.19, 0.05), size=(n.bit_length() - 1, 16 * n))
        bits = 1 << np.arange(len(quadrant))
        graph = Graph.of(n, bits @ (quadrant >> 1), bits @ (quadrant & 1))
        limits = Limits(interval=896, capacity=65536, max_edges=8192)
        rows: dict[str, Any] = {}
        for method in self.counted("partitions of a large graph", tuple(Method)):
            counts = partition(graph, limits, Method(method), lists=False).counts
            rows[f"{Method(method).value}, natural order"] = _counted(counts)
        ordered = order_vertices(graph, limits.interval, Order.AUTO)
        counts = partition(graph, limits, Method.FGGP, ordered.rank, lists=False).counts
        rows[f"fggp, {ordered.name.value} order"] = _counted(counts)
        self.report["partition"] = {"vertices": n, "edges": graph.edges, "rows": rows}


def _counted(counts: Any) -> dict[str, int]:
    return {"loads": counts.loads, "bound": counts.bound, "shards": counts.shards}


def _told(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the report keeps of a run."""
    kept = (
        "outputs", "largest_error", "snr_db", "cycles", "foretold", "busy", "tasks", "latency",
        "stall", "rate",
    )  # fmt: skip
    accuracy = {name: found[name] for name in ("accuracy_float", "accuracy_int8") if name in found}
    return {name: found[name] for name in kept} | accuracy

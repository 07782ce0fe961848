"""Small networks on small graphs, compiled for the engine at hand."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from ...generators.gnn.codes import Integers, put_input
from ...generators.gnn.compiler.compile import compile_network
from ...generators.gnn.cost import Estimate, estimate
from ...generators.gnn.formats import GnnParameters
from ...generators.gnn.image import Image, build_image
from ...generators.gnn.program import Program
from ...golden.gnn.activations import Activation
from ...golden.gnn.appnp import Appnp
from ...golden.gnn.dense import Linear
from ...golden.gnn.gat import Gat
from ...golden.gnn.gcn import Gcn, Order
from ...golden.gnn.ggnn import Ggnn
from ...golden.gnn.gin import Gin
from ...golden.gnn.graph import Graph, Reals
from ...golden.gnn.layer import Layer
from ...golden.gnn.network import Network, quantize
from ...golden.gnn.sage import Reduction, Sage

__all__ = [
    "GRAPHS", "MODELS", "RANDOM", "Workload", "make_graph", "make_layer", "make_workload", "widest",
]  # fmt: skip

GRAPHS = ("karate", "multigraph", "star", "biclique", "without edges", "one vertex")
MODELS = (
    "gcn aggregate", "gcn transform", "sage mean", "sage max", "gin", "gat 1 head", "gat 4 heads",
    "ggnn", "appnp", "linear",
)  # fmt: skip
_TILES, _PARTS = 130, 8
"""Tiles of weights in a row or column of them, at most; rows of local memory, at least."""
RANDOM = "random"
"""Neither: a program or a graph that nobody would write."""


@dataclass(frozen=True, eq=False)
class Workload:
    """A run of an engine, and what it should give.

    Attributes
    ----------
    kinds
        Model and graph.
    program, image
        With the input codes in place.
    expected
        Output codes of the golden network, by vertex.
    told
        What the cost model says; its occupancies are exact.
    """

    kinds: tuple[str, str]
    program: Program
    image: Image
    expected: Integers
    told: Estimate

    @property
    def name(self) -> str:
        """Model and graph, for people."""
        return " on ".join(self.kinds)


def make_graph(kind: str, rng: np.random.Generator, size: int = 24) -> Graph:
    """Return a graph: Zachary's karate club in both directions, or one of about `size` vertices."""
    match kind:
        case "karate":
            pairs = np.array(nx.karate_club_graph().edges, np.int64)
            ends = np.concatenate([pairs, pairs[:, ::-1]])
            return Graph(34, ends[:, 0], ends[:, 1])
        case "multigraph":
            # Isolated vertices, loops and parallel edges among them.
            return Graph(size, *rng.integers(0, size // 2, (2, 3 * size)))
        case "crowd":
            # Of several chunks and shards: threads work on some while others load and store.
            return Graph(6 * size, *rng.integers(0, 6 * size, (2, 15 * size)))
        case "star":
            leaves = np.arange(1, size)
            return Graph(size, leaves, np.zeros(size - 1, np.int64))
        case "biclique":
            left, right = np.meshgrid(np.arange(size // 3), np.arange(size // 3, size))
            return Graph(size, left.ravel(), right.ravel())
        case "without edges":
            return Graph(size, np.zeros(0, np.int64), np.zeros(0, np.int64))
        case _:
            return Graph(1, np.zeros(2, np.int64), np.zeros(2, np.int64))


def make_layer(kind: str, rng: np.random.Generator, wide: int = 10, out: int = 7) -> Layer:
    """Return a layer with weights drawn at random."""

    def drawn(*shape: int) -> Reals:
        return rng.normal(0.0, shape[0] ** -0.5, shape)

    match kind.split()[0]:
        case "gcn":
            order = Order(kind.split()[1])
            return Gcn(drawn(wide, out), drawn(out), activation=Activation.RELU, order=order)
        case "sage":
            reduction = Reduction(kind.split()[1])
            return Sage(drawn(wide, out), drawn(wide, out), drawn(out), reduction)
        case "gin":
            first = Linear(drawn(wide, 9), drawn(9), Activation.RELU)
            return Gin((first, Linear(drawn(9, out), drawn(out), Activation.ELU)), 0.25)
        case "gat":
            heads = int(kind.split()[1])
            each = 3
            return Gat(
                drawn(wide, heads * each), drawn(heads, each), drawn(heads, each),
                drawn(heads * each), activation=Activation.ELU,
            )  # fmt: skip
        case "ggnn":
            return Ggnn(
                wide, drawn(2, wide, wide), drawn(wide, 3 * wide), drawn(wide, 3 * wide),
                drawn(3 * wide), drawn(3 * wide),
            )  # fmt: skip
        case "appnp":
            return Appnp(wide, 3, 0.15)
        case _:
            return Linear(drawn(wide, out), drawn(out), Activation.RELU)


def make_workload(
    model: str, graph: str, p: GnnParameters, rng: np.random.Generator, *,
    halves: int | None = None, first: int = 0, wide: int = 10, out: int = 7,
) -> Workload:  # fmt: skip
    """Return a run of a layer of ``wide`` features on a graph, with ``out`` outputs if they are
    free; its image begins ``first`` blocks behind its base.
    """
    edges = make_graph(graph, rng)
    x = rng.normal(size=(edges.vertices, wide))
    network = quantize(Network([make_layer(model, rng, wide, out)]), edges, x)
    codes = rng.integers(-128, 128, (edges.vertices, wide))
    program = compile_network(network, edges, p, halves=halves)
    image = build_image(program, first)
    put_input(program, image, codes)
    return Workload(
        (model, graph), program, image, network.trace(edges, codes)[-1], estimate(program)
    )


def widest(p: GnnParameters) -> tuple[tuple[int, int], ...]:
    """Return features and outputs of linear layers with as many tiles of weights as an engine and a
    simulation have room for: of a row, and of a result."""
    tiles = min(_TILES, p.weight_words // p.rows)
    most = p.local_words * p.lanes // _PARTS
    wide = min(tiles * p.rows, most)
    out = min(min(tiles, p.bias_words) * p.columns, most)
    return (wide, p.columns), (p.rows, out)

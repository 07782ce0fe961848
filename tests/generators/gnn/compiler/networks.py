"""Engines, graphs and networks of the tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gatewright.errors import InputError
from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.appnp import Appnp
from gatewright.golden.gnn.dense import Linear
from gatewright.golden.gnn.gat import Gat
from gatewright.golden.gnn.gcn import Gcn, Order
from gatewright.golden.gnn.ggnn import Ggnn
from gatewright.golden.gnn.gin import Gin
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.network import Network, quantize
from gatewright.golden.gnn.sage import Reduction, Sage
from gatewright.hw.gnn.parameters import GnnParameters

TINY = GnnParameters(
    lanes=4, rows=4, columns=4, bus_bytes=4, threads=2, accumulator_words=256, local_words=512,
    edge_words=128, weight_words=1024, max_sources=128, max_edges=128, psum_rows=16,
)  # fmt: skip
EDGE = GnnParameters(weight_words=8192)
ROOMY = replace(TINY, local_words=1024, edge_words=512, weight_words=8192, bias_words=512)
UNEVEN = GnnParameters(
    lanes=8, rows=4, columns=8, bus_bytes=4, threads=3, accumulator_words=300, bias_words=256
)
ENGINES = {"roomy": ROOMY, "edge": EDGE, "uneven": UNEVEN}

GRAPHS = {
    "one vertex": Graph(1, np.array([], int), np.array([], int)),
    "one loop": Graph(1, np.array([0]), np.array([0])),
    "no edges": Graph(5, np.array([], int), np.array([], int)),
    "multi": Graph(4, np.array([0, 0, 0, 1, 1, 2, 2]), np.array([1, 1, 1, 0, 1, 2, 0])),
    "star": Graph(300, np.arange(1, 300), np.zeros(299, int)),
    "fan": Graph(300, np.zeros(299, int), np.arange(1, 300)),
    "biclique": Graph(24, *(each.ravel() for each in np.mgrid[0:12, 12:24])),
}

KINDS = ("gcn", "sage", "gin", "gat", "ggnn", "appnp", "linear")


def layer(rng, kind, k, n, heads=None):
    """Return a layer of k inputs and about n outputs, of a random variant."""

    def w(*shape):
        return rng.normal(size=shape)

    act = list(Activation)[rng.integers(len(Activation))]
    match kind:
        case "gcn":
            order = list(Order)[rng.integers(2)]
            bias = w(n) if rng.integers(2) else None
            return Gcn(w(k, n), bias, int(rng.integers(1, 3)), act, order)
        case "sage":
            return Sage(w(k, n), w(k, n), w(n), list(Reduction)[rng.integers(3)], act)
        case "gin":
            first = Linear(w(k, n + 1), w(n + 1), Activation.RELU)
            return Gin((first, Linear(w(n + 1, n), w(n), act)), float(rng.choice([0, 0.3])))
        case "gat":
            h, concat = heads or int(rng.integers(1, 7)), bool(rng.integers(2))
            return Gat(
                w(k, h * n), w(h, n), w(h, n), w(h * n if concat else n), concat, activation=act
            )
        case "ggnn":
            f = k + int(rng.integers(3))
            return Ggnn(
                k, w(2, f, f), w(f, 3 * f), w(f, 3 * f), w(3 * f), w(3 * f), activation=act
            )
        case "appnp":
            return Appnp(k, 3, 0.1, act)
    return Linear(w(k, n), w(n), act)


def random_graph(rng, vertices, edges):
    return Graph(vertices, rng.integers(0, vertices, edges), rng.integers(0, vertices, edges))


def quantized(rng, layers, graph):
    """Return an int8 network calibrated on random numbers, or None if their units are absurd."""
    x = rng.normal(size=(graph.vertices, layers[0].in_features))
    try:
        return quantize(Network(layers), graph, x)
    except InputError:
        return None


def codes(rng, graph, network):
    """Return any input codes."""
    return rng.integers(-128, 128, (graph.vertices, network.layers[0].in_features))

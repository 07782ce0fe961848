"""Graphs and layers of the tests, in numbers that need no generator."""

from __future__ import annotations

import numpy as np

from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.appnp import Appnp
from gatewright.golden.gnn.dense import Linear
from gatewright.golden.gnn.gat import Gat
from gatewright.golden.gnn.gcn import Gcn, Order
from gatewright.golden.gnn.ggnn import Ggnn
from gatewright.golden.gnn.gin import Gin
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.sage import Reduction, Sage

# Parallel edges 0 -> 1, loops at 2 (among others) and 4 (alone), 5 isolated, 3 a source too.
SMALL = Graph(6, np.array([0, 0, 1, 2, 2, 2, 3, 4, 1, 0]), np.array([1, 1, 0, 0, 3, 2, 1, 4, 2, 2]))
FEATURES = 4


def numbers(*shape, seed=0):
    """Sixteenths in -20/16..20/16, exact in every format."""
    count = np.arange(int(np.prod(shape)))
    return ((7 * count**2 + (13 + seed) * count + 11 * seed) % 41 - 20).reshape(shape) / 16


def random_graph(seed, vertices=40, edges=160):
    rng = np.random.default_rng(seed)
    return Graph(vertices, rng.integers(0, vertices, edges), rng.integers(0, vertices, edges))


def layers(k=FEATURES, n=3, weight=numbers):
    """A layer of every kind and variant, by name; `weight(*shape, seed=...)` makes the numbers."""

    def gat(heads, concat, **more):
        return Gat(
            weight(k, heads * n, seed=1), weight(heads, n, seed=2), weight(heads, n, seed=3),
            weight(heads * n if concat else n, seed=4), concat, **more,
        )  # fmt: skip

    def sage(reduction, bias=True):
        return Sage(
            weight(k, n, seed=1), weight(k, n, seed=2), weight(n, seed=3) if bias else None,
            reduction,
        )  # fmt: skip

    mlp = (
        Linear(weight(k, 5, seed=1), weight(5, seed=2), Activation.RELU),
        Linear(weight(5, n, seed=3), weight(n, seed=4)),
    )
    w, b = weight(k, n, seed=1), weight(n, seed=2)
    return {
        "gcn": Gcn(w, b),
        "gcn transform": Gcn(w, b, order=Order.TRANSFORM),
        "gcn without bias": Gcn(w, None, order=Order.TRANSFORM),
        "sgc": Gcn(w, b, hops=3),
        "sgc transform": Gcn(w, b, hops=3, order=Order.TRANSFORM),
        "appnp": Appnp(k, 5, 0.1),
        "sage mean": sage(Reduction.MEAN),
        "sage max": sage(Reduction.MAX),
        "sage sum": sage(Reduction.SUM, bias=False),
        "gin": Gin(mlp),
        "gin eps": Gin(mlp, 0.3),
        "gat": gat(1, True),
        "gat concat": gat(2, True),
        "gat mean": gat(3, False, slope=0.1),
        "ggnn": Ggnn(
            k, weight(3, k + 1, k + 1, seed=1), weight(k + 1, 3 * (k + 1), seed=2),
            weight(k + 1, 3 * (k + 1), seed=3), weight(3 * (k + 1), seed=4),
            weight(3 * (k + 1), seed=5),
        ),
    }  # fmt: skip

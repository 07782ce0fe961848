"""The brief's figures of rounding, and a trained network in float64 and in int8."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gatewright.flows.gnn.training import train_gcn
from gatewright.generators.gnn.features import normalized_rows, read_vertex_data
from gatewright.golden.gnn.fixed import ndiv, slope_immediate
from gatewright.golden.gnn.gat import attention_weights
from gatewright.golden.gnn.gcn import Order
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.hop import Hop, propagate
from gatewright.golden.gnn.network import Network, quantize

from .cases import random_graph

CORA = Path("/work/shared/data/graphs/cora.npz")
needs_cora = pytest.mark.skipif(not CORA.exists(), reason="the Cora graph is not there")


def graph_of(name):
    if name == "random":
        return random_graph(0, 1000, 5000)
    data = np.load(CORA)
    return Graph(int(data["n"]), data["src"], data["dst"])


GRAPHS = ["random", pytest.param("cora", marks=needs_cora)]


@pytest.mark.parametrize("name", GRAPHS)
def test_split_normalisation_costs_a_hundredth(name):
    """At most 0.51 of a unit against real arithmetic on the same codes, 0.5 being ideal."""
    graph = graph_of(name)
    x = np.random.default_rng(0).integers(-128, 128, (graph.vertices, 32))
    real = propagate(graph, x.astype(np.float64))
    gain = 127 / np.abs(real).max()
    error = np.abs(Hop(12, gain)(graph, x) - gain * real).max()
    assert 0.5 < error < 0.515
    # Fewer fraction bits, more error.
    assert np.abs(Hop(8, gain)(graph, x) - gain * real).max() > 0.6


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("spread", [0.5, 2, 8])
def test_softmax_costs_a_tenth(name, spread):
    """Weights to 7.5e-4 and outputs to 0.61 of a unit, the brief's figures; spread in octaves."""
    looped = graph_of(name).looped
    rng = np.random.default_rng(0)
    source, target = (
        np.round(rng.normal(size=(looped.vertices, 1)) * spread * 256).astype(np.int64)
        for _ in range(2)
    )
    z = rng.integers(-128, 128, (looped.vertices, 16))
    e = (source[looped.src] + target[looped.dst]) / 256
    e = np.where(e >= 0, e, 0.2 * e)
    exact = 2.0 ** (e - looped.gather(e, "max")[looped.dst])
    exact /= looped.gather(exact, "sum")[looped.dst]
    errors = {}
    for bits in (8, 12):
        p = attention_weights(looped, source, target, slope_immediate(0.2), bits)
        den = looped.gather(p, "sum")
        y = ndiv(looped.gather(p * z[looped.src], "sum"), den[:, 0])
        errors[bits] = (
            np.abs(p / den[looped.dst] - exact).max(),
            np.abs(y - looped.gather(exact * z[looped.src], "sum")).max(),
        )
    assert errors[12][0] < 7.5e-4
    assert errors[12][1] < 0.62
    assert errors[8][0] > 7.5e-4
    assert errors[8][1] > errors[12][1]


@needs_cora
def test_trained_gcn_on_cora():
    """About 0.80 in float64, within a point of it in int8, in either order."""
    graph = graph_of("cora")
    data = read_vertex_data(CORA, graph.vertices)
    x, labels, test = normalized_rows(data.features), data.labels, data.test
    trained = train_gcn(graph, x, labels, data.train).network
    network = Network([replace(layer, order=Order.TRANSFORM) for layer in trained.layers])
    real = network.forward(graph, x)

    def accuracy(logits):
        return float((logits.argmax(axis=1) == labels)[test].mean())

    assert 0.79 < accuracy(real) < 0.84
    for order in Order:
        ordered = Network([replace(layer, order=order) for layer in network.layers])
        logits = quantize(ordered, graph, x).forward(graph, x)
        assert abs(accuracy(logits) - accuracy(real)) <= 0.01
        assert (logits.argmax(axis=1) == real.argmax(axis=1)).mean() > 0.97
        assert np.sqrt(np.square(logits - real).mean() / np.square(real).mean()) < 0.06

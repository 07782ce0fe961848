from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.fixed import Multiplier
from gatewright.golden.gnn.gat import Int8Gat
from gatewright.golden.gnn.gin import Gin
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.network import Network, quantize
from gatewright.golden.gnn.sage import Int8Sage

from . import loops
from .cases import SMALL, layers, random_graph


def with_activation(layer, kind):
    if isinstance(layer, Gin):
        return replace(layer, mlp=(*layer.mlp[:-1], replace(layer.mlp[-1], activation=kind)))
    return replace(layer, activation=kind)


def int8(name, graph, seed, k=5, n=4, kind=Activation.NONE):
    """An int8 layer of normally distributed weights, calibrated on normally distributed data."""
    rng = np.random.default_rng(seed)
    layer = layers(k, n, lambda *shape, seed: rng.normal(size=shape))[name]
    x = rng.normal(size=(graph.vertices, k))
    return quantize(Network([with_activation(layer, kind)]), graph, x).layers[0]


def codes(graph, k, seed):
    """Any codes, among them rows of the extremes."""
    x = np.random.default_rng(seed).integers(-128, 128, (graph.vertices, k))
    x[0], x[-1] = -128, 127
    return x


@pytest.mark.parametrize("name", layers())
@pytest.mark.parametrize("kind", [Activation.NONE, Activation.RELU, Activation.ELU])
def test_against_loops_with_shuffled_edges(name, kind):
    for seed, graph in enumerate((SMALL, random_graph(3, 9, 60), random_graph(4, 5, 0))):
        layer = int8(name, graph, seed, kind=kind)
        x = codes(graph, 5, seed)
        expected = loops.integer(layer, graph, x.tolist(), random.Random(seed))
        actual = layer.forward(graph, x)
        assert actual.tolist() == expected
        assert actual.min() < 0 or kind is Activation.RELU
        assert len(np.unique(actual)) > 2


@pytest.mark.parametrize("name", layers())
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_order_of_edges_and_of_vertices_does_not_matter(name, data):
    n = data.draw(st.integers(1, 12))
    edges = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    src, dst = np.array(edges, np.int64).reshape(-1, 2).T
    graph = Graph(n, src, dst)
    layer = int8(name, graph, len(edges))
    x = codes(graph, 5, len(edges))
    y = layer.forward(graph, x)
    order = np.array(data.draw(st.permutations(range(len(edges)))), np.int64)
    assert np.array_equal(layer.forward(Graph(n, src[order], dst[order]), x), y)
    place = np.array(data.draw(st.permutations(range(n))))
    moved = np.empty_like(x)
    moved[place] = x
    assert np.array_equal(layer.forward(Graph(n, place[src], place[dst]), moved)[place], y)


@pytest.mark.parametrize("name", [name for name in layers() if name != "sage max"])
def test_sums_wrap_and_scores_saturate_as_in_the_loops(name):
    """Far beyond what the proof admits: codes of 32 bits, and exponentials of 27."""
    for seed, graph in enumerate((SMALL, random_graph(3, 9, 60))):
        layer = int8(name, graph, seed)
        if isinstance(layer, Int8Gat):
            layer = replace(layer, exp_bits=27)
        if isinstance(layer, Int8Sage):
            # Or the huge rows of x would hide the sums.
            weights = (layer.product.weights[0], np.zeros_like(layer.product.weights[1]))
            layer = replace(layer, product=replace(layer.product, weights=weights))
        x = np.random.default_rng(seed).integers(-(2**31), 2**31, (graph.vertices, 5))
        expected = loops.integer(layer, graph, x.tolist(), random.Random(seed))
        assert layer.forward(graph, x).tolist() == expected


def test_candidate_of_a_gru_saturates():
    layer = int8("ggnn", SMALL, 0)
    steps = [
        replace(step, candidate_m=replace(step.candidate_m, by=Multiplier(2**15, 0)))
        for step in layer.steps
    ]
    # The RQ behind the sum must not saturate as well, or it would not show.
    layer = replace(layer, steps=tuple(steps), candidate=Multiplier(1, 11))
    x = codes(SMALL, 5, 1)
    expected = loops.integer(layer, SMALL, x.tolist(), random.Random(0))
    assert layer.forward(SMALL, x).tolist() == expected

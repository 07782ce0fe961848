"""Layers in operators compute what golden layers compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.generators.gnn.compiler.dependence import sorted_values
from gatewright.generators.gnn.compiler.ir import Concat, MatMul
from gatewright.generators.gnn.compiler.lowering.gat import Heads
from gatewright.generators.gnn.compiler.lowering.network import lower_network
from gatewright.golden.gnn.layer import Int8Layer
from gatewright.golden.gnn.network import Int8Network
from gatewright.tests.golden.gnn.cases import layers

from .interpreter import interpret
from .networks import EDGE, ENGINES, GRAPHS, KINDS, ROOMY, codes, layer, quantized, random_graph


def check(network, graph, p, seed):
    x = codes(np.random.default_rng(seed), graph, network)
    lowered = lower_network(network, graph, p)
    result = interpret(lowered.output, graph, x)[:, list(lowered.output_columns)]
    assert np.array_equal(result, network.trace(graph, x)[-1])
    return lowered


@pytest.mark.parametrize("name", layers())
@pytest.mark.parametrize("engine", ENGINES)
def test_every_layer(name, engine):
    rng = np.random.default_rng(1)
    one = layers(5, 4, lambda *shape, seed=0: rng.normal(size=shape))[name]
    for graph in (*GRAPHS.values(), random_graph(rng, 40, 160)):
        network = quantized(rng, [one], graph)
        if network is not None:
            check(network, graph, ENGINES[engine], 2)


@pytest.mark.parametrize("seed", range(40))
def test_networks(seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, 15, 40)
    k, chosen = int(rng.integers(1, 20)), []
    for _ in range(int(rng.integers(2, 4))):
        chosen.append(layer(rng, KINDS[rng.integers(len(KINDS))], k, int(rng.integers(1, 10))))
        k = chosen[-1].out_features
    network = quantized(rng, chosen, graph)
    if network is not None:
        check(network, graph, list(ENGINES.values())[seed % 3], seed)


@pytest.mark.parametrize(
    ("heads", "channels", "padded", "shift", "scores"),
    [
        (1, 7, 7, 15, 1), (2, 1, 2, 1, 2), (8, 8, 8, 3, 8), (3, 5, 8, 3, 3), (4, 16, 16, 4, 4),
        (2, 17, 32, 5, 2), (2, 48, 48, 4, 6), (2, 64, 64, 6, 2),
    ],
)  # fmt: skip
def test_heads_are_padded_no_more_than_the_engine_needs(heads, channels, padded, shift, scores):
    found = Heads.of(heads, channels, EDGE)
    assert (found.padded, found.shift, found.scores) == (padded, shift, scores)
    # Any column has a score of its own head.
    column = np.array(found.layout.places)
    assert np.array_equal(
        (column >> shift) // found.copies, np.repeat(np.arange(heads), channels)
    )


@pytest.mark.parametrize(("heads", "channels"), [(1, 9), (5, 3), (9, 1), (2, 12), (6, 5), (17, 2)])
def test_any_number_of_heads(heads, channels):
    rng = np.random.default_rng(heads)
    graph = random_graph(rng, 12, 40)
    network = quantized(rng, [layer(rng, "gat", 6, channels, heads)], graph)
    check(network, graph, ROOMY, 3)


def test_weights_that_are_too_many_for_the_engine_are_cut_by_columns():
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 6, 10)
    network = quantized(rng, [layer(rng, "linear", 300, 256)], graph)
    p = replace(EDGE, weight_words=2048)
    lowered = check(network, graph, p, 1)
    products = [v for v in sorted_values([lowered.output]) if isinstance(v, MatMul)]
    assert [v.width for v in products] == [96, 96, 64]
    assert any(isinstance(v, Concat) for v in sorted_values([lowered.output]))


def test_an_unknown_layer_is_refused():
    class Other(Int8Layer):
        in_features = 3

        def forward(self, graph, x):
            return x

        def bounds(self, graph):
            return {}

    with pytest.raises(InputError, match=r"layer l0 must be one of Int8Linear, .*, not Other"):
        lower_network(Int8Network([Other()]), GRAPHS["multi"], EDGE)

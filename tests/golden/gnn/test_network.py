from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.appnp import Appnp
from gatewright.golden.gnn.dense import Linear, Product
from gatewright.golden.gnn.gat import Gat
from gatewright.golden.gnn.gcn import Gcn, Order
from gatewright.golden.gnn.ggnn import Ggnn
from gatewright.golden.gnn.gin import Gin
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.network import Int8Network, Network, quantize
from gatewright.golden.gnn.sage import Sage

from .cases import layers, numbers, random_graph

K, HIDDEN, CLASSES = 12, 8, 5
GRAPH = random_graph(5, 60, 300)


def weight(seed):
    rng = np.random.default_rng(seed)
    return lambda *shape: rng.normal(size=shape) / math.sqrt(shape[-2] if len(shape) > 1 else 4)


def networks():
    w = weight(0)
    elu, relu = Activation.ELU, Activation.RELU
    cell = (w(2, HIDDEN, HIDDEN), w(HIDDEN, 3 * HIDDEN), w(HIDDEN, 3 * HIDDEN))
    return {
        "gcn": [
            Gcn(w(K, HIDDEN), w(HIDDEN), activation=relu, order=Order.TRANSFORM),
            Gcn(w(HIDDEN, CLASSES), w(CLASSES)),
        ],
        "gat": [
            Gat(w(K, 16), w(2, 8), w(2, 8), w(16), activation=elu),
            Gat(w(16, 15), w(3, 5), w(3, 5), w(5), concat=False),
        ],
        "sage, gin": [
            Sage(w(K, HIDDEN), w(K, HIDDEN), w(HIDDEN), activation=Activation.GELU),
            Gin((Linear(w(HIDDEN, 9), None, relu), Linear(w(9, CLASSES), w(CLASSES))), 0.5),
        ],
        "mlp, appnp": [
            Linear(w(K, HIDDEN), w(HIDDEN), relu),
            Linear(w(HIDDEN, CLASSES), w(CLASSES)),
            Appnp(CLASSES, 10, 0.1),
        ],
        "ggnn": [
            Linear(w(K, 6), w(6), Activation.TANH),
            Ggnn(6, *cell, activation=relu),
            Linear(w(HIDDEN, CLASSES), w(CLASSES)),
        ],
        "gat, ggnn": [
            Gat(w(K, 6), w(1, 6), w(1, 6), 0.1 * w(6)),
            Ggnn(6, *cell),
            Ggnn(HIDDEN, *cell, activation=Activation.SIGMOID),
        ],
    }


def relative(actual, expected):
    return math.sqrt(np.square(actual - expected).mean() / np.square(expected).mean())


@pytest.mark.parametrize("name", networks())
def test_int8_follows_float64(name):
    network = Network(networks()[name])
    x = np.random.default_rng(1).normal(size=(GRAPH.vertices, K))
    made = quantize(network, GRAPH, x)
    real, codes = network.trace(GRAPH, x), made.trace(GRAPH, made.encode(GRAPH, x))
    assert len(real) == len(codes) == len(network.layers) + 1
    assert codes[0].min() == -127 or codes[0].max() == 127
    units = [made.unit_in]
    for layer in made.layers:
        # A code means the same to the layer that reads it.
        assert layer.unit_in == units[-1]
        units.append(layer.unit_out)
    for i, (expected, actual, unit) in enumerate(zip(real, codes, units, strict=True)):
        assert relative(actual * unit, expected) < (0.02 if i == 0 else 0.08)
        assert actual.min() >= -128
        assert actual.max() <= 127
    assert np.array_equal(made.forward(GRAPH, x), codes[-1] * made.unit_out)


def test_every_kind_follows_float64_on_random_graphs():
    """Relative L2 error of single layers; the operands' rounding alone costs about 0.015."""
    worst = {}
    for number, edges in enumerate((400, 1000, 3000)):
        graph = random_graph(number, 200, edges)
        x = np.random.default_rng(number).normal(size=(200, 32))
        for name, layer in layers(32, 16, lambda *shape, seed: weight(seed)(*shape)).items():
            network = Network([layer])
            made = quantize(network, graph, x)
            error = relative(made.forward(graph, x), network.forward(graph, x))
            worst[name] = max(worst.get(name, 0), error)
    limits = {"ggnn": 0.1, "appnp": 0.05}
    for name, error in worst.items():
        assert 0.005 < error < limits.get(name, 0.03), (name, error)


def test_operands_of_one_accumulator():
    """Two matrices and a bias: one unit, the larger matrix uses all codes."""
    w, r, bias = numbers(4, 3, seed=1), 10 * numbers(4, 3, seed=2), numbers(3, seed=3)
    product = Product.of([w, r], [0.5, 0.25], bias, 2.0)
    unit = np.abs(r).max() * 0.25 / 127
    assert [int(np.abs(each).max()) for each in product.weights] == [
        math.floor(np.abs(w).max() * 0.5 / unit + 0.5),
        127,
    ]
    assert np.abs(product.weights[0] * unit / 0.5 - w).max() <= unit / 0.5 / 2
    assert np.abs(product.bias * unit - bias).max() <= unit / 2
    assert product.by.m / 2**product.by.s == pytest.approx(unit / 2, rel=2**-15)


def test_steps_of_a_gru_share_what_they_can():
    made = quantize(Network([networks()["ggnn"][1]]), GRAPH, numbers(GRAPH.vertices, 6)).layers[0]
    first, second = made.steps
    assert np.array_equal(first.gates.weights[1], second.gates.weights[1])
    assert not np.array_equal(first.gates.weights[0], second.gates.weights[0])
    assert (first.gates.by, first.candidate_m.by) == (second.gates.by, second.candidate_m.by)
    assert made.tanh.unit_out == made.unit_in == made.unit_out


def test_zeros_and_single_vertices():
    """Nothing divides by zero, whatever is missing."""
    alone = Graph(1, np.zeros(0, np.int64), np.zeros(0, np.int64))
    for graph in (alone, GRAPH):
        for name, layer in layers().items():
            zeros = np.zeros((graph.vertices, 4))
            made = quantize(Network([layer]), graph, zeros)
            expected = Network([layer]).forward(graph, zeros)
            error = np.abs(made.forward(graph, zeros) - expected).max()
            # The GRU's states of -1..1 go through three steps with gains above 1.
            assert error <= (0.25 if name == "ggnn" else 1.01 * made.unit_out)
    nothing = layers(weight=lambda *shape, seed: np.zeros(shape))
    for layer in nothing.values():
        x = numbers(GRAPH.vertices, 4)
        made = quantize(Network([layer]), GRAPH, x)
        error = np.abs(made.forward(GRAPH, x) - layer.forward(GRAPH, x)).max()
        assert error <= 2 * made.unit_out


def test_same_input_same_integers():
    network = Network(networks()["gat, ggnn"])
    x = numbers(GRAPH.vertices, K)
    one, two = (quantize(network, GRAPH, x) for _ in range(2))
    assert np.array_equal(one.forward(GRAPH, x), two.forward(GRAPH, x))
    assert [each.unit_out for each in one.layers] == [each.unit_out for each in two.layers]


def test_inputs_beyond_the_calibration_saturate():
    network = Network([Linear(np.eye(4))])
    made = quantize(network, GRAPH, np.ones((GRAPH.vertices, 4)))
    out = made.forward(GRAPH, np.full((GRAPH.vertices, 4), -5.0))
    assert (out == -128 * made.unit_out).all()


def test_bad_input():
    network = Network(networks()["gcn"])
    x = numbers(GRAPH.vertices, K)
    made = quantize(network, GRAPH, x)
    bad = x.copy()
    bad[3, 4] = np.inf
    for run in (
        network.forward,
        made.forward,
        lambda graph, x: quantize(network, graph, x),
    ):
        with pytest.raises(InputError, match=r"^x must be finite, not inf at \[3, 4\]$"):
            run(GRAPH, bad)
        with pytest.raises(InputError, match=r"^x must be of shape \[60, 12\], not \[60, 11\]$"):
            run(GRAPH, x[:, 1:])
    with pytest.raises(InputError, match=r"^layer 1 must have 8 inputs, .* layer 0, not 12$"):
        Network([network.layers[0], network.layers[0]])
    with pytest.raises(InputError, match=r"^layers must be at least one, not none$"):
        Network([])
    codes = made.encode(GRAPH, x)
    codes[2, 1] = 128
    with pytest.raises(InputError, match=r"^codes must be in -128\.\.127, not 128 at \[2, 1\]$"):
        made.trace(GRAPH, codes)
    for wrong in (codes[1:], codes.astype(np.float64)):
        with pytest.raises(InputError, match=r"^codes must be signed integers \[60, 12\], not"):
            Int8Network(made.layers).trace(GRAPH, wrong)


def test_a_gru_gets_a_unit_that_suits_its_states():
    """Its states reach 1 although what the layer before it returns is small."""
    gru = replace(networks()["ggnn"][1], bias_m=np.ones(3 * HIDDEN))
    network = Network([Linear(1e-3 * np.eye(6)), gru])
    x = numbers(GRAPH.vertices, 6)
    made = quantize(network, GRAPH, x)
    unit = made.layers[1].unit_in
    states = network.layers[1].forward(GRAPH, network.layers[0].forward(GRAPH, x))
    assert np.abs(states).max() > 100e-3
    assert 127 * unit >= np.abs(states).max()
    assert made.layers[0].unit_out == unit


def test_scores_are_in_base_two():
    layer = networks()["gat"][0]
    made = quantize(Network([layer]), GRAPH, numbers(GRAPH.vertices, K)).layers[0]
    for product, attention in ((made.source, layer.source), (made.target, layer.target)):
        blocks = layer.weight.reshape(K, 2, 8)
        exact = np.stack([blocks[:, h] @ attention[h] for h in range(2)], axis=1) / math.log(2)
        # From a code's product to 1/256 octaves.
        step = product.by.m / 2**product.by.s / 256 / made.unit_in
        assert np.abs(product.weights[0] * step - exact).max() <= 0.501 * step

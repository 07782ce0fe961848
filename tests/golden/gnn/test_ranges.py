from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.golden.gnn.dense import Linear, Product
from gatewright.golden.gnn.fixed import Multiplier
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.hop import hop_bounds, hop_fraction_bits, source_scalars
from gatewright.golden.gnn.network import Network, quantize
from gatewright.golden.gnn.ranges import fitting_bits

from .cases import layers, random_graph

GRAPHS = Path("/work/shared/data/graphs")
LIMIT = 2**31


def star(leaves):
    """Edges from all leaves, and from the hub itself, to the hub."""
    return Graph(leaves + 1, np.arange(leaves + 1), np.zeros(leaves + 1, np.int64))


def pretend(graph, largest_degree):
    """The graph with another in-degree of vertex 0: nobody has room for 2^24 edges."""
    made = Graph(graph.vertices, graph.src, graph.dst)
    made.__dict__["degree"] = np.concatenate([[largest_degree], graph.degree[1:]])
    return made


def made(name, graph):
    rng = np.random.default_rng(1)
    layer = layers(5, 4, lambda *shape, seed: rng.normal(size=shape))[name]
    return quantize(Network([layer]), graph, rng.normal(size=(graph.vertices, 5))).layers[0]


@pytest.mark.parametrize("name", ["sage mean", "sage sum", "gin", "ggnn"])
def test_sums_are_proven_or_refused(name):
    graph = random_graph(1)
    layer = made(name, graph)
    layer.prove(pretend(graph, 2**24 - 2))
    with pytest.raises(
        InputError,
        match=r"^the sum over in-edges.* of layer 3 must be proven below 2\^31, not \d+, where the "
        rf"largest in-degree is {2**24}$",
    ):
        layer.prove(pretend(graph, 2**24), "layer 3")
    # A maximum has no sum.
    made("sage max", graph).prove(pretend(graph, 2**24))


def test_bounds_are_reached():
    """The worst codes give exactly the bound."""
    graph = random_graph(2)
    worst = np.full((graph.vertices, 1), -128)
    assert (
        -int(graph.gather_rows(worst, "sum").min())
        == made("sage sum", graph).bounds(graph)["the sum over in-edges"]
    )
    looped = graph.looped
    sums = looped.gather_rows(source_scalars(looped, 12)[:, None] * worst, "sum")[:, 0]
    assert np.array_equal(-sums, hop_bounds(looped, 12))
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (9, 5)), rng.integers(-127, 128, (4, 5))
    product = Product(weights, rng.integers(-1000, 1000, 5), Multiplier(1, 0), bits=32)
    reached = 0
    for column in range(5):
        for sign in (1, -1):
            # -128 to each weight of one sign, 127 to the others: within 1 % of the bound.
            rows = [np.where(sign * w[:, column] < 0, -128, 127)[None] for w in weights]
            reached = max(reached, abs(int(product(*rows)[0, column])))
    assert 0.99 * product.bound < reached <= product.bound


@pytest.mark.parametrize("name", ["gcn", "sgc transform", "appnp", "gat", "gat mean"])
def test_fraction_bits_give_way_to_the_degree(name):
    small, large = random_graph(3), star(5000)
    one, other = made(name, small), made(name, large)
    other.prove(large)
    bits = [
        each.exp_bits if name.startswith("gat") else each.hops[0].fraction_bits
        for each in (one, other)
    ]
    assert bits == [12, 11]
    with pytest.raises(InputError, match=r"in-edges of layer must be proven below 2\^31"):
        one.prove(large)


def test_fitting_bits():
    assert fitting_bits(lambda bits: (LIMIT - 1) >> (14 - bits), 14) == 14
    assert fitting_bits(lambda bits: LIMIT << bits >> 9, 14) == 8
    assert fitting_bits(lambda bits: LIMIT, 14) == 0
    assert fitting_bits(lambda bits: LIMIT, 14, least=1) == 1
    assert hop_fraction_bits(random_graph(1), 14) == 14


def test_products_and_steps_are_in_the_proof():
    graph = random_graph(1)
    layer = made("gin eps", graph)
    wide = replace(
        layer.mlp[1],
        product=replace(layer.mlp[1].product, bias=np.full(4, LIMIT - 1)),
    )
    with pytest.raises(InputError, match=r"^x W \+ b of MLP layer 1 of layer must be proven"):
        replace(layer, mlp=(layer.mlp[0], wide)).prove(graph)
    assert set(made("ggnn", graph).bounds(graph)) == {
        "the sum over in-edges",
        "x H_n + h_n",
        *(f"g W + x H + b of the gates in step {i}" for i in range(3)),
        *(f"g W + i_n in step {i}" for i in range(3)),
    }
    # A bias that dwarfs the products takes the accumulator's unit with it.
    huge = Linear(np.full((5, 2), 1e-9), np.array([3.0, -1.0]))
    net = quantize(Network([huge]), graph, np.ones((graph.vertices, 5)))
    assert net.layers[0].product.bound < LIMIT
    out = net.forward(graph, np.ones((graph.vertices, 5)))
    assert np.abs(out - [3, -1]).max() <= net.unit_out / 2


@pytest.mark.skipif(not GRAPHS.exists(), reason="the citation graphs are not there")
@pytest.mark.parametrize(("name", "bits", "exp_bits"), [("cora", 17, 16), ("pubmed", 18, 16)])
def test_limits_of_the_brief(name, bits, exp_bits):
    data = np.load(GRAPHS / f"{name}.npz")
    looped = Graph(int(data["n"]), data["src"], data["dst"]).looped
    assert hop_bounds(looped, bits).max() < LIMIT <= hop_bounds(looped, bits + 1).max()
    bound = 128 * looped.largest_degree
    if name == "cora":
        assert bound << exp_bits < LIMIT <= bound << exp_bits + 1

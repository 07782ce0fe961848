"""The search for the best program: what it tries, and what it takes."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.generators.gnn.compilation import compile_model
from gatewright.generators.gnn.graph import Graph
from gatewright.generators.gnn.orders import Order
from gatewright.generators.gnn.presets import PRESETS
from gatewright.golden.gnn.gcn import Gcn
from gatewright.golden.gnn.gcn import Order as GcnOrder
from gatewright.golden.gnn.graph import Graph as GoldenGraph
from gatewright.golden.gnn.network import Network
from gatewright.golden.gnn.sage import Sage
from gatewright.verification.gnn.machine import simulate

TINY = PRESETS["tiny"]
RNG = np.random.default_rng(0)
# Groups of vertices whose numbers are far apart: a better order saves loads.
GROUP = RNG.permutation(240) % 12
PAIRS = RNG.integers(0, 240, (2, 20_000))
SRC, DST = PAIRS[:, GROUP[PAIRS[0]] == GROUP[PAIRS[1]]]
GRAPH = Graph.of(240, SRC, DST)
X = RNG.normal(size=(240, 24))
NETWORK = Network([
    Gcn(RNG.normal(size=(24, 4)), RNG.normal(size=4)), Gcn(RNG.normal(size=(4, 20)))
])  # fmt: skip


def test_everything_is_tried_and_the_best_is_taken():
    done = compile_model(NETWORK, GRAPH, X, TINY)
    assert len({each.gcn_orders for each in done.choices}) == 4
    assert {each.halves for each in done.choices} == {1, 2}
    least = min(each.cycles for each in done.choices)
    about = [each for each in done.choices if each.cycles <= 1.005 * least]
    assert done.choice in about
    assert done.choice.bytes == min(each.bytes for each in about)
    assert (done.estimate.cycles, done.estimate.bytes) == (done.choice.cycles, done.choice.bytes)
    # 24 to 4 is cheaper to gather behind the matrix, 4 to 20 before it.
    assert done.choice.gcn_orders == ("transform", "aggregate")


def test_a_better_order_of_the_vertices_is_found():
    wide = Network([Sage(RNG.normal(size=(24, 24)), RNG.normal(size=(24, 24)))])
    done = compile_model(wide, GRAPH, X, TINY)
    natural = [each for each in done.choices if each.vertex_order == "natural"]
    assert done.choice.vertex_order != "natural"
    assert done.choice.bytes < 0.8 * min(each.bytes for each in natural)
    assert done.choice.cycles < min(each.cycles for each in natural)


@pytest.mark.parametrize("order", [Order.NATURAL, Order.DEGREE, Order.AUTO])
def test_the_chosen_program_computes_the_network(order):
    done = compile_model(NETWORK, GRAPH, X, TINY, order=order, gcn_order=GcnOrder.TRANSFORM)
    assert done.choice.gcn_orders == ("transform", "transform")
    if order is not Order.AUTO:
        assert done.choice.vertex_order == order.value
    golden = GoldenGraph(240, SRC, DST)
    codes = done.network.encode(golden, X)
    found, _ = simulate(done.program, codes)
    assert np.array_equal(found, done.network.trace(golden, codes)[-1])

"""The functional simulator runs programs written by hand as the golden layers compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewright.generators.gnn.cost import estimate
from gatewright.generators.gnn.image import build_image
from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.fixed import exp2n, exp2n_table
from gatewright.golden.gnn.gcn import Gcn
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.network import Network, quantize
from gatewright.hw.gnn.instruction import Opcode
from gatewright.verification.gnn.machine import Machine
from gatewright.verification.gnn.operations import edge_values
from gatewright.verification.gnn.random_code import Form
from gatewright.verification.gnn.random_programs import make_random

from . import programs


def random_graph(rng, vertices=40, edges=150):
    return Graph(vertices, rng.integers(0, vertices, edges), rng.integers(0, vertices, edges))


def gcn_case(seed, halves):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    layer = Gcn(rng.normal(size=(10, 7)), rng.normal(size=7), activation=Activation.RELU)
    network = quantize(Network([layer]), graph, rng.normal(size=(40, 10)))
    codes = rng.integers(-128, 128, (40, 10))
    return graph, network, codes, programs.gcn(network.layers[0], graph, halves=halves)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("halves", [1, 2])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_gcn_by_hand_equals_golden(seed, halves, threads):
    graph, network, codes, program = gcn_case(3, halves)
    image = build_image(program)
    image.write("x", codes)
    Machine(program.parameters, threads=threads, seed=seed).run(image)
    assert np.array_equal(image.read("y"), network.layers[0].forward(graph, codes))


def test_counters_are_those_of_the_cost_model():
    _, _, codes, program = gcn_case(4, 2)
    image = build_image(program)
    image.write("x", codes)
    machine = Machine(program.parameters)
    machine.run(image)
    (told,) = estimate(program).passes
    assert machine.counters.busy == dict(told.busy)
    assert (machine.counters.tasks, machine.counters.instructions) == (
        told.tasks, told.instructions,
    )  # fmt: skip
    assert told.cycles >= told.bound


@pytest.mark.parametrize("bits", [1, 8, 14])
def test_powers_by_a_table_are_those_of_the_formula(bits):
    t = np.arange(1 << 16)
    # Peak less u is t, modulo 2^16.
    found = edge_values(-(1 << 15) + 0 * t, None, 1 << 15, t - (1 << 15), exp2n_table(bits))
    assert np.array_equal(found, exp2n(t, bits))


def test_random_programs_do_not_depend_on_who_is_first():
    rng = np.random.default_rng(5)
    seen = set()
    for form in [*Form, *[Form.ANY] * 3] * 2:
        work, after = make_random(programs.TINY, rng, form=form)
        for seed, threads in ((None, 1), (1, 2), (2, 4)):
            image = replace(work.image, memory=work.image.memory.copy())
            Machine(programs.TINY, threads=threads, seed=seed).run(image)
            assert all(np.array_equal(image.read(name), after.read(name)) for name in after.tensors)
        (only,) = work.program.passes
        seen |= {each.op for code in only.phases.values() for each in code}
    assert seen == set(Opcode)

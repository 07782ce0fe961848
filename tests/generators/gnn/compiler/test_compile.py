"""Compiled programs compute on the functional simulator what golden networks compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.gnn.assembly import check_operands, decode, encode
from gatewright.generators.gnn.compiler.compile import compile_network
from gatewright.generators.gnn.compiler.constants import tiles
from gatewright.generators.gnn.formats import GnnParameters, Opcode, Phase
from gatewright.generators.gnn.graph import Graph as EdgeGraph
from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.dense import Linear
from gatewright.golden.gnn.gat import Gat
from gatewright.golden.gnn.gcn import Gcn, Order
from gatewright.golden.gnn.ggnn import Ggnn
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.network import Int8Network
from gatewright.tests.golden.gnn.cases import layers
from gatewright.verification.gnn.machine import simulate

from .networks import (
    EDGE,
    ENGINES,
    GRAPHS,
    KINDS,
    ROOMY,
    TINY,
    codes,
    layer,
    quantized,
    random_graph,
)


def drawn(name, k=5, n=4, graph=None, seed=0):
    """Return an int8 network of one layer of the golden tests' and a graph for it."""
    rng = np.random.default_rng(seed)
    graph = graph or random_graph(rng, 40, 160)
    made = layers(k, n, lambda *shape, seed=0: rng.normal(size=shape))[name]
    return quantized(rng, [made], graph), graph


def check(network, graph, p, seed=0, **options):
    """Compile and run; return the program."""
    x = codes(np.random.default_rng(seed), graph, network)
    program = compile_network(network, graph, p, **options)
    for each in program.passes:
        for instruction in (i for code in each.phases.values() for i in code):
            assert decode(encode(instruction)) == instruction
            check_operands(instruction, each.slots)
    assert np.array_equal(simulate(program, x, seed=seed)[0], network.trace(graph, x)[-1])
    return program


def operations(program):
    """Return the operations of each phase of each pass."""
    return [
        {phase.name: " ".join(i.op.name for i in code) for phase, code in each.phases.items()}
        for each in program.passes
    ]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", layers())
@pytest.mark.parametrize("engine", [TINY, EDGE], ids=["tiny", "edge"])
def test_every_layer(name, engine):
    for hoist in ("none", "all", "auto"):
        network, graph = drawn(name)
        check(network, graph, engine, hoist=hoist)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", layers())
@pytest.mark.parametrize("kind", GRAPHS)
def test_odd_graphs(name, kind):
    network, graph = drawn(name, graph=GRAPHS[kind], seed=1)
    if network is not None:
        check(network, graph, TINY)


def some_network(seed, count):
    rng = np.random.default_rng(seed)
    vertices = int(rng.choice([1, 2, 3, 9, 30, 70]))
    graph = random_graph(rng, vertices, int(rng.choice([0, 1, vertices, 4 * vertices])))
    k, chosen = int(rng.choice([1, 3, 4, 5, 17, 20])), []
    for _ in range(count):
        kind = KINDS[rng.integers(len(KINDS))]
        chosen.append(layer(rng, kind, k, int(rng.choice([1, 2, 3, 6, 8, 9, 17]))))
        k = chosen[-1].out_features
    return quantized(rng, chosen, graph), graph, rng


@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 3), engine=st.sampled_from([*ENGINES]),
    hoist=st.sampled_from(["none", "all", "auto"]), halves=st.sampled_from([None, 1, 2]),
    moved=st.booleans(),
)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_networks(seed, count, engine, hoist, halves, moved):
    network, graph, rng = some_network(seed, count)
    if network is None:
        return
    rank = rng.permutation(graph.vertices).astype(np.int32) if moved else None
    check(network, graph, ENGINES[engine], seed % 1000, hoist=hoist, halves=halves, rank=rank)


@pytest.mark.soak
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 4), engine=st.sampled_from([*ENGINES]),
    hoist=st.sampled_from(["none", "all", "auto"]), halves=st.sampled_from([None, 1, 2]),
)  # fmt: skip
@settings(max_examples=5000, deadline=None)
def test_many_networks(seed, count, engine, hoist, halves):
    network, graph, _ = some_network(seed, count)
    if network is not None:
        check(network, graph, ENGINES[engine], seed % 1000, hoist=hoist, halves=halves)


def test_gcn_that_aggregates_is_as_short_as_in_the_brief():
    program = check(*drawn("gcn"), EDGE)
    assert operations(program) == [{
        "SCATTER": "FILL END", "GATHER0": "LDV SPSUM END", "APPLY0": "LDV RQROW MM STV END",
    }]  # fmt: skip


def test_hoisted_gat_is_as_short_as_in_the_brief():
    program = check(*drawn("gat concat"), EDGE, hoist="all")
    assert operations(program) == [
        {"SCATTER": "LDV MM STV MM STV MM STV END"},
        {
            "SCATTER": "LDV RQ FILL FILL FILL END", "GATHER0": "LDV EDGE END",
            "GATHER1": "LDV EDGE LDV SPSUM END", "APPLY1": "RECIP RQROW STV END",
        },
    ]  # fmt: skip


def test_the_maximum_of_hoisted_scores_loads_no_rows():
    network, graph = drawn("gat concat", n=16)
    first, second = check(network, graph, EDGE, hoist="all").passes[1].source_stride
    assert (first, second) == (1, 2)


def test_a_state_that_memory_has_is_not_multiplied_before_it_is_needed():
    """x H of a GGNN's next step belongs to that step, which reads x anyway."""
    program = check(*drawn("ggnn"), EDGE, hoist="none")
    stores = [phase["APPLY0"].split().count("STV") for phase in operations(program)]
    assert stores == [1, 1, 1]


def test_passes_only_where_a_gather_must_wait():
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 30, 90)
    made = [layer(rng, kind, 4, 4) for kind in ("linear", "gcn", "linear", "linear")]
    made[1] = replace(made[1], hops=1, order=Order.AGGREGATE)
    network = quantized(rng, [*made, replace(made[1], hops=2)], graph)
    assert len(check(network, graph, EDGE, hoist="none").passes) == 3


def test_auto_takes_the_cheapest_set():
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 200, 3000)
    network = quantized(
        rng, [Gat(*(rng.normal(size=s) for s in ((64, 64), (4, 16), (4, 16), (64,))))], graph
    )
    seen = []

    def score(program):
        seen.append(program.notes["hoisted"])
        return (len(program.notes["hoisted"]),)

    program = compile_network(network, graph, ROOMY, score=score)
    assert len(seen) == len(set(seen)) == 8
    assert program.notes["hoisted"] == min(seen, key=len)
    cost = {
        hoist: sum(len(c) for x in program.passes for c in x.phases.values())
        for hoist in ("none", "all", "auto")
        for program in [compile_network(network, graph, EDGE, hoist=hoist)]
    }
    assert cost["auto"] > cost["none"]  # z of a source is read rather than computed every time


def test_intervals_and_chunks_fill_threads():
    network, graph = drawn("gcn", 64, 64, random_graph(np.random.default_rng(0), 500, 2000))
    (each,) = check(network, graph, EDGE).passes
    part = EDGE.accumulator_words // each.halves
    assert each.interval * each.accumulator_stride <= part
    assert each.chunk_rows * each.chunk_stride <= EDGE.local_words
    assert each.chunk_rows >= EDGE.rows
    dense, graph = drawn("gcn transform", 8, 8, graph)
    first = check(dense, graph, EDGE, hoist="all").passes[0]
    assert first.interval >= EDGE.threads * first.chunk_rows


def test_products_that_do_not_fit_together_have_passes_of_their_own():
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 20, 60)
    first, second = (rng.normal(size=shape) for shape in ((40, 40), (40, 70)))
    network = quantized(rng, [Linear(first), Gcn(second)], graph)
    p = replace(ROOMY, weight_words=300)
    program = check(network, graph, p)
    assert len(program.passes) > 4
    assert all(len(each.weights) <= 300 for each in program.passes)


@pytest.mark.parametrize(("words", "passes"), [(600, 1), (599, 2), (360, 2), (110, 7)])
def test_a_gru_of_many_products_is_cut_where_weights_are_few(words, passes):
    rng = np.random.default_rng(1)
    graph = random_graph(rng, 15, 40)
    shapes = ((1, 20, 20), (20, 60), (20, 60))
    network = quantized(rng, [Ggnn(20, *(rng.normal(size=shape) for shape in shapes))], graph)
    assert len(check(network, graph, replace(ROOMY, weight_words=words)).passes) == passes


def test_values_of_32_bits_wait_for_the_pass_that_needs_them():
    """With z alone hoisted the denominators must not be a pass before the sums."""
    network, graph = drawn("gat concat")
    sets = []

    def score(program):
        sets.append(program.notes["hoisted"])
        return (program.notes["hoisted"] != "l0.z",)

    x = codes(np.random.default_rng(0), graph, network)
    program = compile_network(network, graph, EDGE, score=score)
    assert program.notes["hoisted"] == "l0.z"
    assert np.array_equal(simulate(program, x)[0], network.trace(graph, x)[-1])


def test_a_graph_of_the_partitioner_is_as_good():
    network, graph = drawn("sage mean")
    other = EdgeGraph.of(graph.vertices, graph.src, graph.dst)
    one, two = (compile_network(network, each, EDGE) for each in (graph, other))
    assert operations(one) == operations(two)
    assert np.array_equal(one.passes[0].partitions[0].words, two.passes[0].partitions[0].words)


def test_equal_matrices_and_biases_are_there_once():
    rng = np.random.default_rng(0)
    graph = GRAPHS["multi"]
    same = quantized(rng, [Linear(np.eye(4)), Linear(np.eye(4))], graph)
    twice = Int8Network([same.layers[1], same.layers[1]])
    program = check(twice, graph, EDGE)
    assert len(program.passes[0].weights) == 16 and len(program.passes[0].bias) == 1


@pytest.mark.parametrize(
    ("engine", "line"),
    [
        (
            {"accumulator_words": 4},
            "accumulator_words must be at least 5, what a destination needs in pass 0, not 4",
        ),
        (
            {"local_words": 5},
            "local_words must be at least 6, what a vertex needs in pass 0, not 5",
        ),
        ({"weight_words": 16}, "weight_words must be at least 20 for pass 0, not 16"),
        ({"instructions": 16}, None),
        ({"bias_words": 2}, None),
    ],
)
def test_what_does_not_fit_is_refused(engine, line):
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 12, 30)
    one = Int8Network([quantized(rng, [Gcn(rng.normal(size=(20, 4)))], graph).layers[0]])
    p = replace(TINY, **engine)
    if line is None:
        check(one, graph, p)
        return
    with pytest.raises(InputError) as error:
        compile_network(one, graph, p)
    assert str(error.value) == line


def test_too_many_constants_are_refused():
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 5, 5)
    chain = [Linear(rng.normal(size=(2, 2)), activation=Activation.NONE) for _ in range(18)]
    with pytest.raises(InputError, match=r"constants of RQ of pass 0 must be at most 16, not 18"):
        compile_network(quantized(rng, chain, graph), graph, EDGE)


def test_too_many_instructions_are_refused():
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 5, 9)
    w = rng.normal
    network = quantized(
        rng, [Ggnn(3, *(w(size=s) for s in ((1, 3, 3), (3, 9), (3, 9))))], graph
    )
    with pytest.raises(InputError, match=r"instructions of pass 0 must be at most 16, not 22"):
        compile_network(network, graph, replace(EDGE, instructions=16))


def test_too_many_tiles_are_refused():
    """More than the engine counts, however large its memories."""
    p = GnnParameters(lanes=4, rows=4, columns=4, bus_bytes=4)
    tiles(np.ones((4 * 4095, 1), np.int64), p)
    with pytest.raises(InputError, match="at most 4095 tiles of 4 x 4 in a direction, not 4096"):
        tiles(np.ones((4 * 4095 + 1, 1), np.int64), p)


def test_sums_that_may_overflow_are_refused():
    network, graph = drawn("gat")
    wild = Int8Network([replace(network.layers[0], exp_bits=24)])
    with pytest.raises(InputError, match="the weighted sum over in-edges of layer 0 must be"):
        compile_network(wild, graph, EDGE)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"halves": 3}, "halves must be 1 or 2, not 3"),
        ({"hoist": "some"}, "hoist must be auto, none or all, not some"),
        ({"rank": np.arange(3, dtype=np.int32)}, "rank must be of length 40, not 3"),
    ],
)
def test_wrong_options(options, line):
    network, graph = drawn("gcn")
    with pytest.raises(InputError) as error:
        compile_network(network, graph, EDGE, **options)
    assert str(error.value) == line


def test_phases_are_those_of_the_record():
    network, graph = drawn("gat")
    for each in compile_network(network, graph, EDGE).passes:
        assert list(each.phases) == sorted(each.phases, key=lambda phase: phase.value)
        assert all(code[-1].op is Opcode.END for code in each.phases.values())
        assert all(isinstance(phase, Phase) for phase in each.phases)


def test_edges_of_any_integer_type():
    graph = Graph(3, np.array([2], np.uint8), np.array([0], np.int16))
    network, _ = drawn("sage sum", graph=graph, seed=4)
    check(network, graph, TINY)

from __future__ import annotations

from dataclasses import replace

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.generators.emission import emit
from gatewright.hw.arith.compressors import CompressorTree, CompressorTreeParameters
from gatewright.hw.arith.counter_network import ONE, STRATEGIES, CounterNetwork
from gatewright.tests.hw.formal import Claim, prove

STRATEGY = pytest.mark.parametrize("strategy", sorted(STRATEGIES))


def evaluate(network: CounterNetwork, values: dict[int, int]) -> int:
    """Sum of the outputs for given bits of the heap, by what a counter is defined to do."""
    values = {**values, ONE: 1}
    for counter in network.counters:
        count = sum(values[bit] for bit in counter.inputs)
        values[counter.total], values[counter.carry] = count & 1, count >> 1
    return sum(values[bit] << c for c, bits in enumerate(network.outputs) for bit in bits)


@st.composite
def trees(draw, largest=24):
    width = draw(st.integers(1, largest))
    row = st.tuples(st.integers(0, width + 2), st.integers(1, width + 2))
    rows = draw(st.lists(row, max_size=14))
    times = draw(st.booleans()) and tuple(draw(st.integers(0, 20)) for _ in rows)
    return CompressorTreeParameters(
        rows=tuple(rows),
        width=width,
        constant=draw(st.integers(-(1 << width), 1 << width)),
        strategy=draw(st.sampled_from(sorted(STRATEGIES))),
        times=times or (),
    )


@given(trees(), st.randoms(use_true_random=False))
def test_network_keeps_the_value_of_the_heap(p, generator):
    network = p.network
    assert all(len(bits) <= 2 for bits in network.outputs)
    for _ in range(5):
        values = {bit: generator.getrandbits(1) for c in network.columns for bit in c if bit >= 0}
        expected = p.constant
        bits = iter(sorted(values))
        for row, (shift, _) in enumerate(p.rows):
            expected += sum(values[next(bits)] << shift + k for k in range(p.used(row)))
        assert (evaluate(network, values) - expected) % (1 << p.width) == 0


@settings(max_examples=60, deadline=None)
@given(trees(), st.randoms(use_true_random=False))
def test_tree_in_simulation(p, generator):
    m = Module()
    m.submodules.tree = tree = CompressorTree(p)

    async def bench(ctx):
        for _ in range(6):
            expected = p.constant
            for index, (shift, width) in enumerate(p.rows):
                value = generator.choice([0, (1 << width) - 1, generator.getrandbits(width)])
                ctx.set(getattr(tree, f"row_{index}"), value)
                expected += value << shift
            await ctx.delay(1e-9)
            result = ctx.get(tree.sum) + ctx.get(tree.carry)
            assert (result - expected) % (1 << p.width) == 0

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


@STRATEGY
@pytest.mark.parametrize(
    "rows, width, constant",
    [
        (((0, 4), (1, 4), (2, 4), (3, 4)), 8, 0),
        (((0, 3),) * 6, 4, 11),
        (((0, 5), (2, 6), (1, 3), (4, 1), (0, 2)), 7, -37),
    ],
)
def test_tree_is_proven(strategy, rows, width, constant):
    claim = Claim()
    p = CompressorTreeParameters(rows=rows, width=width, constant=constant, strategy=strategy)
    claim.m.submodules.tree = tree = CompressorTree(p)
    total, result = Signal(width), Signal(width)
    value = constant % (1 << width)
    for index, (shift, row_width) in enumerate(rows):
        row = claim.free(row_width, f"row{index}")
        claim.m.d.comb += getattr(tree, f"row_{index}").eq(row)
        value = value + (row << shift)
    claim.m.d.comb += [total.eq(value), result.eq(tree.sum + tree.carry)]
    claim.conditions.append(result == total)
    prove(claim)


@STRATEGY
@pytest.mark.parametrize(
    "mutate, message",
    [
        (lambda n: replace(n, counters=n.counters[:-1]), r"^outputs of column \d+ must be"),
        (lambda n: replace(n, counters=n.counters[::-1]), r"^bit \d+ must be live in column"),
        (
            lambda n: replace(n, counters=(n.counters[0], *n.counters)),
            r"^bit \d+ must be live in column",
        ),
        (
            lambda n: _change(n, 0, inputs=n.counters[0].inputs[:1]),
            r"^inputs must be two or three bits",
        ),
        (lambda n: _change(n, 0, column=n.counters[0].column + 1), r"must be live in column"),
        (lambda n: _change(n, 1, total=n.counters[0].total), r"^bit \d+ must be made once$"),
        (lambda n: _change(n, -1, level=1), r"^bit \d+ must come from below level 1$"),
        (lambda n: replace(n, outputs=((), *n.outputs[1:])), r"^outputs of column 0 must be"),
    ],
)
def test_check_finds_networks_that_lose_bits(strategy, mutate, message):
    network = CompressorTreeParameters(rows=((0, 6),) * 7, width=9, strategy=strategy).network
    with pytest.raises(ValueError, match=message):
        mutate(network).check()


def _change(network: CounterNetwork, index: int, **fields: object) -> CounterNetwork:
    counters = list(network.counters)
    counters[index] = counters[index]._replace(**fields)
    return replace(network, counters=tuple(counters))


def test_a_kept_carry_of_the_top_column_is_found():
    network = CompressorTreeParameters(rows=((0, 1),) * 3, width=1).network
    with pytest.raises(ValueError, match=r"^carry of column 0 must be dropped, not bit 7$"):
        _change(network, 0, carry=7).check()


@pytest.mark.parametrize(
    "rows, levels", [(2, 0), (3, 1), (4, 2), (6, 3), (9, 4), (13, 5), (64, 10)]
)
def test_dadda_has_the_fewest_levels(rows, levels):
    network = CompressorTreeParameters(rows=((0, 32),) * rows, width=38).network
    assert network.levels == levels
    # Each full adder takes one bit out of the heap; a half adder none.
    heap = 32 * rows
    assert heap - network.full_adders == sum(map(len, network.outputs))


@STRATEGY
def test_carries_do_not_ripple_through_a_thin_heap(strategy):
    rows = ((0, 200), (0, 200), (0, 4))
    network = CompressorTreeParameters(rows=rows, width=201, strategy=strategy).network
    assert network.levels <= 2


def test_arrival_keeps_late_rows_for_last():
    rows, times = ((0, 16),) * 12, (0,) * 11 + (14,)
    delays = {
        strategy: CompressorTreeParameters(
            rows=rows, width=20, strategy=strategy, times=times
        ).network.delay
        for strategy in STRATEGIES
    }
    assert delays["arrival"] < delays["dadda"]
    assert delays["arrival"] <= 14 + 4


@STRATEGY
def test_constants_cost_half_adders_at_most(strategy):
    rows = ((0, 16),) * 2
    free = CompressorTreeParameters(rows=rows, width=16, strategy=strategy)
    added = replace(free, constant=0xBEEF)
    assert free.network.counters == ()
    assert added.network.full_adders == 0
    assert evaluate(added.network, dict.fromkeys(range(32), 0)) % (1 << 16) == 0xBEEF


@STRATEGY
def test_words_not_bits_are_emitted(strategy):
    p = CompressorTreeParameters(rows=((0, 128),) * 33, width=134, strategy=strategy)
    assert p.network.full_adders > 3900
    assert emit(CompressorTree(p)).verilog.count("\n") < 700


@pytest.mark.parametrize(
    "change, message",
    [
        ({"width": 0}, r"^width must be at least 1, not 0$"),
        ({"rows": ((-1, 3),)}, r"^rows must have shifts from 0 and widths from 1, not \(-1, 3\)$"),
        ({"rows": ((0, 0),)}, r"^rows must have shifts from 0 and widths from 1, not \(0, 0\)$"),
        ({"rows": ((0, 40000),) * 2}, r"^rows must hold at most 65534 bits in all, not 80000$"),
        ({"strategy": "wallace"}, r"^strategy must be dadda or arrival, not 'wallace'$"),
        ({"times": (1, 2)}, r"^times must be one from 0 for each row, not \(1, 2\)$"),
    ],
)
def test_parameters_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        CompressorTreeParameters(**{"rows": ((0, 4),), "width": 4, **change})

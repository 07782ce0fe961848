from __future__ import annotations

import random
from collections import deque
from itertools import pairwise

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.arith.iterative_multiplier import (
    IterativeMultiplier,
    IterativeMultiplierParameters,
)
from gatewright.hw.arith.multiplier import IntegerMultiplier, IntegerMultiplierParameters
from gatewright.tests.hw.formal import Claim, prove

STYLES = ("chain", "compressor", "operator")
PIPELINES = ("none", "stages", "levels")


def transfer(dut, stalls: float, count: int = 60, seed: int = 0) -> tuple[set[int], set[int]]:
    """Multiply random and extreme numbers; return the latencies and the intervals that were seen.

    Both are meaningful only without stalls.
    """
    p = dut.p
    addend_bits = getattr(p, "addend_bits", 0)
    generator = random.Random(seed)
    m = Module()
    m.submodules.dut = dut
    m.d.sync += Signal().eq(1)  # the clock domain is there without a register too
    latencies: set[int] = set()
    taken: list[int] = []

    def operand(bits: int) -> int:
        top = (1 << bits) - 1
        return generator.choice([0, 1, top, top >> 1, 1 << bits - 1, generator.getrandbits(bits)])

    async def bench(ctx):
        waiting: deque[tuple[int, int, int]] = deque()
        held = None
        addend = tag = cycle = done = 0
        while done < count:
            if held is None and generator.random() >= stalls:
                held = operand(p.a_bits), operand(p.b_bits)
                tag += 1
                ctx.set(dut.i.payload.a, held[0])
                ctx.set(dut.i.payload.b, held[1])
                if addend_bits:
                    addend = operand(addend_bits)
                    ctx.set(dut.i.payload.addend, addend)
                if p.tag_bits:
                    ctx.set(dut.i.payload.tag, tag % (1 << p.tag_bits))
            ctx.set(dut.i.valid, held is not None)
            ctx.set(dut.o.ready, generator.random() >= stalls)
            if held is not None and ctx.get(dut.i.ready):
                waiting.append((held[0] * held[1] + addend, tag % (1 << p.tag_bits), cycle))
                taken.append(cycle)
                held = None
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                product, expected_tag, start = waiting.popleft()
                assert ctx.get(dut.o.payload.product) == product
                assert not p.tag_bits or ctx.get(dut.o.payload.tag) == expected_tag
                latencies.add(cycle - start)
                done += 1
            await ctx.tick()
            cycle += 1
            assert cycle < 100 * count * p.interval + 100

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return latencies, {later - sooner for sooner, later in pairwise(taken)}


@pytest.mark.one_in(8)
@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "a_bits, b_bits, leaf", [(1, 1, None), (5, 2, None), (9, 9, 4), (25, 27, 8)],
)
def test_products_latency_and_interval(style, pipeline, a_bits, b_bits, leaf):
    p = IntegerMultiplierParameters(
        a_bits=a_bits, b_bits=b_bits, style=style, pipeline=pipeline, leaf_bits=leaf, tag_bits=3
    )
    assert transfer(IntegerMultiplier(p), stalls=0) == ({p.latency}, {1})


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_shape_under_stalls(data):
    p = IntegerMultiplierParameters(
        a_bits=data.draw(st.integers(1, 40)),
        b_bits=data.draw(st.integers(1, 40)),
        style=data.draw(st.sampled_from(STYLES)),
        pipeline=data.draw(st.sampled_from(PIPELINES)),
        strategy=data.draw(st.sampled_from(["dadda", "arrival"])),
        leaf_bits=data.draw(st.none() | st.integers(4, 20)),
        tag_bits=data.draw(st.integers(0, 2)),
    )
    transfer(IntegerMultiplier(p), stalls=0.4, count=25, seed=data.draw(st.integers(0, 99)))


@pytest.mark.parametrize("style", ["chain", "compressor"])
@pytest.mark.parametrize("a_bits, b_bits", [(1, 1), (4, 3), (3, 6), (6, 6)])
def test_product_is_proven(style, a_bits, b_bits):
    claim = Claim()
    p = IntegerMultiplierParameters(a_bits=a_bits, b_bits=b_bits, style=style, leaf_bits=5)
    claim.m.submodules.dut = dut = IntegerMultiplier(p)
    a, b = claim.free(a_bits, "a"), claim.free(b_bits, "b")
    claim.m.d.comb += [dut.i.payload.a.eq(a), dut.i.payload.b.eq(b)]
    claim.conditions.append(dut.o.payload.product == a * b)
    prove(claim)


@pytest.mark.parametrize(
    "field, value, allowed",
    [
        ("a_bits", 0, "at least 1"),
        ("leaf_bits", 3, "at least 4"),
        ("style", "booth", "chain, compressor or operator"),
        ("pipeline", "deep", "none, stages or levels"),
        ("strategy", "wallace", "dadda or arrival"),
    ],
)
def test_parameters_are_checked(field, value, allowed):
    with pytest.raises(ValueError, match=f"^{field} must be {allowed}, not {value!r}$"):
        IntegerMultiplierParameters(**{"a_bits": 4, "b_bits": 4, field: value})


ITERATIVE = ("chain", "compressor", "carry_save")


@pytest.mark.one_in(8)
@pytest.mark.parametrize("style", ITERATIVE)
@pytest.mark.parametrize(
    "a_bits, b_bits, digit_bits", [(1, 1, 1), (1, 9, 8), (9, 3, 8), (12, 16, 4), (33, 31, 3)]
)
@pytest.mark.parametrize("addend_bits", [0, 1])
def test_iterative_products_latency_and_interval(style, a_bits, b_bits, digit_bits, addend_bits):
    p = IterativeMultiplierParameters(
        a_bits=a_bits, b_bits=b_bits, digit_bits=digit_bits, style=style, tag_bits=2,
        addend_bits=addend_bits * a_bits,
    )
    assert transfer(IterativeMultiplier(p), stalls=0) == ({p.latency}, {p.interval})


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_iterative_in_any_shape_under_stalls(data):
    a_bits = data.draw(st.integers(1, 50))
    p = IterativeMultiplierParameters(
        a_bits=a_bits,
        b_bits=data.draw(st.integers(1, 50)),
        digit_bits=data.draw(st.integers(1, 17)),
        style=data.draw(st.sampled_from(ITERATIVE)),
        strategy=data.draw(st.sampled_from(["dadda", "arrival"])),
        tag_bits=data.draw(st.integers(0, 2)),
        addend_bits=data.draw(st.integers(0, a_bits)),
    )
    transfer(IterativeMultiplier(p), stalls=0.4, count=15, seed=data.draw(st.integers(0, 99)))


@pytest.mark.parametrize(
    "field, value, allowed",
    [
        ("b_bits", 0, "at least 1"),
        ("digit_bits", 65, "1 to 64"),
        ("addend_bits", 5, "0 to 4"),
        ("style", "operator", "chain, compressor or carry_save"),
        ("strategy", "", "dadda or arrival"),
    ],
)
def test_iterative_parameters_are_checked(field, value, allowed):
    with pytest.raises(ValueError, match=f"^{field} must be {allowed}, not {value!r}$"):
        IterativeMultiplierParameters(**{"a_bits": 4, "b_bits": 4, field: value})


def test_iterative_tree_must_fit_a_module():
    IterativeMultiplierParameters(a_bits=8192, b_bits=8192, digit_bits=5, style="carry_save")
    with pytest.raises(ValueError, match=r"^digit_bits must be at most 5 for a compressor tree"):
        IterativeMultiplierParameters(a_bits=8192, b_bits=8192, digit_bits=6, style="carry_save")

"""Butterflies: proven when small, in time and under stalls, and a whole transform through one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.butterfly import ButterflyParameters, Decimation
from gatewright.hw.modred.multiply import ModularMultiplierParameters, product_bits
from gatewright.hw.modred.reducer import Pipelining
from gatewright.tests.hw.formal import Claim, prove
from gatewright.tests.hw.modred.arithmetic import RemainderParameters, Values, residues, transfer


def butterfly(
    modulus: int, decimation: Decimation, *, ranks: int = 0, cycles: int = 0, **options
) -> ButterflyParameters:
    reducer = RemainderParameters(
        modulus=modulus, width=product_bits(modulus), tag_bits=(modulus - 1).bit_length(),
        ranks=ranks, cycles=cycles,
    )  # fmt: skip
    multiplier = ModularMultiplierParameters(reducer=reducer, **options)
    return ButterflyParameters(multiplier=multiplier, decimation=decimation)


def expected(p: ButterflyParameters):
    def results(a: int, b: int, w: int) -> Values:
        if p.decimation is Decimation.COOLEY_TUKEY:
            return (a + w * b) % p.modulus, (a - w * b) % p.modulus
        return (a + b) % p.modulus, (a - b) * w % p.modulus

    return results


@pytest.mark.parametrize("decimation", Decimation)
@pytest.mark.parametrize("modulus", [2, 3, 5, 8, 13])
def test_both_results_are_proven(decimation: Decimation, modulus: int) -> None:
    """With no register anywhere, by the SAT solver: all residues at once."""
    p = butterfly(modulus, decimation, pipeline=Pipelining.NONE)
    assert (p.latency, p.interval) == (0, 1)
    claim = Claim()
    claim.m.submodules.dut = dut = p.create()
    a, b, w = (claim.free(p.residue_bits, name) for name in "abw")
    legal = (a < modulus) & (b < modulus) & (w < modulus)
    operands = dut.i.payload
    claim.m.d.comb += [operands.a.eq(a), operands.b.eq(b), operands.w.eq(w)]
    product = (w * b) % modulus
    high, low = a + product, a + modulus - product
    if decimation is Decimation.GENTLEMAN_SANDE:
        high, low = a + b, (a + modulus - b) * w
    claim.conditions += [
        ~legal | (dut.o.payload.high == high % modulus),
        ~legal | (dut.o.payload.low == low % modulus),
    ]
    prove(claim)


@pytest.mark.parametrize("decimation", Decimation)
@pytest.mark.parametrize("pipeline", Pipelining)
def test_streaming_latency_and_interval(decimation: Decimation, pipeline: Pipelining) -> None:
    p = butterfly(3329, decimation, pipeline=pipeline, ranks=2)
    assert p.interval == 1
    sets = residues(3329, 3, 40)
    assert transfer(p.create(), sets, expected(p)) == ({p.latency}, {1})


@pytest.mark.parametrize("decimation", Decimation)
@pytest.mark.parametrize("cycles", [2, 5, 14, 30])
def test_multi_cycle_latency_and_interval(decimation: Decimation, cycles: int) -> None:
    p = butterfly(12289, decimation, cycles=cycles)
    assert p.interval >= cycles
    sets = residues(12289, 3, 30)
    assert transfer(p.create(), sets, expected(p)) == ({p.latency}, {p.interval})


@pytest.mark.thorough
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_shape_under_stalls(data: st.DataObject) -> None:
    p = butterfly(
        data.draw(st.integers(2, 2**40)),
        data.draw(st.sampled_from(Decimation)),
        ranks=data.draw(st.integers(0, 3)),
        cycles=data.draw(st.integers(0, 12)),
        style=data.draw(st.sampled_from(["chain", "compressor"])),
        pipeline=data.draw(st.sampled_from(Pipelining)),
    )
    seed = data.draw(st.integers(0, 99))
    transfer(p.create(), residues(p.modulus, 3, 24, seed), expected(p), stalls=0.4, seed=seed)


def passes(
    size: int, root: int, modulus: int, decimation: Decimation
) -> Iterator[list[tuple[int, int, int]]]:
    """Pairs of places and the twiddle factor of each butterfly, pass by pass, in place.

    Cooley-Tukey goes from bit-reversed to natural order, Gentleman-Sande the other way.
    """
    spans = [1 << k for k in range(size.bit_length() - 1)]
    for span in spans if decimation is Decimation.COOLEY_TUKEY else reversed(spans):
        step = pow(root, size // (2 * span), modulus)
        yield [
            (block + at, block + at + span, pow(step, at, modulus))
            for block in range(0, size, 2 * span)
            for at in range(span)
        ]


def reversed_bits(values: list[int]) -> list[int]:
    bits = (len(values) - 1).bit_length()
    return [values[int(format(at, f"0{bits}b")[::-1], 2)] for at in range(len(values))]


def transform(p: ButterflyParameters, values: list[int], root: int) -> list[int]:
    """A number-theoretic transform, every butterfly of it through the same simulated hardware."""
    dut = p.create()
    m = Module()
    m.submodules.dut = dut
    m.d.sync += Signal().eq(1)
    points = list(values)

    async def bench(ctx) -> None:
        ctx.set(dut.o.ready, 1)
        for beats in passes(len(points), root, p.modulus, p.decimation):
            sent = got = 0
            while got < len(beats):
                if sent < len(beats):
                    first, second, w = beats[sent]
                    ctx.set(dut.i.payload.a, points[first])
                    ctx.set(dut.i.payload.b, points[second])
                    ctx.set(dut.i.payload.w, w)
                ctx.set(dut.i.valid, sent < len(beats))
                taken = sent < len(beats) and ctx.get(dut.i.ready)
                if ctx.get(dut.o.valid):
                    first, second, _ = beats[got]
                    points[first] = ctx.get(dut.o.payload.high)
                    points[second] = ctx.get(dut.o.payload.low)
                    got += 1
                sent += bool(taken)
                await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return points


@pytest.mark.one_in(6)
@pytest.mark.parametrize(
    "modulus, size, root",
    [(17, 8, 9), (97, 32, 28), (3329, 64, pow(17, 4, 3329)), (12289, 64, pow(11, 192, 12289))],
)
@pytest.mark.parametrize("cycles", [0, 5])
def test_transform_there_and_back(modulus: int, size: int, root: int, cycles: int) -> None:
    """A forward transform is the direct sum of each point; an inverse one returns its input."""
    assert pow(root, size // 2, modulus) == modulus - 1, "the root is primitive"
    values = [(at * at * 31 + 7 * at + 5) % modulus for at in range(size)]
    direct = [
        sum(value * pow(root, at * point, modulus) for at, value in enumerate(values)) % modulus
        for point in range(size)
    ]
    timing = {"ranks": 2} if not cycles else {"cycles": cycles}
    cooley_tukey = butterfly(modulus, Decimation.COOLEY_TUKEY, **timing)
    gentleman_sande = butterfly(modulus, Decimation.GENTLEMAN_SANDE, **timing)
    assert transform(cooley_tukey, reversed_bits(values), root) == direct
    back = transform(gentleman_sande, direct, pow(root, -1, modulus))
    scale = pow(size, -1, modulus)
    assert [value * scale % modulus for value in reversed_bits(back)] == values


def test_tag_carries_the_operand_that_waits() -> None:
    reducer = RemainderParameters(modulus=17, width=9, tag_bits=4)
    message = "^tag_bits of the reducer must be 5, those of a residue, not 4$"
    with pytest.raises(ValueError, match=message):
        ButterflyParameters(multiplier=ModularMultiplierParameters(reducer=reducer))


def test_product_is_not_accumulated() -> None:
    reducer = RemainderParameters(modulus=17, width=9, tag_bits=5)
    multiplier = ModularMultiplierParameters(reducer=reducer, accumulate=True)
    with pytest.raises(ValueError, match=r"^accumulate of the multiplier must be False, not True$"):
        ButterflyParameters(multiplier=multiplier)


def test_bound_of_the_sums() -> None:
    last = butterfly(17, Decimation.COOLEY_TUKEY).bounds[-1]
    assert (last.value, last.holds) == (32, True)

"""A modulus that changes at run time: tables filled under traffic, refused moduli, resets."""

from __future__ import annotations

import random

import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.horner import HornerParameters
from gatewright.hw.modred.reducer import Store
from gatewright.hw.modred.table_filler import Base, TableFiller, TableFillerParameters
from gatewright.hw.modred.table_filler import WritableTable as Table


class Run:
    """A reducer with operands and moduli offered at random; what it took and what it gave."""

    def __init__(
        self, p: HornerParameters, beats: list[tuple[str, int]], seed: int = 0,
        stalls: float = 0.3, reset_at: int | None = None,
    ) -> None:
        self.dut = p.create()
        self.beats, self.stalls, self.seed, self.reset_at = beats, stalls, seed, reset_at
        self.expected: list[int] = []
        self.results: list[int] = []
        self.errors: list[int] = []
        self.latencies: set[int] = set()
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._drive)
        simulator.run()

    async def _drive(self, ctx) -> None:
        dut, generator = self.dut, random.Random(self.seed)
        modulus, cycle, left, taken = dut.p.modulus, 0, list(self.beats), []
        while left or len(self.results) < len(self.expected):
            kind, value = left[0] if left else ("", 0)
            offer = bool(left) and generator.random() >= self.stalls
            ctx.set(dut.i.valid, offer and kind == "x")
            ctx.set(dut.modulus.valid, offer and kind == "modulus")
            if kind == "x":
                ctx.set(dut.i.payload.x, value)
            else:
                ctx.set(dut.modulus.payload, value)
            ctx.set(dut.o.ready, generator.random() >= self.stalls)
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                self.results.append(ctx.get(dut.o.payload.r))
                self.latencies.add(cycle - taken.pop(0))
            if offer and kind == "x" and ctx.get(dut.i.ready):
                self.expected.append(value % modulus)
                taken.append(cycle)
                left.pop(0)
            elif offer and kind == "modulus" and ctx.get(dut.modulus.ready):
                n = dut.p.modulus_bits
                if 1 << n - 1 < value < 1 << n:
                    modulus = value
                self.errors.append(ctx.get(dut.error))
                left.pop(0)
            await ctx.tick()
            cycle += 1
            assert cycle < 2_000_000, "nothing comes"
        self.errors.append(ctx.get(dut.error))


def programmable(modulus: int, width: int, **options) -> HornerParameters:
    return HornerParameters(modulus=modulus, width=width, store=Store.WRITABLE, **options)


def operands(p: HornerParameters, modulus: int, generator: random.Random) -> list[tuple[str, int]]:
    top = (1 << p.width) - 1
    edges = [0, 1, modulus - 1, modulus, 2 * modulus, modulus * modulus, top]
    edges += [modulus << p.modulus_bits, (modulus << p.modulus_bits) - 1]
    values = [x for x in edges if x <= top] + [generator.randint(0, top) for _ in range(5)]
    return [("x", x) for x in values]


@pytest.mark.one_in(6)
@pytest.mark.parametrize(
    ("digit_bits", "table_count"), [(1, 1), (3, 1), (2, 2), (4, 2), (5, 3), (6, 1)]
)
def test_every_modulus_of_four_bits(digit_bits, table_count):
    p = programmable(13, 10, digit_bits=digit_bits, table_count=table_count)
    generator = random.Random(digit_bits)
    beats = operands(p, 13, generator)
    for modulus in range(9, 16):  # even ones too
        beats.append(("modulus", modulus))
        beats += [("x", x) for x in generator.sample(range(1 << 10), 40)]
    run = Run(p, beats)
    assert run.results == run.expected
    assert run.errors[-1] == 0


@settings(max_examples=12)
@given(st.data())
def test_any_moduli_under_traffic(data):
    n = data.draw(st.integers(2, 48), label="n")
    modulus = st.integers((1 << n - 1) + 1, (1 << n) - 1)
    moduli = data.draw(st.lists(modulus, min_size=1, max_size=3), label="moduli")
    digit_bits = data.draw(st.integers(1, 5), label="digit_bits")
    p = programmable(
        moduli[0] | 1, data.draw(st.integers(n, 2 * n + 3), label="width"),
        digit_bits=digit_bits,
        table_count=data.draw(st.integers(1, min(3, digit_bits)), label="table_count"),
    )  # fmt: skip
    generator = random.Random(n)
    beats = operands(p, p.modulus, generator)
    for modulus in moduli:
        beats += [("modulus", modulus), *operands(p, modulus, generator)]
    stalls = data.draw(st.sampled_from([0, 0.3, 0.7]), label="stalls")
    run = Run(p, beats, stalls=stalls)
    assert run.results == run.expected
    if not stalls:
        assert run.latencies == {p.latency}, "an operand's time depends on nothing"


@pytest.mark.parametrize("refused", [0, 1, 127, 128])
def test_refused_moduli_leave_the_one_in_force(refused):
    p = programmable(201, 16)
    run = Run(p, [("x", 50_000), ("modulus", refused), ("x", 60_000), ("modulus", 255), ("x", 999)])
    assert run.results == [50_000 % 201, 60_000 % 201, 999 % 255]
    assert run.errors == [0, 1, 1], "set by the refused one, and it stays"


def test_smallest_and_largest_modulus():
    p = programmable(0xFFFF_FFFB, 64)
    generator = random.Random(0)
    beats = []
    for modulus in ((1 << 31) + 1, (1 << 32) - 1):
        beats += [("modulus", modulus), *operands(p, modulus, generator)]
    run = Run(p, beats, stalls=0)
    assert run.results == run.expected


@pytest.mark.parametrize("less_modulus", [False, True])
def test_filler_writes_every_entry(less_modulus):
    tables = (Table(8, Base.WHOLE), Table(16, Base.NEXT, signed=True), Table(6, Base.HALF))
    p = TableFillerParameters(modulus=29, tables=tables, less_modulus=less_modulus)
    dut = TableFiller(p)
    found: list[dict[int, int]] = [{} for _ in tables]
    cycles = 0

    async def watch(ctx) -> None:
        nonlocal cycles
        while not ctx.get(dut.filled):
            for number, entries in enumerate(found):
                if ctx.get(dut.write) >> number & 1:
                    entries[ctx.get(dut.address)] = ctx.get(dut.data)
            await ctx.tick()
            cycles += 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()

    def entry(value: int, base: int) -> int:
        residue = value * base % 29
        return (residue - 29) % 64 if less_modulus and value else residue

    assert found[0] == {v: entry(v, 32) for v in range(8)}
    signed = {v % 16: entry(v, 32 * 8) for v in range(-8, 8)}
    assert found[1] == signed
    assert found[2] == {v: entry(v, 16) for v in range(6)}
    assert cycles <= 3 * (8 + 16 + 6) + 5 * 3 + 4

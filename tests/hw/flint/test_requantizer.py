"""Requantizer against exact rational arithmetic, one number per cycle, with bubbles."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from amaranth.sim import Simulator

from gatewright.hw.flint.requantizer import MAX_STAGES, Requantizer, RequantizerParameters
from gatewright.hw.flint.types import NumberFormat, OperandFormats, TypeKind
from gatewright.tests.hw.flint.reference import nearest_code, value_table

INT_FLINT = OperandFormats.of([TypeKind.INT, TypeKind.FLINT], 4, [True, False])
ALL = OperandFormats.of(TypeKind, 4, [True, False])


def expected_code(each, accumulator, multiplier, shift, relu):
    number = Fraction(accumulator * multiplier, 2**shift)
    if relu:
        number = max(number, Fraction(0))
    return nearest_code(value_table(each.kind.name.lower(), each.bits, each.signed), number)


def numbers(p: RequantizerParameters, count: int, seed: int):
    """Random cases, most with results inside the grid, many at and beside midpoints."""
    rng = random.Random(seed)
    low, high = -(1 << (p.accumulator_width - 1)), (1 << (p.accumulator_width - 1)) - 1
    largest = (1 << p.multiplier_width) - 1
    for _ in range(count):
        each = rng.choice(p.formats.formats)
        relu = rng.random() < 0.25
        if rng.random() < 0.4:
            # acc * 2^m >> shift is a midpoint, or the next number below or above one.
            grid = each.grid
            index = rng.randrange(len(grid) - 1)
            shift = rng.randrange(1, 12)
            log = rng.randrange(min(shift, p.multiplier_width))
            twice = (grid[index] + grid[index + 1]) << (shift - log - 1)
            accumulator = min(max(twice + rng.randrange(-1, 2), low), high)
            yield each, accumulator, 1 << log, shift, relu
            continue
        accumulator = rng.choice(
            [low, high, -1, 0, 1, rng.randint(low, high),
             rng.randint(low, high) >> rng.randrange(p.accumulator_width)]
        )
        multiplier = rng.choice([0, 1, largest, rng.randint(0, largest)])
        size = abs(accumulator * multiplier).bit_length()
        near = min(max(size - rng.randrange(-2, 8), 1), 63)
        yield each, accumulator, multiplier, rng.choice([near, near, rng.randrange(1, 64)]), relu


def run(p: RequantizerParameters, count: int = 250, seed: int = 1) -> None:
    dut = Requantizer(p)
    expected: list[int | None] = []
    seen: list[int | None] = []
    rng = random.Random(seed)

    async def drive(ctx):
        for each, accumulator, multiplier, shift, relu in numbers(p, count, seed):
            while rng.random() < 0.2:
                ctx.set(dut.valid_in, 0)
                expected.append(None)
                await ctx.tick()
            ctx.set(dut.valid_in, 1)
            ctx.set(dut.accumulator, accumulator)
            ctx.set(dut.multiplier, multiplier)
            ctx.set(dut.shift, shift)
            ctx.set(dut.relu, relu)
            if p.formats.select_kind:
                ctx.set(dut.kind, each.kind)
            if p.formats.select_signed:
                ctx.set(dut.is_signed, int(each.signed))
            expected.append(expected_code(each, accumulator, multiplier, shift, relu))
            await ctx.tick()
        ctx.set(dut.valid_in, 0)
        await ctx.tick().repeat(dut.latency)

    async def watch(ctx):
        async for _, _, valid, code in ctx.tick().sample(dut.valid_out, dut.code):
            seen.append(code if valid else None)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.add_testbench(watch, background=True)
    simulator.run()
    assert seen[: dut.latency] == [None] * dut.latency
    assert seen[dut.latency :][: len(expected)] == expected


@pytest.mark.parametrize("stages", range(1, MAX_STAGES + 1))
def test_every_pipeline_depth(stages):
    run(RequantizerParameters(INT_FLINT, 22, 16, stages))


@pytest.mark.parametrize("accumulator_width, multiplier_width", [(2, 1), (5, 3), (12, 7), (40, 32)])
def test_widths(accumulator_width, multiplier_width):
    run(RequantizerParameters(ALL, accumulator_width, multiplier_width, MAX_STAGES))


@pytest.mark.parametrize("kind", TypeKind)
@pytest.mark.parametrize("bits", [3, 5])
def test_single_formats(kind, bits):
    for is_signed in (False, True):
        operand = OperandFormats((NumberFormat(kind, bits, is_signed),))
        run(RequantizerParameters(operand, 18, 8, 2), 120)


def test_unbuilt_select_gives_code_0():
    dut = Requantizer(RequantizerParameters(INT_FLINT, 8, 8, 1))

    async def bench(ctx):
        ctx.set(dut.valid_in, 1)
        ctx.set(dut.accumulator, 100)
        ctx.set(dut.multiplier, 1)
        ctx.set(dut.shift, 1)
        ctx.set(dut.kind, TypeKind.POT)
        await ctx.tick()
        assert ctx.get(dut.valid_out) == 1
        assert ctx.get(dut.code) == 0

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(
    "widths, message",
    [
        ((1, 8, 1), r"^RequantizerParameters\.accumulator_width must be at least 2, not 1$"),
        ((8, 0, 1), r"^RequantizerParameters\.multiplier_width must be at least 1, not 0$"),
        ((8, 8, 0), r"^RequantizerParameters\.stages must be from 1 to 5, not 0$"),
        ((8, 8, 6), r"^RequantizerParameters\.stages must be from 1 to 5, not 6$"),
    ],
)
def test_refusals(widths, message):
    with pytest.raises(ValueError, match=message):
        RequantizerParameters(INT_FLINT, *widths)

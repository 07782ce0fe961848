"""Reciprocal, scaling and the normaliser that shares them among rows."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from amaranth.sim import Simulator

from gatewright.golden.salo import datapath as golden
from gatewright.golden.salo.formats import HW8
from gatewright.hw.salo.normaliser import Normaliser, NormaliserParameters
from gatewright.hw.salo.reciprocal import Reciprocal, ReciprocalParameters
from gatewright.hw.salo.scaling import Scaling, ScalingParameters
from gatewright.hw.salo.stages import Stage
from gatewright.hw.salo.weighted_sum import WeightedSumParameters
from gatewright.tests.hw.salo.reference import datapath, rounded_shift


def reciprocal_of(number: int) -> int:
    """To nearest of ``2^(b + 15) / L``, by the rule of the golden model."""
    return ((1 << number.bit_length() + 16) // number + 1) // 2


def reciprocals(width: int, numbers: list[int]) -> list[int]:
    unit = Reciprocal(ReciprocalParameters(width))
    found = []

    async def bench(ctx) -> None:
        for number in numbers:
            ctx.set(unit.start, 1)
            ctx.set(unit.number, number)
            await ctx.tick()
            ctx.set(unit.start, 0)
            ctx.set(unit.number, (1 << width) - 1 - number)
            for _ in range(unit.p.latency - 1):
                assert ctx.get(unit.busy)
                await ctx.tick()
            assert not ctx.get(unit.busy)
            assert ctx.get(unit.zeros) == width - number.bit_length()
            found.append(ctx.get(unit.reciprocal))

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def test_every_mantissa() -> None:
    """All numbers of 10 bits: all mantissas of 10 bits, all positions of the highest one."""
    numbers = list(range(1, 1024))
    found = reciprocals(10, numbers)
    assert found == [reciprocal_of(number) for number in numbers]
    exact = 2.0 ** (np.array([number.bit_length() for number in numbers]) + 15) / numbers
    assert np.abs(np.array(found) - exact).max() <= 0.5


@pytest.mark.soak
def test_every_mantissa_of_twelve_bits() -> None:
    numbers = list(range(1 << 11, 1 << 12))
    assert reciprocals(24, [n << 7 for n in numbers]) == [reciprocal_of(n) for n in numbers]


def test_powers_of_two_and_their_neighbours() -> None:
    numbers = [
        (1 << bits) + change for bits in range(2, 25) for change in (-1, 0, 1)
        if (1 << bits) + change < 1 << 24
    ]  # fmt: skip
    assert reciprocals(24, numbers) == [reciprocal_of(number) for number in numbers]
    assert reciprocal_of(1 << 9) == 1 << 16


def test_serial_division_takes_18_cycles() -> None:
    assert ReciprocalParameters(24).latency == 18


def test_scaling() -> None:
    """Everything up to sums that cannot be, which saturate; against the rule in integers."""
    p = ScalingParameters(sum_bits=32, total_bits=24)
    rng = random.Random(1)
    cases = []
    for _ in range(600):
        total = rng.randint(1, (1 << rng.randint(1, 24)) - 1)
        span = min(total * rng.choice((1, 127, 129, 300, 1 << 16)), (1 << 31) - 1)
        cases.append((rng.choice((span, -span, rng.randint(-span, span))), total))
    cases += [(value, 1) for value in ((1 << 31) - 1, -(1 << 31), 0, 127, -127, 128, -128, -129)]
    cases += [(0, 0)]
    unit = Scaling(p)
    found = []

    async def bench(ctx) -> None:
        for index in range(len(cases) + p.latency):
            if index >= p.latency:
                found.append((ctx.get(unit.out), bool(ctx.get(unit.saturated))))
            value, total = cases[index % len(cases)]
            ctx.set(unit.value, value)
            ctx.set(unit.zeros, 24 - total.bit_length())
            ctx.set(unit.reciprocal, reciprocal_of(total) if total else 0x1FFFF)
            await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    wanted = []
    for value, total in cases:
        reciprocal = reciprocal_of(total) if total else 0
        exact = rounded_shift(value * reciprocal, total.bit_length() + 15 - 8)
        fitting = min(max(exact, -(1 << 15)), (1 << 15) - 1)
        wanted.append((fitting, fitting != exact))
    assert found == wanted
    assert {saturated for _, saturated in wanted} == {True, False}


def blocks_of(p: NormaliserParameters, dv: int, count: int, seed: int) -> list[np.ndarray]:
    """Of each block, [rows, 1 + dv]: L and O; some rows have no key, some a single one."""
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in range(count):
        total = rng.integers(128 << 4, 1 << rng.integers(12, p.sums.total_bits), p.rows)
        share = rng.uniform(-127, 127, (p.rows, dv))
        block = np.concatenate([total[:, None], np.round(total[:, None] * share)], axis=1)
        block[rng.random(p.rows) < 0.2] = 0
        blocks.append(block.astype(np.int64))
    return blocks


def normalise(
    p: NormaliserParameters, dv: int, blocks: list[np.ndarray], interval: int
) -> tuple[list[np.ndarray], list[int], bool]:
    """Outputs of each block; cycles of results after the first weights; whether it overran."""
    unit = Normaliser(p)
    outputs = [np.full((p.rows, dv), 1 << 20) for _ in blocks]
    cycles: list[int] = []
    flags = []
    total = (len(blocks) - 1) * interval + p.latency + p.turns * (dv + 20) + 5

    async def bench(ctx) -> None:
        done = 0
        ctx.set(unit.dv, dv)
        for cycle in range(total):
            index, c = divmod(cycle, interval)
            stage, sums = Stage.IDLE, [-1] * p.rows
            if index < len(blocks) and c <= dv:
                stage = Stage.VALUE if c else Stage.SUM
                sums = blocks[index][:, c].tolist()
            ctx.set(unit.stage, stage)
            ctx.set(unit.sums, sums)
            if ctx.get(unit.valid):
                cycles.append(cycle)
                block, within = divmod(done, p.turns * dv)
                turn, element = divmod(within, dv)
                assert (ctx.get(unit.turn), ctx.get(unit.element)) == (turn, element)
                out = ctx.get(unit.out)
                for lane in range(p.lanes):
                    outputs[block][turn * p.lanes + lane, element] = out[lane]
                done += 1
            await ctx.tick()
        flags.append(bool(ctx.get(unit.overrun)))

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return outputs, cycles, flags[0]


def expected(block: np.ndarray) -> np.ndarray:
    sums = torch.from_numpy(block)
    return golden.normalise(golden.Sums(sums[:, 0], sums[:, 0], sums[:, 1:]), HW8)[0].numpy()


def parameters(rows: int, lanes: int, dv_max: int = 24) -> NormaliserParameters:
    sums = WeightedSumParameters(datapath=datapath("hw8"), dv_max=dv_max, block_keys=200)
    return NormaliserParameters(sums=sums, rows=rows, lanes=lanes)


@pytest.mark.one_in(8)
@pytest.mark.parametrize("dv", [1, 7, 18, 24])
@pytest.mark.parametrize(("rows", "lanes"), [(1, 1), (4, 2), (3, 1), (4, 4)])
def test_rows_take_turns(rows: int, lanes: int, dv: int) -> None:
    """Blocks as close as may be: all results right, without a gap where turns are long enough."""
    p = parameters(rows, lanes)
    interval = max(p.interval(dv), dv + 2)
    blocks = blocks_of(p, dv, 5, seed=rows + lanes + dv)
    outputs, cycles, overrun = normalise(p, dv, blocks, interval)
    assert not overrun
    assert cycles[0] == p.latency
    assert len(cycles) == 5 * p.turns * dv
    for found, block in zip(outputs, blocks, strict=True):
        assert found.tolist() == expected(block).tolist()
    if dv >= 18:
        ends = p.turns * dv
        assert cycles[ends - 1] - cycles[0] == ends - 1


def test_overrun_is_told() -> None:
    p = parameters(4, 1)
    blocks = blocks_of(p, 18, 4, seed=9)
    assert normalise(p, 18, blocks, p.interval(18) - 4)[2]


def test_one_key_gives_its_value() -> None:
    """``O = v L`` exactly, for every mantissa: the output is v."""
    p = parameters(4, 4)
    mantissas = np.arange(128, 256, 11)
    blocks = [
        np.array([[e << 4, *((e << 4) * v for v in (127, -127, 0, 1, -64))] for _ in range(4)])
        for e in mantissas.tolist()
    ]
    outputs, _, _ = normalise(p, 5, blocks, 40)
    assert all(found.tolist() == [[32512, -32512, 0, 256, -16384]] * 4 for found in outputs)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NormaliserParameters(rows=0), "rows must be at least 1, not 0"),
        (lambda: NormaliserParameters(rows=4, lanes=3), "lanes must divide rows = 4, not 3"),
        (
            lambda: NormaliserParameters(out_fraction_bits=15),
            "out_fraction_bits must be in 0 to 14, not 15",
        ),
        (lambda: ReciprocalParameters(1), "width must be at least 2, not 1"),
        (lambda: ScalingParameters(1, 24), "sum_bits must be in 2 to 256, not 1"),
    ],
)
def test_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        make()

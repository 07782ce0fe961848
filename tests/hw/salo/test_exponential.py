"""The exponential: all fractions, against 2^x, the golden model and its hardware."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from gatewright.golden.salo.exponential import exponential, lines
from gatewright.hw.salo.exponential import HW8_LINES, ExponentialLines
from gatewright.tests.hw.salo.reference import FORMATS, mantissa

ERRORS = {"hw8": (0.00406, 6e-6), "hw12": (0.00024, 4e-5)}
"""Of each, the largest relative error and its mean: brief, section 4.3; hw12 has no mean there."""


@pytest.mark.parametrize("name", FORMATS)
def test_lines_are_those_of_the_golden_model(name: str) -> None:
    fmt, own = FORMATS[name]
    assert (own.mantissa_bits, own.fraction_bits) == (fmt.mantissa_bits, fmt.fraction_bits)
    assert (own.intercepts, own.slopes) == dataclasses.astuple(lines(fmt))


@pytest.mark.parametrize("name", FORMATS)
def test_every_fraction(name: str) -> None:
    fmt, own = FORMATS[name]
    fractions = range(1 << own.fraction_bits)
    found = _hardware(own)
    assert found == [mantissa(own, fraction) for fraction in fractions]
    assert found == exponential(torch.tensor(fractions), fmt).tolist()
    exact = 2 ** (np.array(fractions) / len(fractions)) * (1 << own.mantissa_bits - 1)
    error = np.array(found) / exact - 1
    largest, mean = ERRORS[name]
    assert np.abs(error).max() <= largest and abs(error.mean()) <= mean
    assert all(a <= b for a, b in itertools.pairwise(found))


def _hardware(own: ExponentialLines) -> list[int]:
    m = Module()
    fraction, result = Signal(own.fraction_bits), Signal(own.mantissa_bits)
    segment, offset = fraction[own.offset_bits :], fraction[: own.offset_bits]
    line = Signal(own.drop + own.mantissa_bits + 1)
    start, slope = own.start(m, segment), own.slope(m, segment)
    m.d.comb += [
        line.eq((start << own.start_shift) + slope * offset), result.eq(own.mantissa(line)),
    ]  # fmt: skip
    found = []

    async def bench(ctx) -> None:
        for value in range(1 << own.fraction_bits):
            ctx.set(fraction, value)
            found.append(ctx.get(result))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slopes": HW8_LINES.slopes[:7]}, "must be 2, 4, 8, 16 or 32 of each, not 8 and 7"),
        ({"fraction_bits": 3}, "fraction_bits must be above 3, not 3"),
        ({"mantissa_bits": 3}, "mantissa_bits must be at least 4, not 3"),
        ({"intercepts": (900, *HW8_LINES.intercepts[1:])}, "mantissas must rise within 128 to 256"),
        ({"slopes": (*HW8_LINES.slopes[:7], 180)}, "mantissas must rise within 128 to 256"),
    ],
)
def test_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(HW8_LINES, **change)

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

from gatewright.golden.tpe import encodings as golden
from gatewright.hw.arith.digit_encoder import (
    DigitEncoder,
    DigitEncoderParameters,
    Encoding,
    digit_count,
)
from gatewright.tests.hw.formal import Claim, prove

EVERY = pytest.mark.parametrize("encoding", Encoding, ids=lambda each: each.value)
SIGNS = pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "unsigned"])


def value_of(digit):
    """The digit that the wires mean, refused if they are not the one code of it."""
    one, two = digit.one, getattr(digit, "two", 0)
    assert not (one and two), "a digit of 3"
    assert one or two or not digit.negative, "minus zero"
    return (one + 2 * two) * (-1 if digit.negative else 1)


@EVERY
@SIGNS
@pytest.mark.one_in(5)
@pytest.mark.parametrize("width", range(2, 10))
def test_every_operand(encoding, is_signed, width):
    p = DigitEncoderParameters(encoding, width, is_signed)
    m = Module()
    m.submodules.dut = dut = DigitEncoder(p)
    low, high = golden.operand_range(width, is_signed)
    expected = golden.encode(np.arange(low, high + 1), encoding.value, width, is_signed).tolist()

    async def bench(ctx):
        for operand in range(low, high + 1):
            ctx.set(dut.operand, operand)
            await ctx.delay(1e-9)
            digits = [value_of(digit) for digit in ctx.get(dut.digits)]
            assert sum(d << encoding.digit_bits * i for i, d in enumerate(digits)) == operand
            assert digits == expected[operand - low]

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


def claim_of(encoding, width, is_signed):
    """Digits that have one code each and add up to the operand, and what marks the encoding."""
    claim = Claim()
    claim.m.submodules.dut = dut = DigitEncoder(DigitEncoderParameters(encoding, width, is_signed))
    operand = claim.free(dut.p.operand_shape, "operand")
    claim.m.d.comb += dut.operand.eq(operand)
    total = 0
    for index in range(dut.p.digits):
        digit = dut.digits[index]
        two = digit.two if encoding.digit_bits == 2 else 0
        value = Signal(signed(4), name=f"value_{index}")
        claim.m.d.comb += value.eq((digit.one + (two << 1)) * (1 - (digit.negative << 1)))
        claim.conditions += [~(digit.one & two), digit.one | two | ~digit.negative]
        total = total + (value << encoding.digit_bits * index)
        if encoding is Encoding.NAF and index:
            claim.conditions.append(~(dut.digits[index - 1].two & digit.one))
        if encoding is Encoding.ENT:
            sign = operand[-1] if is_signed else 0
            claim.conditions.append(~two | (digit.negative == sign))
    claim.conditions.append(total == operand)
    return claim


@EVERY
@SIGNS
@pytest.mark.one_in(8)
@pytest.mark.parametrize("width", [13, 16, 32])
def test_wide_operands_are_proven(encoding, is_signed, width):
    prove(claim_of(encoding, width, is_signed))


def test_a_wrong_claim_is_refuted():
    claim = claim_of(Encoding.NAF, 13, True)
    claim.conditions.append(claim.inputs[0] != 1234)
    with pytest.raises(AssertionError):
        prove(claim)


@EVERY
@SIGNS
def test_digit_count_is_that_of_the_model(encoding, is_signed):
    for width in range(2, 33):
        count = golden.digit_count(encoding.value, width, is_signed)
        assert digit_count(encoding, width, is_signed) == count


@pytest.mark.parametrize("width", [-1, 0, 1, 33])
def test_width_out_of_range(width):
    with pytest.raises(ValueError, match=rf"^width must be in 2\.\.32, not {width}$"):
        DigitEncoderParameters(Encoding.BOOTH, width, True)

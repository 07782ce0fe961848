"""Plans of carry-save accumulators: proven step, conserved weight, refused splits."""

from __future__ import annotations

import re
from itertools import product

import pytest
from amaranth.hdl import Mux, Signal

from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.carry_save import CarrySaveAccumulator
from gatewright.hw.tpe.correction import Correction
from gatewright.hw.tpe.digit_serial import DigitSerialParameters
from gatewright.hw.tpe.opt1 import Opt1, Opt1Parameters
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.hw.tpe.partial_product import booth_negatives
from gatewright.tests.hw.formal import Claim, prove


def int8(**options) -> Opt1Parameters:
    return Opt1Parameters(operands=OperandParameters(), accumulator_width=32, **options)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("correction", Correction)
@pytest.mark.parametrize("signs", [*product([True, False], repeat=2)], ids=str)
def test_a_step_is_proven(signs, correction, compact):
    """From any state: the pair after a step is worth what it was, or 0, and the product more."""
    operands = OperandParameters(3, signs[0], 3, signs[1])
    width = 11
    p = Opt1Parameters(
        operands=operands, accumulator_width=width, correction=correction, compact=compact
    )
    claim = Claim()
    m = claim.m
    m.submodules.element = element = Opt1(p)
    inputs = [claim.free(operands.a_shape, "a"), claim.free(operands.b_shape, "b")]
    first, enable = claim.free(1, "first"), claim.free(1, "enable")
    m.d.comb += [element.a.eq(inputs[0]), element.b.eq(inputs[1])]
    m.d.comb += [element.first.eq(first), element.enable.eq(enable)]
    too_much = 0
    if correction is Correction.ROW:
        bits = booth_negatives(inputs[0], operands)
        too_much = sum(row.bias for row in p.rows)
        too_much = too_much - sum(bit << row.shift for bit, row in zip(bits, p.rows, strict=True))
    value, after = Signal(width), Signal(width)
    expected = Signal(width, reset_less=True)
    m.d.comb += [
        value.eq(element.sum + element.carry),
        after.eq(Mux(first, 0, value) + inputs[0] * inputs[1] + too_much),
    ]
    m.d.sync += expected.eq(Mux(enable, after, value))
    claim.conditions.append(value == expected)
    # Any state at first: what is compared is the step from it.
    prove(claim, "-seq 2", "-prove-skip 1")


def test_int8_has_the_split_of_the_brief_or_a_lower_one():
    p = int8(correction=Correction.ROW)
    assert p.accumulator.columns <= 17
    assert p.accumulator.carry_mask >> p.accumulator.columns == 1
    serial = DigitSerialParameters(accumulator_width=26, correction=Correction.ROW)
    assert serial.accumulator.columns <= 10
    group = DigitSerialParameters(accumulator_width=26, lanes=4, correction=Correction.ROW)
    assert group.accumulator.columns <= 11


@pytest.mark.parametrize("correction", Correction)
@pytest.mark.parametrize("encoding", Encoding)
def test_compact_is_no_deeper_and_smaller(encoding, correction):
    compact, wide = (
        int8(encoding=encoding, correction=correction, compact=each).accumulator
        for each in (True, False)
    )
    assert compact.network.delay <= wide.network.delay
    assert compact.carry_mask.bit_count() < wide.carry_mask.bit_count()


def test_three_levels_for_int8():
    """Six rows of which two come early: no more than three full adders after the rows."""
    for correction in Correction:
        accumulator = int8(correction=correction).accumulator
        assert accumulator.network.delay - max(accumulator.times) <= 3 * 4


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: int8(correction=Correction.ROW, split=14), "split must be None or at least 16"),
        (lambda: int8(split=20), "split must be None or at least 32"),
        (
            lambda: Opt1Parameters(operands=OperandParameters(), accumulator_width=0),
            "accumulator_width must be at least 1, not 0",
        ),
        (
            lambda: CarrySaveAccumulator(-1, ((0, 3),), (0,)).check(),
            "accumulator_width must be at least 1, not -1",
        ),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()

from __future__ import annotations

import re
from itertools import product

import pytest
from amaranth.hdl import Shape

from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.behavioural import MacParameters
from gatewright.hw.tpe.correction import Correction
from gatewright.hw.tpe.digit_selector import DigitSelectorParameters
from gatewright.hw.tpe.digit_serial import DigitSerialParameters, exact_width
from gatewright.hw.tpe.laconic import LaconicParameters
from gatewright.hw.tpe.opt2 import Opt2Parameters
from gatewright.hw.tpe.opt3 import Opt3Parameters
from gatewright.hw.tpe.opt4c import Opt4c
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.hw.tpe.resolve import ResolveParameters


def holds(total, width):
    return -(1 << width - 1) <= total < 1 << width - 1


def values(width, is_signed):
    return range(-(1 << width - 1), 1 << width - 1) if is_signed else range(1 << width)


@pytest.mark.parametrize("signs", [*product([True, False], repeat=2)], ids=str)
@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7, 64, 1000])
def test_accumulator_width_is_enough_and_no_more(signs, depth):
    for a_width, b_width in [(2, 2), (2, 5), (4, 3), (5, 5)]:
        operands = OperandParameters(a_width, signs[0], b_width, signs[1])
        products = [
            x * y for x in values(a_width, signs[0]) for y in values(b_width, signs[1])
        ]
        totals = depth * min(products), depth * max(products)
        width = operands.accumulator_width(depth)
        assert all(holds(total, width) for total in totals)
        assert not all(holds(total, width - 1) for total in totals)


def test_the_width_of_the_brief():
    assert OperandParameters().accumulator_width(1024) == 26
    # -128 * -128 needs a bit more than 15: 1024 * 2^14 is 2^24, and no power of two fits its width.
    assert OperandParameters(8, False, 8, True).accumulator_width(1) == 16


@pytest.mark.parametrize("encoding", [Encoding.BOOTH, Encoding.BITS])
@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("digits", [1, 3, 16])
def test_width_of_a_weight(encoding, is_signed, digits):
    largest = encoding.digit_bits
    for b_width in (2, 3, 8):
        products = [d * b for d in (-largest, largest) for b in values(b_width, is_signed)]
        width = exact_width(Shape(b_width, is_signed), encoding, digits)
        totals = digits * min(products), digits * max(products)
        assert all(holds(total, width) for total in totals)
        assert not all(holds(total, width - 1) for total in totals)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: OperandParameters(1, True, 8, True), "a_width must be in 2..32, not 1"),
        (lambda: OperandParameters(8, True, 33, True), "b_width must be in 2..32, not 33"),
        (lambda: OperandParameters().accumulator_width(0), "depth must be at least 1, not 0"),
        (
            lambda: MacParameters(operands=OperandParameters(), accumulator_width=0),
            "accumulator_width must be at least 1, not 0",
        ),
        (lambda: DigitSerialParameters(accumulator_width=8, lanes=0), "lanes must be at least 1"),
        (lambda: DigitSerialParameters(accumulator_width=8, b_width=40), "b_width must be in"),
        (
            lambda: Opt2Parameters(operands=OperandParameters(), accumulator_width=9, depth=1),
            "depth must be at least 2, not 1",
        ),
        (
            lambda: Opt2Parameters(
                operands=OperandParameters(), accumulator_width=9, depth=4, group=5
            ),
            "group must be in 2..4, not 5",
        ),
        (
            lambda: Opt3Parameters(
                serial=DigitSerialParameters(accumulator_width=8, correction=Correction.ROW)
            ),
            "serial must have one lane, exact correction and an enable",
        ),
        (
            lambda: Opt3Parameters(serial=DigitSerialParameters(accumulator_width=8), group=0),
            "group must be at least 1, not 0",
        ),
        (lambda: DigitSelectorParameters(group=0), "group must be at least 1, not 0"),
        (lambda: LaconicParameters(accumulator_width=8, lanes=0), "lanes must be at least 1"),
        (
            lambda: LaconicParameters(accumulator_width=8, a_exponents=34),
            "a_exponents must be in 1..33, not 34",
        ),
        (lambda: ResolveParameters(width=8, words=-1), "words must be at least 0, not -1"),
        (lambda: ResolveParameters(width=8, stages=9), "stages must be in 1..8, not 9"),
        (lambda: ResolveParameters(width=8, result_width=0), "result_width must be in 1..8, not 0"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_opt4c_has_one_lane():
    with pytest.raises(ValueError, match="lanes must be 1, not 2"):
        Opt4c(DigitSerialParameters(accumulator_width=8, lanes=2))

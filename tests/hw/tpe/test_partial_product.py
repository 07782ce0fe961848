"""The identity of one's-complement rows, proven; digits in the element; what rows are for."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Shape, Signal, signed
from amaranth.lib.wiring import In, Out

from gatewright.hw.arith.digit_encoder import Encoding, digit_count
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.hw.tpe.partial_product import (
    Digit,
    Row,
    booth_negatives,
    encode,
    rows_of,
)
from gatewright.hw.unit import Unit
from gatewright.tests.hw.bit_parallel import BitParallel
from gatewright.tests.hw.formal import Claim, prove


@pytest.mark.parametrize("width", range(2, 10))
def test_identity(width):
    """``Σ bit_j 2^j == digit * b - negative + 2^(n-1)``, for any wires but one and two at once."""
    claim = Claim()
    m = claim.m
    for index, (two, negative, b_signed) in enumerate(np.ndindex(2, 2, 2)):
        row = Row(0, bool(two), bool(negative), width, bool(b_signed))
        b = claim.free(Shape(width, bool(b_signed)), f"b_{index}")
        code = claim.free(2, f"code_{index}")
        minus = claim.free(1, f"minus_{index}")
        # 0, 1, 2 and again 1, so that there is no code for 3.
        wires = Digit(code[0], ~code[0] & code[1], minus)
        word = row.build(m, wires, b, f"row_{index}")
        magnitude = Signal(2, name=f"magnitude_{index}")
        m.d.comb += magnitude.eq(code[0] + ((~code[0] & code[1]) << 1 if two else 0))
        value = Signal(signed(width + 5), name=f"value_{index}")
        product = magnitude * b
        m.d.comb += value.eq(product)
        expected = Signal(signed(width + 5), name=f"expected_{index}")
        m.d.comb += expected.eq((value ^ -minus) if negative else value)
        # value ^ -1 == -value - 1: what a negative digit gives before its one is added.
        claim.conditions.append(word == (expected + row.bias)[: row.width + 3])
    prove(claim)


class Digits(Unit):
    """Digits of an element's own encoder, beside the bits that its row's correction counts."""

    def __init__(self, p: OperandParameters) -> None:
        count = digit_count(Encoding.BOOTH, p.a_width, p.a_signed)
        super().__init__(p, {
            "a": In(p.a_width), "one": Out(count), "two": Out(count), "negative": Out(count),
            "counted": Out(count),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        a = Signal(self.p.a_shape)
        digits = encode(m, a, self.p, Encoding.BOOTH)
        m.d.comb += [
            a.eq(self.a),
            self.one.eq(Cat(digit.one for digit in digits)),
            self.two.eq(Cat(digit.two for digit in digits)),
            self.negative.eq(Cat(digit.negative for digit in digits)),
            self.counted.eq(booth_negatives(a, self.p)),
        ]
        return m


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("width", range(2, 10))
def test_booth_digits_in_the_element(width, is_signed):
    p = OperandParameters(width, is_signed, 8, True)
    lanes = max(64, 1 << width)
    operands = np.arange(lanes) % (1 << width)
    unit = BitParallel(Digits(p), lanes)
    unit.settle(a=operands)
    values = np.where(is_signed & (operands >> width - 1 == 1), operands - (1 << width), operands)
    one, two, negative = (unit.read(name) for name in ("one", "two", "negative"))
    assert not (one & two).any()
    assert (negative == unit.read("counted")).all()
    total = 0
    for index, row in enumerate(rows_of(p, Encoding.BOOTH)):
        magnitude = (one >> index & 1) + 2 * (two >> index & 1)
        assert row.two or magnitude.max() < 2
        assert row.negative or not (negative >> index & 1).any()
        total = total + np.where(negative >> index & 1, -magnitude, magnitude) * 4**index
    assert (total == values).all()


def test_rows_say_what_digits_can_be():
    unsigned = OperandParameters(8, False, 8, False)
    *others, top = rows_of(unsigned, Encoding.NAF)
    assert (top.shift, top.two, top.negative, top.width, top.bias) == (8, False, False, 8, 0)
    assert all((row.two, row.negative, row.width) == (True, True, 10) for row in others)
    rows = rows_of(OperandParameters(8, True, 8, True), Encoding.BITS)
    assert [row.negative for row in rows] == [False] * 7 + [True]
    assert [row.bias for row in rows] == [1 << 7 + index for index in range(8)]
    rows = rows_of(OperandParameters(7, False, 5, True), Encoding.BOOTH)
    assert [row.two for row in rows] == [True] * 4
    assert [row.negative for row in rows] == [True] * 3 + [False]

"""Decoders against tables, proven for every code of every format and every select."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module, Signal, Value, signed

from gatewright.hw.flint.decoder import BaseExponentDecoder, IntegerDecoder, SignMagnitudeDecoder
from gatewright.hw.flint.types import NumberFormat, OperandFormats, TypeKind
from gatewright.tests.hw.flint.reference import formats, value_table
from gatewright.tests.hw.formal import Claim, prove


def decoded_value(m: Module, unit, width: int) -> Value:
    """The number that a decoder's outputs stand for."""
    if isinstance(unit, IntegerDecoder):
        return unit.value
    number = Signal(signed(width))
    if isinstance(unit, SignMagnitudeDecoder):
        m.d.comb += number.eq(unit.magnitude)
        if unit.p.any_signed:
            with m.If(unit.negative):
                m.d.comb += number.eq(-unit.magnitude)
    elif unit.p.exponent_width:
        with m.Switch(unit.exponent):
            for exponent in range(1 << unit.p.exponent_width):
                if (amount := exponent * unit.p.exponent_unit) < width:
                    with m.Case(exponent):
                        m.d.comb += number.eq(unit.base << amount)
    else:
        m.d.comb += number.eq(unit.base)
    return number


def claim_decoders(operand: OperandFormats) -> Claim:
    claim = Claim()
    m = claim.m
    code = claim.free(operand.bits, "code")
    kind = claim.free(TypeKind, "kind") if operand.select_kind else None
    is_signed = claim.free(1, "is_signed") if operand.select_signed else None
    width = operand.magnitude_width + 2
    expected = Signal(signed(width))
    built = Signal()
    for each in operand.formats:
        selected = 1
        if kind is not None:
            selected = Value.cast(kind) == each.kind.value
        if is_signed is not None:
            selected = selected & (is_signed == each.signed)
        with m.If(selected):
            m.d.comb += built.eq(1)
            with m.Switch(code):
                for number, value in enumerate(
                    value_table(each.kind.name.lower(), each.bits, each.signed)
                ):
                    with m.Case(number):
                        m.d.comb += expected.eq(value)
    for cls in (BaseExponentDecoder, IntegerDecoder, SignMagnitudeDecoder):
        m.submodules[cls.__name__] = unit = cls(operand)
        m.d.comb += unit.code.eq(code)
        if kind is not None:
            m.d.comb += unit.kind.eq(kind)
        if is_signed is not None:
            m.d.comb += unit.is_signed.eq(is_signed)
        claim.conditions.append(decoded_value(m, unit, width) == expected)
        if len(operand.formats) > 1:
            claim.conditions.append(unit.illegal == ~built)
        else:
            assert not hasattr(unit, "illegal") and not hasattr(unit, "kind")
    return claim


@pytest.mark.one_in(5)
@pytest.mark.parametrize("kind, bits, signed", formats())
def test_single_format(kind, bits, signed):
    operand = OperandFormats((NumberFormat(TypeKind[kind.upper()], bits, signed),))
    prove(claim_decoders(operand))


SETS = {
    "int+flint signed": ([TypeKind.INT, TypeKind.FLINT], [True]),
    "int+flint both": ([TypeKind.INT, TypeKind.FLINT], [True, False]),
    "int both": ([TypeKind.INT], [True, False]),
    "pot+float both": ([TypeKind.POT, TypeKind.FLOAT], [True, False]),
    "all signed": (list(TypeKind), [True]),
    "all both": (list(TypeKind), [True, False]),
}


@pytest.mark.one_in(8)
@pytest.mark.parametrize("bits", [3, 4, 6])
@pytest.mark.parametrize("name", SETS)
def test_run_time_select(name, bits):
    kinds, signs = SETS[name]
    prove(claim_decoders(OperandFormats.of(kinds, bits, signs)))


def test_irregular_set():
    prove(claim_decoders(OperandFormats((
        NumberFormat(TypeKind.FLINT, 5, False), NumberFormat(TypeKind.INT, 5, True),
        NumberFormat(TypeKind.FLOAT, 5, True),
    ))))


def test_a_wrong_table_is_refuted():
    claim = Claim()
    claim.m.submodules.unit = unit = IntegerDecoder(
        OperandFormats((NumberFormat(TypeKind.FLINT, 4, True),))
    )
    code = claim.free(4, "code")
    claim.m.d.comb += unit.code.eq(code)
    claim.conditions.append(unit.value != 16)
    with pytest.raises(AssertionError):
        prove(claim)

"""Decoders from codes to integers, for the border of an integer array.

The array multiplies plain integers; the code of a number format is resolved once per row and
column, outside the array (Guo et al., "ANT", MICRO 2022). With ``low`` the bits of a flint
magnitude below its top bit and ``L`` the leading zeros of ``low``::

    top bit 0:  base = low                  exponent = 0
    top bit 1:  base = {low, low == 0}      exponent = 2 L

All units here are combinational and have the same inputs: ``code``, and where ``p`` holds more
than one format the select ports ``kind`` (several kinds) and ``is_signed`` (both signednesses).
Then there is also an output ``illegal``: the select names a format that was not built in, and the
other outputs are 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.leading_one import leading_zeros
from ..unit import Unit
from .select import drive_illegal, select_ports, selected_formats
from .types import NumberFormat, OperandFormats, TypeKind

__all__ = ["BaseExponentDecoder", "IntegerDecoder", "SignMagnitudeDecoder", "range_shape"]


@dataclass
class _Term:
    """The magnitude of a code as ``base << (unit * exponent)``."""

    base: Value
    exponent: Value
    unit: int

    def shifted(self, m: Module) -> Value:
        """The base shifted by the exponent."""
        value = self.base
        for index in range(len(self.exponent)):
            amount = self.unit << index
            shifted = Signal(len(value) + amount, name=f"shifted_by_{amount}")
            m.d.comb += shifted.eq(
                Mux(self.exponent[index], Cat(Const(0, amount), value), value)
            )
            value = shifted
        return value


def _decode(m: Module, number_format: NumberFormat, code: Value) -> _Term:
    """Decode the magnitude bits of ``code``; all but signed ``INT``."""
    magnitude = code[: number_format.magnitude_bits]
    match number_format.kind:
        case TypeKind.FLINT:
            low, top = magnitude[:-1], magnitude[-1]
            base = Signal(len(magnitude), name="flint_base")
            exponent = Signal(range(len(magnitude)), name="flint_exponent")
            m.d.comb += [
                base.eq(Mux(top, Cat(~low.any(), low), low)),
                exponent.eq(Mux(top, leading_zeros(m, low), 0)),
            ]
            return _Term(base, exponent, 2)
        case TypeKind.POT:
            nonzero = Signal(name="pot_base")
            exponent = Signal(len(magnitude), name="pot_exponent")
            m.d.comb += [nonzero.eq(magnitude.any()), exponent.eq(magnitude - nonzero)]
            return _Term(nonzero, exponent, 1)
        case TypeKind.FLOAT:
            fraction = magnitude[: number_format.float_fraction_bits]
            exponent_field = magnitude[number_format.float_fraction_bits :]
            normal = Signal(name="float_normal")
            exponent = Signal(len(exponent_field), name="float_exponent")
            m.d.comb += [normal.eq(exponent_field.any()), exponent.eq(exponent_field - normal)]
            return _Term(Cat(fraction, normal), exponent, 1)
        case _:
            return _Term(magnitude, Const(0, 0), 1)


def _terms(
    m: Module, formats: OperandFormats, code: Value
) -> dict[NumberFormat, _Term]:
    """Decode ``code`` in every format but signed ``INT``."""
    return {
        each: _decode(m, each, code)
        for each in formats.formats
        if not (each.kind is TypeKind.INT and each.signed)
    }


def _negate(word: Value, negative: Value) -> Value:
    """Two's complement of ``word`` where ``negative``; as wide as ``word``."""
    return ((word ^ negative.replicate(len(word))) + negative)[: len(word)]


def range_shape(low: int, high: int) -> Shape:
    """The smallest shape that holds ``low..high``; two's complement if ``low`` is negative."""
    if low >= 0:
        return unsigned(high.bit_length())
    return signed(max(high.bit_length(), (~low).bit_length()) + 1)


def _ports(formats: OperandFormats, **outputs: wiring.Member) -> dict[str, wiring.Member]:
    ports = {"code": In(formats.bits), **select_ports(formats), **outputs}
    if len(formats.formats) > 1:
        ports["illegal"] = Out(1)
    return ports


class BaseExponentDecoder(Unit):
    """Decode to ``base * 2^(u * exponent)``, the form for a multiply-then-shift element.

    ``u`` is ``p.exponent_unit``: 2 when all exponents are even (int and flint), else 1.

    Parameters
    ----------
    p
        The formats to choose from.

    Members
    -------
    code : In(p.bits)
        Code.
    kind, is_signed : In
        Select, where needed.
    base : Out
        From ``p.base_min`` to ``p.base_max``; two's complement if some base is negative.
    exponent : Out(p.exponent_width)
        Absent where all exponents are 0.
    illegal : Out(1)
        Absent for a single format.

    Notes
    -----
    Combinational. Minus zero gives base 0, exponent 0.
    """

    def __init__(self, p: OperandFormats) -> None:
        outputs = {"base": Out(range_shape(p.base_min, p.base_max))}
        if p.exponent_width:
            outputs["exponent"] = Out(p.exponent_width)
        super().__init__(p, _ports(p, **outputs))

    def body(self) -> Module:
        m = Module()
        formats = self.p
        base = Signal.like(self.base, name="unsigned_base")
        negative = Signal()
        terms = _terms(m, formats, self.code)
        for number_format in selected_formats(m, self, formats):
            if number_format not in terms:
                m.d.comb += base.eq(self.code.as_signed())
                continue
            term = terms[number_format]
            m.d.comb += base.eq(term.base)
            if number_format.signed:
                m.d.comb += negative.eq(self.code[-1])
            if len(term.exponent):
                scale = term.unit // formats.exponent_unit
                m.d.comb += self.exponent.eq(Cat(Const(0, scale - 1), term.exponent))
        m.d.comb += self.base.eq(_negate(base, negative))
        drive_illegal(m, self, formats)
        return m


class IntegerDecoder(Unit):
    """Decode to the plain integer value.

    Parameters
    ----------
    p
        The formats to choose from.

    Members
    -------
    code : In(p.bits)
        Code.
    kind, is_signed : In
        Select, where needed.
    value : Out
        From ``p.value_min`` to ``p.value_max``; two's complement if some value is negative.
    illegal : Out(1)
        Absent for a single format.

    Notes
    -----
    Combinational.
    """

    def __init__(self, p: OperandFormats) -> None:
        super().__init__(p, _ports(p, value=Out(range_shape(p.value_min, p.value_max))))

    def body(self) -> Module:
        m = Module()
        value = Signal.like(self.value, name="unsigned_value")
        negative = Signal()
        terms = _terms(m, self.p, self.code)
        magnitudes = {each: term.shifted(m) for each, term in terms.items()}
        for number_format in selected_formats(m, self, self.p):
            if number_format not in magnitudes:
                m.d.comb += value.eq(self.code.as_signed())
                continue
            m.d.comb += value.eq(magnitudes[number_format])
            if number_format.signed:
                m.d.comb += negative.eq(self.code[-1])
        m.d.comb += self.value.eq(_negate(value, negative))
        drive_illegal(m, self, self.p)
        return m


class SignMagnitudeDecoder(Unit):
    """Decode to sign and magnitude.

    Parameters
    ----------
    p
        The formats to choose from.

    Members
    -------
    code : In(p.bits)
        Code.
    kind, is_signed : In
        Select, where needed.
    negative : Out(1)
        The value is minus ``magnitude``; also set for minus zero. Absent where no format is signed.
    magnitude : Out(p.magnitude_width)
        Absolute value.
    illegal : Out(1)
        Absent for a single format.

    Notes
    -----
    Combinational.
    """

    def __init__(self, p: OperandFormats) -> None:
        outputs = {"magnitude": Out(p.magnitude_width)}
        if p.any_signed:
            outputs["negative"] = Out(1)
        super().__init__(p, _ports(p, **outputs))

    def body(self) -> Module:
        m = Module()
        terms = _terms(m, self.p, self.code)
        magnitudes = {each: term.shifted(m) for each, term in terms.items()}
        for number_format in selected_formats(m, self, self.p):
            if number_format in magnitudes:
                m.d.comb += self.magnitude.eq(magnitudes[number_format])
            else:
                m.d.comb += self.magnitude.eq(_negate(self.code, self.code[-1]))
            if number_format.signed:
                m.d.comb += self.negative.eq(self.code[-1])
        drive_illegal(m, self, self.p)
        return m

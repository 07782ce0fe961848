"""Encoder: nearest code of a number format, ties towards plus infinity, saturating."""

from __future__ import annotations

from dataclasses import dataclass
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from ..arith.leading_one import leading_one
from ..arith.tree import reduce_tree
from ..unit import Unit
from .rounding import Segment, magnitude_segments, max_code, saturation_width
from .select import select_ports, selected_formats
from .types import NumberFormat, OperandFormats, TypeKind

__all__ = ["Encoder", "EncoderParameters", "MagnitudeEncoder", "half_unit_width"]


@dataclass(frozen=True)
class EncoderParameters:
    """Parameters of :class:`Encoder`.

    Parameters
    ----------
    formats
        The result formats to choose from.
    width
        Bits of the signed input in half-units, at least 2.
    """

    formats: OperandFormats
    width: int

    def __post_init__(self) -> None:
        if not isinstance(self.width, int) or self.width < 2:
            raise ValueError(
                f"EncoderParameters.width must be an integer of at least 2, not {self.width!r}"
            )


def half_unit_width(formats: OperandFormats) -> int:
    """Bits of half-units that decide the code of every format, larger ones being all ones."""
    return max(map(saturation_width, formats.formats))


class MagnitudeEncoder(Unit):
    """Encode a number given as sign and half-units to the nearest code.

    Parameters
    ----------
    p
        The result formats to choose from.

    Members
    -------
    negative : In(1)
        ``y < 0``.
    half_units : In(half_unit_width(p))
        ``floor(2 y)``, one's-complemented where ``negative``; all ones stand for all larger ones.
    kind, is_signed : In
        Select, where needed. A format that was not built gives code 0.
    code : Out(p.bits)
        Code of the nearest value, ties towards plus infinity; never minus zero.

    Notes
    -----
    Combinational. Ties towards plus infinity are ties away from zero for positive and towards
    zero for negative numbers. In one's complement both are the same rule: ``|y|`` rounds past the
    midpoint ``t`` of two magnitudes iff ``half_units >= 2 t``. (For negative ``y``, ``2|y| > 2 t``
    iff ``ceil(2|y|) - 1 >= 2 t``, and ``ceil(2|y|) - 1 = ~floor(2 y)``.) So one rounder serves
    both signs without a negation. Number formats after Guo et al., "ANT" (MICRO 2022).
    """

    def __init__(self, p: OperandFormats) -> None:
        super().__init__(
            p,
            {
                "negative": In(1),
                "half_units": In(half_unit_width(p)),
                **select_ports(p),
                "code": Out(p.bits),
            },
        )

    def body(self) -> Module:
        m = Module()
        half_units, negative = self.half_units, self.negative
        leading = leading_one(m, half_units)
        # Every format gives a truncated code and whether to count one up; the counter is shared.
        truncated = Signal(self.p.bits)
        round_up = Signal()
        for number_format in selected_formats(m, self, self.p):
            if number_format.kind is TypeKind.INT and number_format.signed:
                code, count = _round_integer(number_format, half_units, negative)
                m.d.comb += [truncated.eq(code), round_up.eq(count)]
                continue
            code, count = _round_magnitude(number_format, half_units, leading)
            if number_format.signed:
                # Every format rounds 1/2 up to 1, so only 0 half-units are zero.
                code = Cat(code, negative & half_units.any())
                m.d.comb += [truncated.eq(code), round_up.eq(count)]
            else:
                with m.If(~negative):
                    m.d.comb += [truncated.eq(code), round_up.eq(count)]
        m.d.comb += self.code.eq(truncated + round_up)
        return m


class Encoder(Unit):
    """Encode a fixed-point number ``y``, given as ``floor(2 y)``, to the nearest code.

    All midpoints between grid integers are multiples of 1/2 and ties go up, so ``floor(2 y)``
    decides exactly for any real ``y``. Below the smallest and above the largest value the code
    saturates (unsigned formats: negative gives 0).

    Parameters
    ----------
    p
        Formats and input width.

    Members
    -------
    value : In(signed(p.width))
        ``floor(2 y)``.
    kind, is_signed : In
        Select, where needed. A format that was not built gives code 0.
    code : Out(p.formats.bits)
        Code; never minus zero.

    Notes
    -----
    Combinational.
    """

    def __init__(self, p: EncoderParameters) -> None:
        super().__init__(
            p,
            {
                "value": In(signed(p.width)),
                **select_ports(p.formats),
                "code": Out(p.formats.bits),
            },
        )

    def body(self) -> Module:
        m = Module()
        m.submodules.rounder = rounder = MagnitudeEncoder(self.p.formats)
        width = len(rounder.half_units)
        negative = self.value[-1]
        magnitude = (self.value ^ negative.replicate(self.p.width))[:-1]
        too_large = magnitude[width:].any()
        m.d.comb += [
            rounder.negative.eq(negative),
            rounder.half_units.eq(magnitude[:width] | too_large.replicate(width)),
            self.code.eq(rounder.code),
        ]
        m.d.comb += [
            getattr(rounder, name).eq(getattr(self, name)) for name in select_ports(self.p.formats)
        ]
        return m


def _round_integer(
    number_format: NumberFormat, half_units: Value, negative: Value
) -> tuple[Value, Value]:
    """Two's complement ``floor((floor(2 y) + 1) / 2)`` before the last addition, saturated."""
    bits = number_format.bits
    kept = half_units[1:bits]
    beyond = half_units[bits:].any()
    limit = beyond | (half_units[:bits].all() & ~negative)
    code = Cat((kept | limit.replicate(bits - 1)) ^ negative.replicate(bits - 1), negative)
    return code, (half_units[0] ^ negative) & ~limit


def _round_magnitude(
    number_format: NumberFormat, half_units: Value, leading: Value
) -> tuple[Value, Value]:
    """Magnitude code before the last addition, and whether to add one."""
    n = number_format.magnitude_bits
    segments = magnitude_segments(number_format)
    end = saturation_width(number_format)
    codes: list[Value] = [Mux(half_units[end:].any(), Const(max_code(number_format), n), 0)]
    counts: list[Value] = []
    for segment in segments:
        code, count = _round_segment(segment, half_units, n)
        if segment.position is None:
            inside = ~half_units[segment.shift + segment.fraction_bits :].any()
        else:
            inside = leading[segment.position]
        codes.append(code & inside.replicate(n))
        counts.append(count & inside)
    return reduce_tree(or_, codes), reduce_tree(or_, counts)


def _round_segment(segment: Segment, half_units: Value, width: int) -> tuple[Value, Value]:
    end = segment.shift + segment.fraction_bits
    fraction = half_units[segment.shift : end]
    code = Cat(fraction, Const(segment.first_code >> segment.fraction_bits, width))[:width]
    count = half_units[segment.shift - 1]
    if segment.carries:
        return code, count
    leaves = half_units[segment.shift - 1 : end].all()
    return Mux(leaves, Const(segment.next_code, width), code), count & ~leaves

"""What the flint generator claims: codecs and processing elements."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed

from ...golden.flint.types import canonical_codes, decode_table, grid
from ...hw.flint.datapath import Datapath, NaiveDatapath, PlainDatapath, ShiftDatapath
from ...hw.flint.decoder import BaseExponentDecoder, IntegerDecoder, SignMagnitudeDecoder
from ...hw.flint.digit_datapath import DigitDatapath, weight_digits
from ...hw.flint.encoder import Encoder, EncoderParameters, half_unit_width
from ...hw.flint.operand_border import LaneGroup, LaneGroupParameters
from ...hw.flint.pe import PEParameters, ProcessingElement
from ...hw.flint.select import select_ports
from ...hw.flint.types import NumberFormat, OperandFormats, TypeKind
from ..formal import Always, Claim, Property
from .config import FlintConfig

__all__ = ["accumulates", "decodes", "encodes", "properties"]

_WIDEST = 40
"""Bits of half-units up to which the encoder is proven: beyond, powers of two of up to 2^126."""
_DATAPATHS: tuple[type[Datapath], ...] = (
    PlainDatapath, ShiftDatapath, NaiveDatapath, DigitDatapath,
)  # fmt: skip


def properties(config: FlintConfig) -> list[Property]:
    """Return the properties of a design: of its formats, of every type, of every element."""
    found: list[Property] = []
    sets = {config.activation, config.weight}
    if config.result is not None:
        sets.add(config.result)
    singles = {
        OperandFormats((NumberFormat(kind, bits, sign),))
        for bits in {each.bits for each in sets}
        for kind in TypeKind
        for sign in (False, True)
        if (kind, bits, sign) != (TypeKind.POT, 8, False)
    }
    every = sorted(sets | singles, key=str)
    found += [
        Property(
            f"decode.{_name(each)}",
            "each of the three decoders gives the value of every code of every type selected, and "
            "tells a type that is not built",
            Always(partial(decodes, each)),
        )
        for each in every
    ]
    found += [
        Property(
            f"encode.{_name(each)}",
            "the encoder gives the code of the nearest value for every number, ties up, saturating",
            Always(partial(encodes, each)),
        )
        for each in every
        if half_unit_width(each) + 3 <= _WIDEST
    ]
    for cls in _DATAPATHS:
        if cls is DigitDatapath and weight_digits(config.weight) is None:
            continue
        path = cls(config.activation, config.weight)
        found.append(
            Property(
                f"pe.{path.name}",
                "a cycle adds value(a) * value(w) and the offset to any accumulator, or loads, for "
                "every code and every select",
                Always(partial(accumulates, path), bound=1, inductive=True),
            )
        )
    return found


def _name(operand: OperandFormats) -> str:
    signs = {each.signed for each in operand.formats}
    sign = "both" if len(signs) > 1 else "signed" if True in signs else "unsigned"
    kinds = dict.fromkeys(each.kind.name.lower() for each in operand.formats)
    return f"{'-'.join(kinds)}-{operand.bits}-{sign}"


def _selects(claim: Claim, operand: OperandFormats, prefix: str = "") -> dict[str, Any]:
    return {
        name: claim.free(2 if name == "kind" else 1, f"{prefix}{name}")
        for name in select_ports(operand)
    }


def _selected(each: NumberFormat, selects: dict[str, Any]) -> Any:
    """Whether a format is the one that is selected."""
    chosen: Any = 1
    if "kind" in selects:
        chosen = chosen & (selects["kind"] == each.kind.value)
    if "is_signed" in selects:
        chosen = chosen & (selects["is_signed"] == each.signed)
    return chosen


def _table(
    m: Module, code: Value, operand: OperandFormats, selects: dict[str, Any], name: str
) -> Signal:
    """Look up the value of a code in the golden model's tables; 0 for a type that is not built."""
    number = Signal(signed(operand.magnitude_width + 2), name=name)
    for each in operand.formats:
        table = decode_table(each.kind.name.lower(), each.bits, each.signed)
        with m.If(_selected(each, selects)), m.Switch(code):
            for index, value in enumerate(table):
                with m.Case(index):
                    m.d.comb += number.eq(value)
    return number


def decodes(operand: OperandFormats, claim: Claim) -> None:
    """Claim that decoders give what the golden tables say."""
    m = claim.m
    code = claim.free(operand.bits, "code")
    selects = _selects(claim, operand)
    expected = _table(m, code, operand, selects, "expected")
    built = Signal()
    for each in operand.formats:
        with m.If(_selected(each, selects)):
            m.d.comb += built.eq(1)
    for cls in (BaseExponentDecoder, IntegerDecoder, SignMagnitudeDecoder):
        unit: Any = cls(operand)
        m.submodules[cls.__name__] = unit
        m.d.comb += unit.code.eq(code)
        for name, select in selects.items():
            m.d.comb += Value.cast(getattr(unit, name)).eq(select)
        claim.hold(_number(m, unit, operand, cls.__name__) == expected)
        if len(operand.formats) > 1:
            claim.hold(unit.illegal == ~built)


def _number(m: Module, unit: Any, operand: OperandFormats, name: str) -> Any:
    """Return the number that a decoder's outputs stand for."""
    if isinstance(unit, IntegerDecoder):
        return unit.value
    width = operand.magnitude_width + 2
    number = Signal(signed(width), name=f"number_{name}")
    if isinstance(unit, SignMagnitudeDecoder):
        m.d.comb += number.eq(unit.magnitude)
        if operand.any_signed:
            with m.If(unit.negative):
                m.d.comb += number.eq(-unit.magnitude)
    elif operand.exponent_width:
        for exponent in range(1 << operand.exponent_width):
            if (amount := exponent * operand.exponent_unit) < width:
                with m.If(unit.exponent == exponent):
                    m.d.comb += number.eq(unit.base << amount)
    else:
        m.d.comb += number.eq(unit.base)
    return number


def encodes(operand: OperandFormats, claim: Claim) -> None:
    """Claim that the encoder gives the nearest code: the grid's midpoints tell which one that is.

    The input is in half-units, so that every midpoint is an integer of it.
    """
    m = claim.m
    width = half_unit_width(operand) + 3
    value = claim.free(signed(width), "value")
    m.submodules.encoder = encoder = Encoder(EncoderParameters(operand, width))
    unit: Any = encoder
    m.d.comb += unit.value.eq(value)
    selects = _selects(claim, operand)
    for name, select in selects.items():
        m.d.comb += Value.cast(getattr(unit, name)).eq(select)
    expected = Signal(operand.bits)
    for each in operand.formats:
        form = each.kind.name.lower(), each.bits, each.signed
        steps, codes = grid(*form), canonical_codes(*form)
        with m.If(_selected(each, selects)):
            m.d.comb += expected.eq(codes[0])
            for (low, high), code in zip(pairwise(steps), codes[1:], strict=True):
                with m.If(value >= low + high):
                    m.d.comb += expected.eq(code)
    claim.hold(unit.code == expected)


def accumulates(datapath: Datapath, claim: Claim) -> None:
    """Claim what one clock edge does to the accumulator."""
    m = claim.m
    width = datapath.product_bits + 3
    element: Any = ProcessingElement(PEParameters(datapath, width))
    m.submodules.element = element
    numbers = []
    for side, formats in (("activation", datapath.activation), ("weight", datapath.weight)):
        lane: Any = LaneGroup(LaneGroupParameters(datapath, side, 1))
        m.submodules[f"{side}_lane"] = lane
        code = claim.free(formats.bits, f"{side}_code")
        selects = _selects(claim, formats, f"{side}_")
        m.d.comb += lane.codes.eq(code)
        for name, select in selects.items():
            m.d.comb += Value.cast(getattr(lane, name)).eq(select)
        numbers.append(_table(m, code, formats, selects, f"{side}_number"))
        m.d.comb += getattr(element, side).as_value().eq(lane.words)
    drain, below = claim.free(1, "drain"), claim.free(width, "below")
    m.d.comb += [element.drain.eq(drain), element.below.eq(below)]
    expected = Signal(width, reset_less=True)
    total = element.accumulator + numbers[0] * numbers[1] + (1 << datapath.product_bits)
    m.d.sync += expected.eq(Mux(drain, below, total))
    claim.hold(element.accumulator == expected)

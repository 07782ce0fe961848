"""What the elements of the tpe generator claim: each step adds products to the sum.

Operands and sums are narrow: every row and the counter above the pair are there, and a solver
multiplies them in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed

from ...hw.arith.digit_encoder import DigitEncoder, DigitEncoderParameters, Encoding
from ...hw.tpe.behavioural import Behavioural, MacParameters
from ...hw.tpe.correction import Correction
from ...hw.tpe.delay import delayed
from ...hw.tpe.digit_serial import DigitSerialParameters
from ...hw.tpe.laconic import LATENCY, Laconic, LaconicParameters
from ...hw.tpe.mac import Mac
from ...hw.tpe.opt1 import Opt1, Opt1Parameters
from ...hw.tpe.opt2 import Opt2, Opt2Parameters
from ...hw.tpe.opt4c import Opt4c
from ...hw.tpe.opt4e import Opt4e
from ...hw.tpe.parameters import OperandParameters
from ...hw.tpe.partial_product import booth_negatives
from ..formal import Always, Claim, Property

__all__ = [
    "digit_sum", "element_properties", "laconic_step", "serial_step", "step", "tile_holds",
    "tile_step",
]  # fmt: skip

_BITS, _SUM = 4, 12
_TILE_BITS, _TILE_SUM = 3, 8
"""The same of a tile, which has several products at once."""
_TERMS = 4
"""Exponents of the terms of a Laconic element."""


def element_properties(a_signed: bool, b_signed: bool) -> Iterator[Property]:
    """Yield the properties of every element, of operands of these signs."""
    says = "a step adds a * b to any sum, or to 0; nothing changes without enable"
    operands = OperandParameters(_BITS, a_signed, _BITS, b_signed)
    for cls in (Behavioural, Mac):
        yield _step(f"pe.{cls.__name__.lower()}", says, partial(_adds, cls, operands))
    for encoding in Encoding:
        for correction in Correction:
            if encoding is Encoding.BOOTH or correction is Correction.EXACT:
                yield _step(
                    f"pe.opt1-{encoding.value}-{correction.value}", says + ", as a carry-save pair",
                    partial(step, operands, encoding, correction),
                )  # fmt: skip
    for encoding, weighted in ((Encoding.NAF, False), (Encoding.BITS, False), (Encoding.NAF, True)):
        name = f"pe.opt4c-{encoding.value}{'-weighted' if weighted else ''}"
        yield _step(
            name, "a step adds digit * b to any sum, or to 0, for every digit"
            + (", after multiplying by the radix if told" if weighted else ""),
            partial(serial_step, encoding, 0, b_signed, weighted),
        )  # fmt: skip
    for encoding, lanes in ((Encoding.NAF, 1), (Encoding.NAF, 2), (Encoding.BITS, 3)):
        yield _step(
            f"pe.opt4e-{encoding.value}-{lanes}",
            "a step adds digit * b of each lane to any sum, or to 0, for every digit",
            partial(serial_step, encoding, lanes, b_signed, False),
        )  # fmt: skip
    yield from _tiles(a_signed, b_signed)
    for lanes in (1, 2):
        yield _step(
            f"pe.laconic-{lanes}",
            "a step adds the product of the terms of each lane to any sum, or to 0, after "
            f"{LATENCY} cycles; without enable it changes nothing",
            partial(laconic_step, lanes), LATENCY,
        )  # fmt: skip


def _tiles(a_signed: bool, b_signed: bool) -> Iterator[Property]:
    """Yield the properties of OPT2: of one group, of two, with an addend, without a sum."""
    says = "a step adds the sum of products to any sum, or to 0, as a carry-save pair"

    def tile(bits: int, **other: Any) -> Opt2Parameters:
        operands = OperandParameters(bits, a_signed, bits, b_signed)
        return Opt2Parameters(operands=operands, accumulator_width=_TILE_SUM, **other)

    two = {"bits": _TILE_BITS, "depth": 2}
    tiles = {
        "naf": tile(**two, encoding=Encoding.NAF),
        "booth": tile(**two),
        "groups": tile(2, depth=4, group=2),
        "addend": tile(2, depth=2, addend_width=3, constant=5),
        "single": tile(**two, accumulate=False, free_running=True),
        "stallable": tile(**two, stallable=True),
    }
    for name, p in tiles.items():
        yield _step(f"pe.opt2-{name}", says, partial(tile_step, p), p.latency)
    yield _step(
        "pe.opt2-holds", "sum and carry stay as they are while the tile stands still",
        partial(tile_holds, tiles["stallable"]),
    )  # fmt: skip


def _step(name: str, says: str, write: Any, cycles: int = 1) -> Property:
    return Property(name, says, Always(write, bound=cycles, inductive=True))


def digit_sum(m: Module, digits: Any, count: int, encoding: Encoding, name: str) -> list[Signal]:
    """Return the value of each digit."""
    values = []
    for index in range(count):
        digit = digits[index]
        two = digit.two if encoding.digit_bits == 2 else 0
        value = Signal(signed(4), name=f"{name}_{index}")
        m.d.comb += value.eq((digit.one + (two << 1)) * (1 - (digit.negative << 1)))
        values.append(value)
    return values


def _controls(claim: Claim, unit: Any) -> tuple[Value, Value]:
    first, enable = claim.free(1, "first"), claim.free(1, "enable")
    claim.m.d.comb += [unit.first.eq(first), unit.enable.eq(enable)]
    return first, enable


def _follows(
    claim: Claim, value: Value, first: Value | int, enable: Value | int, addend: Any,
    shift: Value | int = 0,
) -> None:
    """Claim that after an edge ``value`` is what it was, or 0, and the addend more.

    What it was is shifted left by ``shift`` before.
    """
    expected = Signal(len(value), reset_less=True)
    after = Signal(len(value))
    claim.m.d.comb += after.eq((Mux(first, 0, value) << shift) + addend)
    claim.m.d.sync += expected.eq(Mux(enable, after, value))
    claim.hold(value == expected)


def _pair(claim: Claim, unit: Any) -> Signal:
    """Return what sum and carry are together."""
    value = Signal(len(unit.sum))
    claim.m.d.comb += value.eq(unit.sum + unit.carry)
    return value


def _adds(cls: Any, operands: OperandParameters, claim: Claim) -> None:
    unit: Any = cls(MacParameters(operands=operands, accumulator_width=_SUM))
    claim.m.submodules.element = unit
    a, b = claim.free(operands.a_shape, "a"), claim.free(operands.b_shape, "b")
    claim.m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
    first, enable = _controls(claim, unit)
    _follows(claim, unit.accumulator, first, enable, a * b)


def step(
    operands: OperandParameters, encoding: Encoding, correction: Correction, claim: Claim
) -> None:
    """Claim that an element of level OPT1 adds a product to any carry-save pair."""
    m = claim.m
    p = Opt1Parameters(
        operands=operands, accumulator_width=_SUM, encoding=encoding, correction=correction
    )
    unit: Any = Opt1(p)
    m.submodules.element = unit
    a, b = claim.free(operands.a_shape, "a"), claim.free(operands.b_shape, "b")
    m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
    first, enable = _controls(claim, unit)
    surplus: Any = 0
    if correction is Correction.ROW:
        # What the row's correction takes off again.
        bits = booth_negatives(a, operands)
        surplus = sum(row.bias for row in p.rows)
        surplus = surplus - sum(
            bit << row.shift for bit, row in zip(bits, p.rows, strict=True)
        )
    _follows(claim, _pair(claim, unit), first, enable, a * b + surplus)


def serial_step(
    encoding: Encoding, lanes: int, b_signed: bool, weighted: bool, claim: Claim
) -> None:
    """Claim that an element of level OPT4E adds digit times operand of each lane.

    Without ``lanes``, that one of level OPT4C does.
    """
    m = claim.m
    p = DigitSerialParameters(
        accumulator_width=_SUM, b_width=_BITS, b_signed=b_signed, encoding=encoding,
        lanes=lanes or 1, weighted=weighted,
    )  # fmt: skip
    unit: Any = Opt4e(p) if lanes else Opt4c(p)
    m.submodules.element = unit
    first, enable = _controls(claim, unit)
    addend: Any = 0
    digits = [claim.free(p.digit_layout, f"digit_{lane}") for lane in range(p.lanes)]
    for lane, (digit, value) in enumerate(
        zip(digits, digit_sum(m, digits, p.lanes, encoding, "value"), strict=True)
    ):
        b = claim.free(p.b_shape, f"b_{lane}")
        ports = (unit.digits[lane], unit.b[lane]) if lanes else (unit.digit, unit.b)
        m.d.comb += [ports[0].eq(digit), ports[1].eq(b)]
        legal = digit.one | ~digit.negative
        if encoding.digit_bits == 2:
            legal = (digit.one | digit.two | ~digit.negative) & ~(digit.one & digit.two)
        claim.assume(legal)
        addend = addend + value * b
    shift: Value | int = 0
    if weighted:
        scaled = claim.free(1, "shift")
        m.d.comb += unit.shift.eq(scaled)
        shift = Mux(scaled, encoding.digit_bits, 0)
    _follows(claim, _pair(claim, unit), first, enable, addend, shift)


def _products(claim: Claim, p: Opt2Parameters, unit: Any) -> Value:
    """Give a tile free operands, encoded; return the sum of their products."""
    m = claim.m
    total: Any = 0
    encoder = DigitEncoderParameters(p.encoding, p.operands.a_width, p.operands.a_signed)
    for index in range(p.depth):
        a = claim.free(p.operands.a_shape, f"a_{index}")
        b = claim.free(p.operands.b_shape, f"b_{index}")
        m.submodules[f"encoder_{index}"] = digits = DigitEncoder(encoder)
        m.d.comb += [
            digits.operand.eq(a), unit.digits[index].eq(digits.digits), unit.b[index].eq(b),
        ]  # fmt: skip
        total = total + a * b
    return Value.cast(total)


def tile_step(p: Opt2Parameters, claim: Claim) -> None:
    """Claim that a tile of level OPT2 adds a sum of products to any carry-save pair.

    Where it can be held up, of cycles in which it is not.
    """
    m = claim.m
    unit: Any = Opt2(p)
    m.submodules.tile = unit
    late = p.latency - 1
    addend: Any = delayed(m, _products(claim, p, unit), "product", late) + p.constant
    if p.addend_width:
        more = claim.free(p.addend_width, "addend")
        m.d.comb += unit.addend.eq(more)
        addend = addend + more
    first: Value | int = 1
    enable: Value | int = 1
    if p.accumulate:
        first, enable = _controls(claim, unit)
        first = delayed(m, first, "late_first", late)
        enable = delayed(m, enable, "late_enable", late)
    if p.stallable:
        m.d.comb += unit.advance.eq(1)
    _follows(claim, _pair(claim, unit), first, enable, addend)


def tile_holds(p: Opt2Parameters, claim: Claim) -> None:
    """Claim that what a tile shows does not change while it stands still."""
    m = claim.m
    unit: Any = Opt2(p)
    m.submodules.tile = unit
    _products(claim, p, unit)
    _controls(claim, unit)
    advance = claim.free(1, "advance")
    m.d.comb += unit.advance.eq(advance)
    held = Signal(reset_less=True)
    total, carry = (
        Signal(p.accumulator_width, name=name, reset_less=True) for name in ("total", "carried")
    )
    m.d.sync += [held.eq(~advance), total.eq(unit.sum), carry.eq(unit.carry)]
    claim.hold(~held | ((unit.sum == total) & (unit.carry == carry)))


def laconic_step(lanes: int, claim: Claim) -> None:
    """Claim that a Laconic-style element adds products of signed powers of two to any sum."""
    m = claim.m
    p = LaconicParameters(
        accumulator_width=_SUM, lanes=lanes, a_exponents=_TERMS, b_exponents=_TERMS
    )
    unit: Any = Laconic(p)
    m.submodules.element = unit
    first, enable = _controls(claim, unit)
    total: Any = 0
    for lane in range(lanes):
        values = []
        for name, layout, port in (("a", p.a_term, unit.a), ("b", p.b_term, unit.b)):
            term = claim.free(layout, f"{name}_{lane}")
            m.d.comb += port[lane].eq(term)
            power = Mux(term.one, 1 << term.exponent, 0)
            values.append(Mux(term.negative, -power, power))
        total = total + values[0] * values[1]
    late = LATENCY - 1
    _follows(
        claim, unit.accumulator, delayed(m, first, "late_first", late),
        delayed(m, enable, "late_enable", late), delayed(m, Value.cast(total), "product", late),
    )  # fmt: skip

"""What the tpe generator claims: encoders, compressors, elements, and skipping zeros."""

from __future__ import annotations

from functools import partial
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed

from ...hw.arith.compressors import CompressorTree, CompressorTreeParameters
from ...hw.arith.counter_network import STRATEGIES
from ...hw.arith.digit_encoder import DigitEncoder, DigitEncoderParameters, Encoding
from ...hw.tpe.behavioural import Behavioural, MacParameters
from ...hw.tpe.correction import Correction
from ...hw.tpe.digit_selector import DigitSelector, DigitSelectorParameters
from ...hw.tpe.digit_serial import DigitSerialParameters
from ...hw.tpe.mac import Mac
from ...hw.tpe.opt1 import Opt1, Opt1Parameters
from ...hw.tpe.opt4e import Opt4e
from ...hw.tpe.parameters import OperandParameters
from ...hw.tpe.partial_product import booth_negatives
from ..formal import Always, Claim, Property
from .config import TpeConfig

__all__ = ["digit_sum", "encodes", "properties", "selects", "serial_step", "step"]

_BITS, _SUM = 4, 12
"""Operands and sums of the elements under proof: every row and the counter above the pair are
there, and a solver multiplies them in seconds."""

_TREES: dict[str, tuple[tuple[tuple[int, int], ...], int, int]] = {
    "booth-8x8": (((0, 10), (2, 10), (4, 10), (6, 10), (0, 1), (2, 1), (4, 1), (6, 1)), 16, -680),
    "six-rows": (((0, 4),) * 6, 7, 5),
    "ragged": (((0, 5), (2, 6), (1, 3), (4, 1), (0, 2)), 7, -37),
}


def properties(config: TpeConfig) -> list[Property]:
    """Return the properties of the parts that a design can be made from, in its formats."""
    found = [
        Property(
            f"encoder.{encoding.value}-{width}-{'signed' if sign else 'unsigned'}",
            "the digits add up to the operand, and each has one code",
            Always(partial(encodes, DigitEncoderParameters(encoding, width, sign))),
        )
        for encoding in Encoding
        for width, sign in sorted({(config.a_width, config.a_signed), (8, True), (8, False)})
    ]
    found += [
        Property(
            f"compressor.{name}-{strategy}", "sum and carry together are the sum of all rows",
            Always(partial(_compresses, CompressorTreeParameters(
                rows=rows, width=width, constant=constant, strategy=strategy
            ))),
        )
        for name, (rows, width, constant) in _TREES.items()
        for strategy in sorted(STRATEGIES)
    ]  # fmt: skip
    says = "a step adds a * b to any sum, or to 0; nothing changes without enable"
    operands = OperandParameters(_BITS, config.a_signed, _BITS, config.b_signed)
    for cls in (Behavioural, Mac):
        found.append(
            Property(
                f"pe.{cls.__name__.lower()}", says,
                Always(partial(_adds, cls, operands), bound=1, inductive=True),
            )
        )
    found += [
        Property(
            f"pe.opt1-{encoding.value}-{correction.value}", says + ", as a carry-save pair",
            Always(partial(step, operands, encoding, correction), bound=1, inductive=True),
        )
        for encoding in Encoding
        for correction in Correction
        if encoding is Encoding.BOOTH or correction is Correction.EXACT
    ]  # fmt: skip
    found += [
        Property(
            f"pe.opt4e-{encoding.value}-{lanes}",
            "a step adds digit * b of each lane to any sum, or to 0, for every digit",
            Always(
                partial(serial_step, encoding, lanes, config.b_signed), bound=1, inductive=True
            ),
        )
        for encoding, lanes in ((Encoding.NAF, 1), (Encoding.NAF, 2), (Encoding.BITS, 3))
    ]
    found += [
        Property(
            f"skip.{encoding.value}-{group}",
            "each digit that is not 0 is taken once, in order, and the last ends the group: "
            "the sum is that of all digits, for any pattern of digits and any stalls",
            Always(partial(selects, DigitSelectorParameters(group=group, encoding=encoding))),
        )
        for encoding, group in ((Encoding.NAF, 4), (Encoding.BITS, 8))
    ]
    return found


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


def encodes(p: DigitEncoderParameters, claim: Claim) -> None:
    """Claim what an encoder's docstring says, and what marks its encoding."""
    m = claim.m
    unit: Any = DigitEncoder(p)
    m.submodules.encoder = unit
    operand = claim.free(p.operand_shape, "operand")
    m.d.comb += unit.operand.eq(operand)
    radix4 = p.encoding.digit_bits == 2
    total: Any = 0
    values = digit_sum(m, unit.digits, p.digits, p.encoding, "value")
    for index, value in enumerate(values):
        digit = unit.digits[index]
        two = digit.two if radix4 else 0
        claim.hold(~(digit.one & two))
        claim.hold(digit.one | two | ~digit.negative)
        total = total + (value << p.encoding.digit_bits * index)
        if p.encoding is Encoding.NAF and index:
            claim.hold(~(unit.digits[index - 1].two & digit.one))
        if p.encoding is Encoding.ENT:
            claim.hold(~two | (digit.negative == (operand[-1] if p.signed else 0)))
    claim.hold(total == operand)


def _compresses(p: CompressorTreeParameters, claim: Claim) -> None:
    m = claim.m
    tree: Any = CompressorTree(p)
    m.submodules.tree = tree
    total, result = Signal(p.width), Signal(p.width)
    value: Any = p.constant % (1 << p.width)
    for index, (shift, width) in enumerate(p.rows):
        row = claim.free(width, f"row{index}")
        m.d.comb += getattr(tree, f"row_{index}").eq(row)
        value = value + (row << shift)
    m.d.comb += [total.eq(value), result.eq(tree.sum + tree.carry)]
    claim.hold(result == total)


def _controls(claim: Claim, unit: Any) -> tuple[Value, Value]:
    first, enable = claim.free(1, "first"), claim.free(1, "enable")
    claim.m.d.comb += [unit.first.eq(first), unit.enable.eq(enable)]
    return first, enable


def _follows(
    claim: Claim, value: Value, first: Value, enable: Value, addend: Any, width: int
) -> None:
    """Claim that after an edge ``value`` is what it was, or 0, and the addend more."""
    expected = Signal(width, reset_less=True)
    after = Signal(width)
    claim.m.d.comb += after.eq(Mux(first, 0, value) + addend)
    claim.m.d.sync += expected.eq(Mux(enable, after, value))
    claim.hold(value == expected)


def _adds(cls: Any, operands: OperandParameters, claim: Claim) -> None:
    unit: Any = cls(MacParameters(operands=operands, accumulator_width=_SUM))
    claim.m.submodules.element = unit
    a, b = claim.free(operands.a_shape, "a"), claim.free(operands.b_shape, "b")
    claim.m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
    first, enable = _controls(claim, unit)
    _follows(claim, unit.accumulator, first, enable, a * b, _SUM)


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
    value = Signal(_SUM)
    m.d.comb += value.eq(unit.sum + unit.carry)
    _follows(claim, value, first, enable, a * b + surplus, _SUM)


def serial_step(encoding: Encoding, lanes: int, b_signed: bool, claim: Claim) -> None:
    """Claim that an element of level OPT4E adds digit times operand of each lane."""
    m = claim.m
    p = DigitSerialParameters(
        accumulator_width=_SUM, b_width=_BITS, b_signed=b_signed, encoding=encoding, lanes=lanes
    )
    unit: Any = Opt4e(p)
    m.submodules.element = unit
    first, enable = _controls(claim, unit)
    addend: Any = 0
    digits = [claim.free(p.digit_layout, f"digit_{lane}") for lane in range(lanes)]
    for lane, (digit, value) in enumerate(
        zip(digits, digit_sum(m, digits, lanes, encoding, "value"), strict=True)
    ):
        b = claim.free(p.b_shape, f"b_{lane}")
        m.d.comb += [unit.digits[lane].eq(digit), unit.b[lane].eq(b)]
        legal = digit.one | ~digit.negative
        if encoding.digit_bits == 2:
            legal = (digit.one | digit.two | ~digit.negative) & ~(digit.one & digit.two)
        claim.assume(legal)
        addend = addend + value * b
    value = Signal(_SUM)
    m.d.comb += value.eq(unit.sum + unit.carry)
    _follows(claim, value, first, enable, addend, _SUM)


def selects(p: DigitSelectorParameters, claim: Claim) -> None:
    """Claim that a selector goes through what is not 0, and through nothing else."""
    m = claim.m
    unit: Any = DigitSelector(p)
    m.submodules.selector = unit
    width = len(Value.cast(unit.digits))
    digits, enable = claim.free(width, "digits"), claim.free(1, "enable")
    m.d.comb += [Value.cast(unit.digits).eq(digits), unit.enable.eq(enable)]
    held, busy, seen = Signal(width), Signal(), Signal(p.group)
    claim.assume(~busy | (digits == held))
    there, now = Signal(p.group), Signal(p.group)
    for k in range(p.group):
        nonzero = Value.cast(unit.digits[k])[:-1].any()
        m.d.comb += there[k].eq(nonzero)
        m.d.comb += now[k].eq(nonzero & (unit.index == k) & Value.cast(unit.digit)[:-1].any())
        claim.hold(~now[k] | (Value.cast(unit.digit) == Value.cast(unit.digits[k])))
        # In order: none above it was seen.
        claim.hold(~now[k] | ~seen[k:].any())
    claim.hold(unit.start == ~busy)
    claim.hold(now.any() | ~there.any())
    claim.hold(unit.last == ((seen | now) == there))
    with m.If(enable):
        m.d.sync += [
            held.eq(digits), busy.eq(~unit.last), seen.eq(Mux(unit.last, 0, seen | now)),
        ]  # fmt: skip

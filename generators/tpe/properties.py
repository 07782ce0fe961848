"""What the tpe generator claims: encoders, compressors, elements, and skipping zeros."""

from __future__ import annotations

from functools import partial
from typing import Any

from amaranth.hdl import Mux, Signal, Value

from ...hw.arith.compressors import CompressorTree, CompressorTreeParameters
from ...hw.arith.counter_network import STRATEGIES
from ...hw.arith.digit_encoder import DigitEncoder, DigitEncoderParameters, Encoding
from ...hw.tpe.digit_selector import DigitSelector, DigitSelectorParameters
from ..formal import Always, Claim, Property
from .config import TpeConfig
from .element_claims import digit_sum, element_properties

__all__ = ["encodes", "properties", "selects"]

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
    found += element_properties(config.a_signed, config.b_signed)
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

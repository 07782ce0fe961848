"""Digit-serial elements: a digit times an operand per lane and cycle, whatever the digit weighs.

One sum takes digits of one weight ``2^w`` only; whoever adds up its sum and carry shifts by ``w``.
A weighted element multiplies its sum by the radix when the next lower weight begins (Horner's rule)
and so takes whole numbers.
Digits that are 0 need not come at all, which is where such elements win. One lane is OPT4C, the
bare element of OPT3; some lanes on one accumulator are OPT4E.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ..arith.digit_encoder import Encoding
from .carry_save import CarrySaveAccumulator
from .correction import Correction, CorrectionParameters
from .parameters import check_width
from .partial_product import Row, split_digits

__all__ = ["DigitSerialParameters", "exact_width"]


@dataclass(frozen=True, kw_only=True)
class DigitSerialParameters:
    """Parameters of digit-serial elements.

    Parameters
    ----------
    accumulator_width
        Bits of the sum of one bit-weight, at least 1; see :func:`exact_width`.
    b_width, b_signed
        The operand that is not encoded; 2 to 32 bits.
    encoding
        Of the digits: only the radix matters.
    lanes
        Digits and operands of a step, at least 1.
    correction, split, compact, free_running
        As for :class:`~.opt1.Opt1Parameters`; a bubble of a free-running element is a digit 0.
    weighted
        A step may multiply the sum by the radix before it adds; without a split.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    accumulator_width: int
    b_width: int = 8
    b_signed: bool = True
    encoding: Encoding = Encoding.BOOTH
    lanes: int = 1
    correction: Correction = Correction.EXACT
    split: int | None = None
    compact: bool = True
    free_running: bool = False
    weighted: bool = False

    def __post_init__(self) -> None:
        check_width("b_width", self.b_width)
        if self.lanes < 1:
            raise ValueError(f"lanes must be at least 1, not {self.lanes!r}")
        self.accumulator.check()

    @property
    def b_shape(self) -> Shape:
        return Shape(self.b_width, self.b_signed)

    @property
    def digit_layout(self) -> data.StructLayout:
        return self.encoding.layout

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of a step: any digit may come in any lane."""
        two = self.encoding.digit_bits == 2
        return (Row(0, two, True, self.b_width, self.b_signed),) * self.lanes

    @cached_property
    def accumulator(self) -> CarrySaveAccumulator:
        exact = self.correction is Correction.EXACT
        return CarrySaveAccumulator.of(
            self.accumulator_width, self.rows, exact=exact, split=self.split, compact=self.compact,
            scale=self.scale,
        )

    @property
    def scale(self) -> int:
        """Bits by which a step can shift the sum, 0 if it cannot."""
        return self.encoding.digit_bits if self.weighted else 0

    @property
    def row_correction(self) -> CorrectionParameters | None:
        """Parameters of the row's correction, if there is to be one."""
        if self.correction is Correction.EXACT:
            return None
        return CorrectionParameters.of(
            self.accumulator_width, self.rows, self.free_running, self.scale
        )

    @property
    def control_ports(self) -> dict[str, wiring.Member]:
        """Ports that say what a step does."""
        ports = {"first": In(1)}
        if self.weighted:
            ports["shift"] = In(1)
        if not self.free_running:
            ports["enable"] = In(1)
        return ports

    def build(
        self, m: Module, digits: list[data.View], operands: list[Value], first: Value,
        enable: Value | None, shift: Value | None = None,
    ) -> tuple[Signal | Value, Signal | Value]:
        """Add one element to ``m``; its sum and carry."""
        wires = split_digits(digits)
        words: list[Value] = [
            row.build(m, digit, b, f"partial_product_{lane}")
            for lane, (row, digit, b) in enumerate(zip(self.rows, wires, operands, strict=True))
        ]
        if self.correction is Correction.EXACT:
            words += [digit.negative for digit in wires]
        return self.accumulator.build(m, words, first, enable, shift)


def exact_width(b_shape: Shape, encoding: Encoding, digits: int) -> int:
    """The least width in which no sum of so many digits times b overflows two's complement.

    The largest product of a digit and b is ``d |b|``, with d = 2 (1 in radix 2) and ``|b|`` at most
    ``2^(W-1)`` signed or ``2^W - 1`` unsigned. As b may have either end, or the digit either sign,
    both signs of it exist, so that the width is the least A with ``digits * d * |b| < 2^(A-1)``.
    """
    largest = 1 << b_shape.width - 1 if b_shape.signed else (1 << b_shape.width) - 1
    return 1 + (digits * encoding.digit_bits * largest).bit_length()

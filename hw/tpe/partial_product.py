"""Partial products: a digit times an operand, as a word of bits none of which is negative.

A negative digit takes the complement of the multiple, which is one too small; the top bit, which
weighs ``-2^(n-1)`` in two's complement, is inverted, which makes it ``2^(n-1)`` too large and of
positive weight. Hence, over the ``n`` bits of a row,

    Σ_j bit_j 2^j == digit * b - negative + 2^(n-1)

and rows are added without sign extension: what is added too much is the constant :attr:`Row.bias`
of each row, what is missing are the ``negative`` wires. Both are put right either with every sum
(:mod:`.opt1`, exact form) or once for all elements that share the digits (:mod:`.correction`).

The constant is that of C. Baugh and B. Wooley, "A two's complement parallel array multiplication
algorithm" (1973); the brief's section 3.3 takes it out of the element.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data

from ..arith.digit_encoder import DigitEncoder, DigitEncoderParameters, Encoding, digit_count
from .parameters import OperandParameters

__all__ = ["Digit", "Row", "booth_negatives", "encode", "rows_of", "split_digits"]


@dataclass(frozen=True)
class Digit:
    """Wires of one digit: ``(one + 2 two) * (-1)^negative``; a wire that is never set is None.

    ``negative`` may be set for digit 0: its row is then all ones but for the top bit, which is
    what the formula of this module says.
    """

    one: Value
    two: Value | None
    negative: Value | None


@dataclass(frozen=True)
class Row:
    """Shape of a partial product: which digits it is for, what they weigh, and the other operand.

    Attributes
    ----------
    shift : int
        The digit weighs ``2^shift``.
    two, negative : bool
        Whether the digit can be 2 or -2, and below 0.
    b_width, b_signed
        The other operand.
    """

    shift: int
    two: bool
    negative: bool
    b_width: int
    b_signed: bool

    @property
    def inverted(self) -> bool:
        """Whether the number can be below 0, and so the top bit is inverted."""
        return self.negative or self.b_signed

    @property
    def width(self) -> int:
        """``n``: bits of ``digit * b - negative`` in two's complement (or unsigned)."""
        return self.b_width + self.two + (self.negative and not self.b_signed)

    @property
    def bias(self) -> int:
        """What the row is too large by, times the digit's weight."""
        return 1 << self.shift + self.width - 1 if self.inverted else 0

    def build(self, m: Module, digit: Digit, b: Value, name: str) -> Signal:
        """The row as a word of ``width`` bits."""
        top = b[-1] if self.b_signed else Const(0, 1)
        extended = Cat(b, top, top)[: self.width]
        word = extended & digit.one.replicate(self.width)
        if self.two and digit.two is not None:
            doubled = Cat(Const(0, 1), extended)[: self.width]
            word = word | (doubled & digit.two.replicate(self.width))
        if self.negative and digit.negative is not None:
            word = word ^ digit.negative.replicate(self.width)
        row = Signal(self.width, name=name)
        if self.inverted:
            multiple = Signal(self.width, name=f"{name}_multiple")
            m.d.comb += [multiple.eq(word), row.eq(Cat(multiple[:-1], ~multiple[-1]))]
        else:
            m.d.comb += row.eq(word)
        return row


def rows_of(operands: OperandParameters, encoding: Encoding) -> tuple[Row, ...]:
    """The rows of a product, one for each digit of ``a``.

    The top digit of an unsigned operand is never negative, and only with an odd width ever 2: the
    operand is less than ``2^width``. Two's complement bits but the sign are never negative.
    """
    count = digit_count(encoding, operands.a_width, operands.a_signed)
    rows = []
    for index in range(count):
        top = index == count - 1
        negative = operands.a_signed or not top
        if encoding is Encoding.BITS:
            negative = operands.a_signed and top
        elif encoding is Encoding.SIGN_MAGNITUDE:
            negative = operands.a_signed
        two = encoding.digit_bits == 2 and (
            operands.a_signed or not top or operands.a_width % 2 == 1
        )
        shift = encoding.digit_bits * index
        rows.append(Row(shift, two, negative, operands.b_width, operands.b_signed))
    return tuple(rows)


def split_digits(digits: data.View) -> list[Digit]:
    """The wires of an array of digits, as :class:`~..arith.digit_encoder.DigitEncoder` has them."""
    return [Digit(d.one, getattr(d, "two", None), d.negative) for d in digits]


def encode(m: Module, a: Value, operands: OperandParameters, encoding: Encoding) -> list[Digit]:
    """Digits of ``a`` inside an element.

    Booth digits are written here, with the upper bit as ``negative`` even of digit 0, which saves
    a gate and its delay (see :func:`booth_negatives`); all others come from an encoder.
    """
    if encoding is not Encoding.BOOTH:
        p = DigitEncoderParameters(encoding, operands.a_width, operands.a_signed)
        m.submodules.digit_encoder = encoder = DigitEncoder(p)
        m.d.comb += encoder.operand.eq(a)
        return split_digits(encoder.digits)
    digits = []
    negatives = booth_negatives(a, operands)
    below: Value = Const(0, 1)
    for index in range(len(negatives)):
        low = a[2 * index] if 2 * index < len(a) else Const(0, 1)
        high = negatives[index]
        one, two = Signal(name=f"one_{index}"), Signal(name=f"two_{index}")
        m.d.comb += [one.eq(low ^ below), two.eq((high ^ low) & ~one)]
        digits.append(Digit(one, two, high))
        below = high
    return digits


def booth_negatives(a: Value, operands: OperandParameters) -> Value:
    """The ``negative`` wires of :func:`encode`'s Booth digits: every other bit of ``a``."""
    count = digit_count(Encoding.BOOTH, operands.a_width, operands.a_signed)
    top = a[-1] if operands.a_signed else Const(0, 1)
    return Cat(a, top, top)[1 : 2 * count : 2]

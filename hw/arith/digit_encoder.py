"""Digit encoder: an integer as signed digits of radix 4 or 2, few of which are not 0."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = [
    "BINARY_DIGIT",
    "RADIX4_DIGIT",
    "DigitEncoder",
    "DigitEncoderParameters",
    "Encoding",
    "digit_count",
]

_WIDTHS = range(2, 33)


class Encoding(Enum):
    """How an integer is written as digits.

    Radix 4, digits -2 to 2: ``BOOTH`` looks at three bits for each digit; ``ENT`` writes the
    magnitude with digits -1 to 2 and gives each the sign of the number; ``NAF`` reads the
    non-adjacent form in pairs, which makes the number of digits other than 0 the least possible.
    Radix 2, digits -1 to 1: ``BITS`` is two's complement, ``SIGN_MAGNITUDE`` the bits of the
    magnitude with the sign of the number.
    """

    BOOTH = "booth"
    ENT = "ent"
    NAF = "naf"
    BITS = "bits"
    SIGN_MAGNITUDE = "sign_magnitude"

    @property
    def digit_bits(self) -> int:
        """Binary logarithm of the radix: digit i weighs ``2^(digit_bits * i)``."""
        return 1 if self in (Encoding.BITS, Encoding.SIGN_MAGNITUDE) else 2

    @property
    def layout(self) -> data.StructLayout:
        """Layout of one digit."""
        return BINARY_DIGIT if self.digit_bits == 1 else RADIX4_DIGIT


RADIX4_DIGIT = data.StructLayout({"one": 1, "two": 1, "negative": 1})
"""A digit -2 to 2: ``(one + 2 two) * (-1)^negative``.

At most one of ``one`` and ``two`` is set; ``negative`` never without one of them, so that 0 has one
code.
"""

BINARY_DIGIT = data.StructLayout({"one": 1, "negative": 1})
"""A digit -1 to 1: ``one * (-1)^negative``; ``negative`` is never set for 0."""


def digit_count(encoding: Encoding, width: int, signed: bool) -> int:
    """Digits that every number of ``width`` bits fits: one for each bit in radix 2.

    In radix 4 ``ceil(width / 2)`` for signed numbers and ``floor(width / 2) + 1`` for unsigned
    ones: a number of magnitude at most ``2^(n-1)`` has a non-adjacent form of ``n`` bits, and
    unsigned numbers have ``n = width + 1``.
    """
    if encoding.digit_bits == 1:
        return width
    return (width + 1) // 2 if signed else width // 2 + 1


@dataclass(frozen=True)
class DigitEncoderParameters:
    """Parameters of :class:`DigitEncoder`.

    Parameters
    ----------
    encoding
        How the operand is written.
    width
        Bits of the operand, 2 to 32.
    signed
        Whether the operand is two's complement.

    Raises
    ------
    ValueError
        The width is out of its range.
    """

    encoding: Encoding
    width: int
    signed: bool

    def __post_init__(self) -> None:
        if self.width not in _WIDTHS:
            raise ValueError(f"width must be in 2..32, not {self.width!r}")

    @property
    def digits(self) -> int:
        """Number of digits."""
        return digit_count(self.encoding, self.width, self.signed)

    @property
    def layout(self) -> data.ArrayLayout:
        """Layout of all digits, least significant first."""
        return data.ArrayLayout(self.encoding.layout, self.digits)

    @property
    def operand_shape(self) -> Shape:
        """Shape of the operand."""
        return Shape(self.width, self.signed)


class DigitEncoder(Unit):
    """Digits of an operand: ``operand == Σ digit_i * 2^(digit_bits * i)``.

    Parameters
    ----------
    p
        Encoding, width and sign.

    Members
    -------
    operand : In(p.operand_shape)
    digits : Out(p.layout)

    Notes
    -----
    Combinational. All three radix-4 codes are one function of two bits ``high, low`` of the number,
    a carry, and a bit ``next`` that is the sign of a 2::

        one = low ^ carry     two = (high ^ low) & ~one     negative = one & high | two & next

    Booth's carry is the bit below, its ``next`` is ``high``: no digit waits for another. The
    non-adjacent form carries ``high & (low | next) | (high | low & next) & carry`` into the digit
    above, where ``next`` is the lowest bit there. EN-T carries ``high & (low | carry)``, of the
    bits of the complement if the number is negative: the complement and a first carry are the
    magnitude. Its ``next`` is the sign, and ``high`` in ``negative`` is the bit not complemented.
    The chains are one complex gate for each digit; a prefix network of them came out larger and,
    to 16 bits, no faster than what synthesis makes of the chain.

    No carry leaves the top digit, by the bound in :func:`digit_count`.

    A. Booth, "A signed binary multiplication technique" (1951), radix 4 after O. MacSorley (1961);
    EN-T from ICCD 2024; G. Reitwiesner, "Binary arithmetic" (1960), for the
    non-adjacent form.
    """

    p: DigitEncoderParameters

    def __init__(self, p: DigitEncoderParameters) -> None:
        super().__init__(p, {"operand": In(p.operand_shape), "digits": Out(p.layout)})

    def body(self) -> Module:
        m = Module()
        if self.p.encoding.digit_bits == 1:
            self._binary(m)
        else:
            self._radix4(m)
        return m

    def _binary(self, m: Module) -> None:
        operand = self.operand
        sign = operand[-1] if self.p.signed else Const(0, 1)
        ones: Value = operand
        negatives: Value = Cat(Const(0, self.p.width - 1), sign)
        if self.p.encoding is Encoding.SIGN_MAGNITUDE and self.p.signed:
            # -a keeps the lowest 1 of a and the zeros below it, and inverts what is above.
            inverted = Signal(self.p.width, name="inverted")
            below = [operand[:index].any() for index in range(1, self.p.width)]
            m.d.comb += inverted.eq(Cat(Const(0, 1), *below))
            # Two expressions: the port must not be read where it is made, which tools call a loop.
            ones = operand ^ Mux(sign, inverted, 0)
            negatives = Mux(sign, operand ^ inverted, 0)
        for index in range(self.p.digits):
            digit = self.digits[index]
            m.d.comb += [digit.one.eq(ones[index]), digit.negative.eq(negatives[index])]

    def _radix4(self, m: Module) -> None:
        count, encoding = self.p.digits, self.p.encoding
        extended = Signal(2 * count + 1, name="extended")
        m.d.comb += extended.eq(self.operand)
        sign = self.operand[-1] if self.p.signed else Const(0, 1)
        number = extended
        if encoding is Encoding.ENT and self.p.signed:
            number = Signal(2 * count, name="complemented")
            m.d.comb += number.eq(extended ^ sign.replicate(2 * count))
        carry = sign if encoding is Encoding.ENT else Const(0, 1)
        for index in range(count):
            low, high = number[2 * index], number[2 * index + 1]
            if encoding is Encoding.BOOTH:
                following, above = high, high
            elif encoding is Encoding.ENT:
                following, above = sign, high & (low | carry)
            else:
                following = extended[2 * index + 2]
                above = (high & (low | following)) | ((high | (low & following)) & carry)
            digit = self.digits[index]
            m.d.comb += [
                digit.one.eq(low ^ carry),
                digit.two.eq((high ^ low) & ~digit.one),
                digit.negative.eq(
                    (digit.one & extended[2 * index + 1]) | (digit.two & following)
                ),
            ]
            if index < count - 1:
                carry = Signal(name=f"carry_{index + 1}")
                m.d.comb += carry.eq(above)

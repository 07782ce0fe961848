"""Number formats of the adaptive-type array: exact integer grids and operand bounds.

Every type is a fixed-length code for integers in units of the tensor's own step; the real value
is that integer times a scale. After Guo et al., "ANT: Exploiting Adaptive Numerical Data Type for
Low-bit Deep Neural Network Quantization" (MICRO 2022). Pure Python: generators, digit searches
and accumulator bounds read their tables here, and the hardware never sees a number from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import gcd

from amaranth.lib import enum

__all__ = ["MAX_BITS", "MIN_BITS", "NumberFormat", "OperandFormats", "Term", "TypeKind"]

MIN_BITS = 3
MAX_BITS = 8
_MAX_POT_MAGNITUDE_BITS = 7  # one more would put the largest value, 2^254, beyond float32


class TypeKind(enum.Enum, shape=2):
    """Run-time type select as it travels in a tile descriptor."""

    INT = 0
    FLINT = 1
    POT = 2
    FLOAT = 3


@dataclass(frozen=True)
class Term:
    """A decoded code as ``(-1)^negative * base * 2^exponent`` (zero: base 0, exponent 0)."""

    negative: bool
    base: int
    exponent: int

    @property
    def value(self) -> int:
        """The integer that the term stands for."""
        magnitude = self.base << self.exponent
        return -magnitude if self.negative else magnitude


@dataclass(frozen=True)
class NumberFormat:
    """One type at one width and signedness.

    With ``n`` magnitude bits (``bits - 1`` when signed, else ``bits``) the codes mean:

    * ``INT``: two's complement, or plain binary when unsigned;
    * ``FLINT``: sign and magnitude ``c``; let ``low`` be ``c`` without its top bit and ``L`` the
      leading zeros of ``low`` counted in ``n - 1`` bits. Top bit 0: ``low``. Top bit 1:
      ``2*low * 4^L``, or the maximum ``4^(n-1)`` when ``low`` is 0;
    * ``POT``: sign and magnitude ``m``: 0 for ``m = 0``, else ``2^(m-1)``;
    * ``FLOAT``: sign, exponent ``e`` (3 bits, 2 when ``n = 2``) and fraction ``f`` (the other
      ``M`` bits): ``f`` for ``e = 0``, else ``(2^M + f) * 2^(e-1)``; no infinities, no NaN.

    Signed types other than ``INT`` have a minus zero code that decodes to 0; encoders never
    produce it.

    Parameters
    ----------
    kind
        The type.
    bits
        Code width including the sign, 3 to 8.
    signed
        Whether negative values exist.

    Raises
    ------
    TypeError
        ``kind``, ``bits`` or ``signed`` has the wrong Python type.
    ValueError
        ``bits`` is outside 3..8, or the format is 8-bit unsigned power of two.
    """

    kind: TypeKind
    bits: int
    signed: bool

    def __post_init__(self) -> None:
        if not isinstance(self.kind, TypeKind):
            raise TypeError(f"NumberFormat.kind must be a TypeKind, not {self.kind!r}")
        if not isinstance(self.bits, int) or isinstance(self.bits, bool):
            raise TypeError(f"NumberFormat.bits must be an integer, not {self.bits!r}")
        if not isinstance(self.signed, bool):
            raise TypeError(f"NumberFormat.signed must be a bool, not {self.signed!r}")
        if not MIN_BITS <= self.bits <= MAX_BITS:
            raise ValueError(
                f"NumberFormat.bits must be from {MIN_BITS} to {MAX_BITS}, not {self.bits!r}"
            )
        if self.kind is TypeKind.POT and self.magnitude_bits > _MAX_POT_MAGNITUDE_BITS:
            raise ValueError(
                "NumberFormat.bits must be at most 7 for an unsigned power-of-two type, "
                f"not {self.bits!r}"
            )

    def __str__(self) -> str:
        return f"{self.kind.name.lower()}{self.bits}{'s' if self.signed else 'u'}"

    @property
    def magnitude_bits(self) -> int:
        """``n``: code bits beside the sign."""
        return self.bits - self.signed

    @property
    def sign_magnitude(self) -> bool:
        """Whether the top code bit is a sign over a magnitude (signed types but ``INT``)."""
        return self.signed and self.kind is not TypeKind.INT

    @property
    def float_exponent_bits(self) -> int:
        """Exponent field width of ``FLOAT`` at this width: 3, or 2 when only two bits are left."""
        return min(3, self.magnitude_bits)

    @property
    def float_fraction_bits(self) -> int:
        """``M``: fraction field width of ``FLOAT`` at this width."""
        return self.magnitude_bits - self.float_exponent_bits

    def term(self, code: int) -> Term:
        """Decode one code to sign, base and exponent."""
        if not 0 <= code < 1 << self.bits:
            raise ValueError(f"code must be from 0 to {(1 << self.bits) - 1}, not {code!r}")
        if self.kind is TypeKind.INT:
            value = code
            if self.signed and code >> (self.bits - 1):
                value -= 1 << self.bits
            return Term(value < 0, abs(value), 0)
        n = self.magnitude_bits
        magnitude = code & ((1 << n) - 1)
        base, exponent = self._magnitude_term(magnitude)
        return Term(bool(code >> n) and base != 0, base, exponent)

    def _magnitude_term(self, magnitude: int) -> tuple[int, int]:
        n = self.magnitude_bits
        match self.kind:
            case TypeKind.FLINT:
                low = magnitude & ((1 << (n - 1)) - 1)
                if not magnitude >> (n - 1):
                    return low, 0
                leading_zeros = n - 1 - low.bit_length()
                return low << 1 | (low == 0), 2 * leading_zeros
            case TypeKind.POT:
                return int(magnitude != 0), max(magnitude - 1, 0)
            case TypeKind.FLOAT:
                fraction_bits = self.float_fraction_bits
                exponent = magnitude >> fraction_bits
                fraction = magnitude & ((1 << fraction_bits) - 1)
                return (exponent != 0) << fraction_bits | fraction, max(exponent - 1, 0)
            case _:
                return magnitude, 0

    def value(self, code: int) -> int:
        """Integer value of ``code``."""
        return self.term(code).value

    @property
    def values(self) -> tuple[int, ...]:
        """Integer value of every code, indexed by code."""
        return _values(self)

    @property
    def grid(self) -> tuple[int, ...]:
        """The distinct values, ascending."""
        return tuple(sorted(set(self.values)))

    def canonical_code(self, value: int) -> int:
        """The code an encoder emits for ``value``: the lowest one (never minus zero)."""
        try:
            return self.values.index(value)
        except ValueError:
            raise ValueError(f"value must be a {self} number, not {value!r}") from None

    @property
    def value_min(self) -> int:
        """Smallest value."""
        return min(self.values)

    @property
    def value_max(self) -> int:
        """Largest value."""
        return max(self.values)

    @property
    def max_magnitude(self) -> int:
        """Largest absolute value."""
        return max(-self.value_min, self.value_max)

    @property
    def base_max(self) -> int:
        """Largest base of any code (absolute value)."""
        return max(self.term(code).base for code in range(1 << self.bits))

    @property
    def exponent_max(self) -> int:
        """Largest exponent of any code."""
        return max(self.term(code).exponent for code in range(1 << self.bits))


@cache
def _values(number_format: NumberFormat) -> tuple[int, ...]:
    return tuple(number_format.value(code) for code in range(1 << number_format.bits))


@dataclass(frozen=True)
class OperandFormats:
    """The formats that one operand may have, chosen at run time by ``kind`` and ``signed``.

    Parameters
    ----------
    formats
        Distinct formats of one width, at least one.

    Raises
    ------
    ValueError
        No format, a format twice, or formats of different widths.
    """

    formats: tuple[NumberFormat, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.formats, tuple) or not all(
            isinstance(each, NumberFormat) for each in self.formats
        ):
            raise TypeError(
                f"OperandFormats.formats must be a tuple of NumberFormat, not {self.formats!r}"
            )
        if not self.formats:
            raise ValueError("OperandFormats.formats must hold at least one format, not ()")
        if len(set(self.formats)) != len(self.formats):
            raise ValueError(
                f"OperandFormats.formats must be distinct, not {list(map(str, self.formats))!r}"
            )
        if len({each.bits for each in self.formats}) != 1:
            raise ValueError(
                "OperandFormats.formats must share one width, "
                f"not {list(map(str, self.formats))!r}"
            )

    @classmethod
    def of(
        cls, kinds: Iterable[TypeKind], bits: int, signs: Iterable[bool] = (True,)
    ) -> OperandFormats:
        """Every kind in every signedness, in order of kind number then unsigned first."""
        ordered = sorted(set(kinds), key=lambda kind: kind.value)
        return cls(
            tuple(
                NumberFormat(kind, bits, signed)
                for kind, signed in product(ordered, sorted(set(signs)))
            )
        )

    def __str__(self) -> str:
        return "_".join(map(str, self.formats))

    @property
    def bits(self) -> int:
        """Code width."""
        return self.formats[0].bits

    @property
    def kinds(self) -> tuple[TypeKind, ...]:
        """The distinct kinds in order of their number."""
        return tuple(sorted({each.kind for each in self.formats}, key=lambda kind: kind.value))

    @property
    def signs(self) -> tuple[bool, ...]:
        """The distinct signednesses, unsigned first."""
        return tuple(sorted({each.signed for each in self.formats}))

    @property
    def any_signed(self) -> bool:
        """Whether some format has negative values."""
        return True in self.signs

    @property
    def select_kind(self) -> bool:
        """Whether hardware needs a ``kind`` port: more than one kind."""
        return len(self.kinds) > 1

    @property
    def select_signed(self) -> bool:
        """Whether hardware needs a ``signed`` port: both signednesses."""
        return len(self.signs) > 1

    @property
    def value_min(self) -> int:
        """Smallest value of any format."""
        return min(each.value_min for each in self.formats)

    @property
    def value_max(self) -> int:
        """Largest value of any format."""
        return max(each.value_max for each in self.formats)

    @property
    def max_magnitude(self) -> int:
        """Largest absolute value of any format."""
        return max(each.max_magnitude for each in self.formats)

    @property
    def magnitude_width(self) -> int:
        """Bits of the largest absolute value."""
        return self.max_magnitude.bit_length()

    @property
    def base_min(self) -> int:
        """Smallest signed base of any code of any format."""
        return min(_signed_base(term) for term in _terms(self))

    @property
    def base_max(self) -> int:
        """Largest signed base of any code of any format."""
        return max(_signed_base(term) for term in _terms(self))

    @property
    def exponent_max(self) -> int:
        """Largest exponent of any format."""
        return max(each.exponent_max for each in self.formats)

    @property
    def exponent_unit(self) -> int:
        """Greatest common divisor of all exponents (flint steps by 2), 1 when all are 0.

        Hardware carries ``exponent / exponent_unit``.
        """
        return gcd(*(term.exponent for term in _terms(self))) or 1

    @property
    def exponent_width(self) -> int:
        """Bits of the carried exponent ``exponent / exponent_unit`` (0 when all are 0)."""
        return (self.exponent_max // self.exponent_unit).bit_length()


def _signed_base(term: Term) -> int:
    return -term.base if term.negative else term.base


@cache
def _terms(formats: OperandFormats) -> tuple[Term, ...]:
    return tuple(each.term(code) for each in formats.formats for code in range(1 << each.bits))

"""Where each number format rounds: its magnitude codes as segments between powers of two.

A magnitude ``x`` reaches an encoder as ``h = floor(2 x)``. Between two powers of two a format is a
uniform grid, so nearest with ties to the larger magnitude is "drop bits and add the last one
dropped" (the rounding-step method: ``floor(x / step + 1/2)``). What differs from format to format
is only which bits are kept, and the code that they are counted from.
"""

from __future__ import annotations

from dataclasses import dataclass

from .types import NumberFormat, TypeKind

__all__ = ["Segment", "magnitude_segments", "max_code", "saturation_width"]


@dataclass(frozen=True)
class Segment:
    """Codes of the half-units ``h`` whose highest set bit is ``position``.

    The code is ``first_code + ((h >> shift) mod 2^fraction_bits)``, plus one if bit ``shift - 1``
    of ``h`` is set; where that would count past the fraction, the code is ``next_code``.

    Parameters
    ----------
    position
        Highest set bit of ``h``; None for the lowest segment, every ``h < 2^(shift +
        fraction_bits)``.
    shift
        Low bits of ``h`` that are dropped, at least 1.
    fraction_bits
        Bits of ``h`` that are kept.
    first_code
        Code of fraction 0; its low ``fraction_bits`` bits are 0.
    next_code
        Code of the next power of two, or the last code where the format ends.
    """

    position: int | None
    shift: int
    fraction_bits: int
    first_code: int
    next_code: int

    @property
    def carries(self) -> bool:
        """Whether counting past the fraction reaches ``next_code`` by itself."""
        return self.next_code == self.first_code + (1 << self.fraction_bits)


def max_code(number_format: NumberFormat) -> int:
    """Magnitude code of the largest value."""
    n = number_format.magnitude_bits
    return 1 << (n - 1) if number_format.kind is TypeKind.FLINT else (1 << n) - 1


def magnitude_segments(number_format: NumberFormat) -> tuple[Segment, ...]:
    """Segments of the magnitude of ``number_format`` in ascending order.

    Half-units above the last segment saturate to :func:`max_code`. ``INT`` stands for its unsigned
    magnitude of ``n`` bits here.
    """
    n = number_format.magnitude_bits
    match number_format.kind:
        case TypeKind.FLINT:
            return _flint_segments(n)
        case TypeKind.POT:
            return _floating_segments(n, 0)
        case TypeKind.FLOAT:
            return _floating_segments(
                number_format.float_exponent_bits, number_format.float_fraction_bits
            )
        case _:
            return _floating_segments(1, n - 1)


def _flint_segments(n: int) -> tuple[Segment, ...]:
    # Magnitudes from 2^(n-1+j) have step 2^(2j+1): the code is a top bit over v >> (2j+1), in
    # which the leading one stands at bit n-2-j. So each next group starts one bit further down.
    top = 1 << (n - 1)
    groups = [top | (1 << (n - 2 - j)) for j in range(n - 1)] + [top]
    linear = Segment(None, 1, n - 1, 0, groups[0])
    return linear, *(
        Segment(n + j, 2 * j + 2, n - 2 - j, groups[j], groups[j + 1]) for j in range(n - 1)
    )


def _floating_segments(exponent_bits: int, fraction_bits: int) -> tuple[Segment, ...]:
    # The code {e, f} counts on from one binade to the next. Exponents 0 and 1 share a step of 1
    # and make one segment; plain integers are the case of a single exponent bit.
    last = (1 << (exponent_bits + fraction_bits)) - 1
    segments = [Segment(None, 1, fraction_bits + 1, 0, min(2 << fraction_bits, last))]
    for exponent in range(2, 1 << exponent_bits):
        first = exponent << fraction_bits
        following = min(first + (1 << fraction_bits), last)
        segments.append(
            Segment(exponent + fraction_bits, exponent, fraction_bits, first, following)
        )
    return tuple(segments)


def saturation_width(number_format: NumberFormat) -> int:
    """Bits of half-units that suffice: wider ``h`` may be replaced by all ones.

    All ones in this many bits already rounds to the value of largest magnitude.
    """
    if number_format.kind is TypeKind.INT and number_format.signed:
        return number_format.bits
    last = magnitude_segments(number_format)[-1]
    return last.shift + last.fraction_bits + (last.position is not None)

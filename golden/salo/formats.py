"""Number formats of the datapath, and the widths that hold every number it can meet.

Numbers are integers with an implied binary point. With `K` keys in a tile (columns plus gather
columns) and `T` tiles in a block:

=====================  ===============================  ==============================
number                 fraction bits                    width
=====================  ===============================  ==============================
score `acc`            -                                `score_bits(dk)`, signed
base-2 logit `t`       `fraction_bits`                  never stored; `acc` shifted
octave `n`             0                                `exp_bits`, signed, saturating
mantissa `e`           `mantissa_bits - 1`              `mantissa_bits`, unsigned
row sum `l`            `mantissa_bits - 1 + guard_bits` `sum_bits(K)`, unsigned
numerator `num`        the same                         `numerator_bits(K)`, signed
block sums `L`, `O`    the same                         the same with `K * T` keys
reciprocal `r`         `reciprocal_fraction_bits`       that + 2, unsigned, in (1, 2]
output                 `out_fraction_bits`              `output_bits`, signed, saturating
=====================  ===============================  ==============================

Source: the project's brief, section 4.3.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...errors import InputError

__all__ = ["HW8", "HW12", "MAX_SHIFT", "Format"]

MAX_SHIFT = 31
"""Largest program constant f: a field of five bits."""

_RANGES = {
    "q_bits": (2, 12),
    "kv_bits": (2, 8),
    "mantissa_bits": (8, 13),
    "fraction_bits": (8, 14),
    "guard_bits": (0, 16),
    "exp_bits": (8, 17),
    "out_fraction_bits": (0, 12),
}
_SEGMENTS = (8, 16)


@dataclass(frozen=True)
class Format:
    """Parameters of the number formats.

    Attributes
    ----------
    q_bits, kv_bits
        Operand widths, 2..12 and 2..8 bits; values are symmetric, `-(2^(bits-1) - 1)` to
        `2^(bits-1) - 1`.
    mantissa_bits
        Width of the exponential's mantissa, 8..13; its value is in [1, 2).
    fraction_bits
        Fraction bits of the base-2 logit (FB in the brief), 8..14.
    guard_bits
        Fraction bits that the sums have beyond the mantissa's (G in the brief), 0..16; at least
        `out_fraction_bits + 2 - mantissa_bits`, so that the sums are finer than the output.
    exp_bits
        Width of the integer part of the logit, 8..17.
    out_fraction_bits
        Fraction bits of the output, 0..12.
    exp_segments
        Straight lines that make up the exponential, 8 or 16.

    Raises
    ------
    InputError
        If a parameter is out of its range.
    """

    q_bits: int = 8
    kv_bits: int = 8
    mantissa_bits: int = 8
    fraction_bits: int = 10
    guard_bits: int = 4
    exp_bits: int = 10
    out_fraction_bits: int = 8
    exp_segments: int = 8

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise InputError(f"{field.name} must be an integer, not {value!r}")
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name} must be in {low}..{high}, not {getattr(self, name)}")
        if self.exp_segments not in _SEGMENTS:
            raise InputError(f"exp_segments must be 8 or 16, not {self.exp_segments}")
        least = self.out_fraction_bits + 2 - self.mantissa_bits
        if self.guard_bits < least:
            raise InputError(
                f"guard_bits must be at least out_fraction_bits + 2 - mantissa_bits = {least}, "
                f"not {self.guard_bits}"
            )

    @property
    def q_max(self) -> int:
        """Largest magnitude of a query element."""
        return (1 << self.q_bits - 1) - 1

    @property
    def kv_max(self) -> int:
        """Largest magnitude of a key or value element."""
        return (1 << self.kv_bits - 1) - 1

    @property
    def octave_range(self) -> tuple[int, int]:
        """Least and largest integer part of a logit."""
        return -(1 << self.exp_bits - 1), (1 << self.exp_bits - 1) - 1

    @property
    def mantissa_range(self) -> tuple[int, int]:
        """Least and largest mantissa: 1 and just below 2."""
        return 1 << self.mantissa_bits - 1, (1 << self.mantissa_bits) - 1

    @property
    def sum_fraction_bits(self) -> int:
        """Fraction bits of the sums `l`, `num`, `L`, `O`."""
        return self.mantissa_bits - 1 + self.guard_bits

    @property
    def output_bits(self) -> int:
        """Width of an output, signed: 16, or more if values with their fraction need it."""
        return max(16, self.kv_bits + self.out_fraction_bits)

    @property
    def reciprocal_fraction_bits(self) -> int:
        """Fraction bits of `r`: 15, or as many more as an output has bits beyond 16.

        With `kv_bits - 1 + out_fraction_bits` of them, a product with r is off by less than half
        a unit of the output.
        """
        return self.output_bits - 1

    @property
    def slope_fraction_bits(self) -> int:
        """Fraction bits of a slope: across a segment, one unit is 1/8 of the mantissa's."""
        return self.mantissa_bits + 3 - self.exp_segments.bit_length()

    @property
    def intercept_fraction_bits(self) -> int:
        """Fraction bits of an intercept."""
        return self.slope_fraction_bits + 3

    def score_bits(self, dk: int) -> int:
        """Width of `acc`, the sum of `dk` products, signed (W_A in the brief).

        A product is below `2^(q_bits - 1) * 2^(kv_bits - 1)` in magnitude, and so `dk` of them are
        below `2^(q_bits + kv_bits - 2 + ceil(log2 dk))`; one more bit is the sign. 22 for 8-bit
        operands and dk = 128.
        """
        return self.q_bits + self.kv_bits - 1 + (dk - 1).bit_length()

    def largest_octave(self, dk: int, shift: int) -> int:
        """Return the largest magnitude that the integer part of a logit can reach at shift f.

        `ceil(dk * q_max * kv_max / 2^f)`; it saturates if that is beyond `octave_range`.
        """
        return -(-dk * self.q_max * self.kv_max >> shift)

    def sum_bits(self, keys: int) -> int:
        """Width of the sum of `keys` mantissas, unsigned: `l`, or `L` with `keys = K * T`.

        Rounding never lets a sum grow: `rs(x, s) <= x` for `x >= 0`, so by induction over the scan
        `l <= keys * (2^mantissa_bits - 1) * 2^guard_bits`. 18 for hw8 and 33 keys.
        """
        return (keys * self.mantissa_range[1] << self.guard_bits).bit_length()

    def numerator_bits(self, keys: int) -> int:
        """Width of the sum of `keys` mantissas times values, signed: `num` or `O`.

        `|rs(x, s)| <= |x|`, so the bound of `sum_bits` holds times `kv_max`. 26 for hw8 and 33
        keys.
        """
        return (keys * self.mantissa_range[1] * self.kv_max << self.guard_bits).bit_length() + 1


HW8 = Format()
"""The 8-bit datapath of the brief."""
HW12 = Format(
    mantissa_bits=13, fraction_bits=13, guard_bits=4, out_fraction_bits=12, exp_segments=16
)
"""The datapath with a 13-bit mantissa.

Sums have 12 + 4 = 16 fraction bits, the "P 16" of the brief; measured, 8, 12 and 16 guard bits give
the same errors to three digits. The output is of 20 bits: at 16 its rounding alone costs 0.06 % of
the mean of 513 values or more, above the 0.05 % that this format is for.
"""

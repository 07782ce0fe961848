"""Number formats of the datapath, and the widths that hold all that can come up."""

from __future__ import annotations

from dataclasses import dataclass

from .exponential import HW8_LINES, ExponentialLines

__all__ = ["DatapathParameters"]

_LARGEST_SHIFT = 31
"""Of the f of a program."""


@dataclass(frozen=True, kw_only=True)
class DatapathParameters:
    """Formats that a processing element has in common with what follows it.

    Parameters
    ----------
    q_bits, kv_bits
        Operands, signed: 2 to 12 and 2 to 12 bits.
    lines
        The exponential, and with it ``mantissa_bits`` and ``fraction_bits``.
    guard_bits
        Fraction bits of sums beyond those of a mantissa, 0 to 16.
    exp_bits
        The integer part of a base-2 logit, signed: 8 to 17 bits.
    dk_max
        Most products of a score, 1 to 256.
    keys
        Most keys of a row in a tile: columns and gather columns; at least 1.
    shift_bits
        The program constant f is one of ``2^shift_bits`` values from :attr:`shift_least` on, but
        at most 31; 1 to 5. Each value takes a bit of a sum.
    pipeline
        Registers between multiplier and adder, 0 or 1.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    q_bits: int = 8
    kv_bits: int = 8
    lines: ExponentialLines = HW8_LINES
    guard_bits: int = 4
    exp_bits: int = 10
    dk_max: int = 64
    keys: int = 33
    shift_bits: int = 4
    pipeline: int = 1

    def __post_init__(self) -> None:
        for name, least, most in (
            ("q_bits", 2, 12), ("kv_bits", 2, 12), ("guard_bits", 0, 16), ("exp_bits", 8, 17),
            ("dk_max", 1, 256), ("keys", 1, 1 << 16), ("shift_bits", 1, 5), ("pipeline", 0, 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be in {least} to {most}, not {value}")

    @property
    def mantissa_bits(self) -> int:
        return self.lines.mantissa_bits

    @property
    def fraction_bits(self) -> int:
        return self.lines.fraction_bits

    @property
    def score_bits(self) -> int:
        """Bits of a score, signed: ``dk_max`` products below ``2^(q_bits + kv_bits - 2)``."""
        return self.q_bits + self.kv_bits - 1 + (self.dk_max - 1).bit_length()

    @property
    def shift_least(self) -> int:
        """The least f, ``score_bits - 12 - 2^shift_bits / 4``.

        So the largest f with 16 values is ``score_bits - 1``, at which no score reaches 2 octaves,
        and with 8 values ``score_bits - 7``, for 64 octaves. Random operands of full scale leave 4
        to 7 upper bits of a score unused, and some octaves are what tells keys apart: that is in
        the middle. Where f would be larger still, a smaller query does the same.
        """
        return max(0, self.score_bits - 12 - ((1 << self.shift_bits) >> 2))

    @property
    def shift_most(self) -> int:
        """The largest f, at most 31: at that a score of up to 31 bits is below 1."""
        return min(self.shift_least + (1 << self.shift_bits) - 1, _LARGEST_SHIFT)

    @property
    def logit_fraction_bits(self) -> int:
        """Fraction bits of a base-2 logit while it is summed up: all of them, at any f."""
        return max(self.shift_most, self.fraction_bits)

    @property
    def logit_bits(self) -> int:
        """Bits of a base-2 logit while it is summed up: none is lost, at any f."""
        return self.score_bits - self.shift_least + self.logit_fraction_bits

    @property
    def product_bits(self) -> int:
        """Bits of ``q k`` and of ``e v``, signed."""
        return max(self.q_bits - 1, self.mantissa_bits) + self.kv_bits

    @property
    def sum_bits(self) -> int:
        """Bits of a sum of mantissas or of their products with values, signed.

        Rounding lets no sum grow in magnitude. So ``keys`` times the largest term bound it.
        """
        return self.sum_bits_of(self.keys)

    def sum_bits_of(self, keys: int) -> int:
        """Bits of a sum over so many keys, signed."""
        term = ((1 << self.mantissa_bits) - 1) << self.kv_bits - 1 + self.guard_bits
        return (keys * term).bit_length() + 1

"""Base-2 exponential of a fraction: straight lines, whose one product is another unit's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Const, Module, Mux, Signal, Value

__all__ = ["HW8_LINES", "HW12_LINES", "ExponentialLines"]


@dataclass(frozen=True)
class ExponentialLines:
    """``e = min((start[s] * 2^start_shift + slope[s] * o) >> drop, 2^mantissa_bits - 1)``.

    That is ``2^(fr / 2^fraction_bits)`` with ``mantissa_bits - 1`` fraction bits. The segment
    ``s`` is the upper bits of ``fr``, the offset ``o`` those below. ``start`` is the intercept and
    half a unit of ``e``, so that dropping bits rounds.

    Parameters
    ----------
    mantissa_bits
        Bits of ``e``, at least 4.
    fraction_bits
        Bits of ``fr``.
    intercepts, slopes
        Of each segment, 2, 4, 8, 16 or 32 of them. Slopes have ``mantissa_bits + 2 -
        segment_bits`` fraction bits, intercepts 3 more.

    Raises
    ------
    ValueError
        Parameters do not fit one another, or a mantissa is not in 1 to 2: below
        ``2^(mantissa_bits - 1)`` or above ``2^mantissa_bits``.
    """

    mantissa_bits: int
    fraction_bits: int
    intercepts: tuple[int, ...]
    slopes: tuple[int, ...]

    def __post_init__(self) -> None:
        segments = len(self.intercepts)
        if segments not in (2, 4, 8, 16, 32) or len(self.slopes) != segments:
            raise ValueError(
                f"intercepts and slopes must be 2, 4, 8, 16 or 32 of each, not {segments} and "
                f"{len(self.slopes)}"
            )
        if self.mantissa_bits < 4:
            raise ValueError(f"mantissa_bits must be at least 4, not {self.mantissa_bits}")
        if self.offset_bits < 1:
            raise ValueError(
                f"fraction_bits must be above {self.segment_bits}, not {self.fraction_bits}"
            )
        low, high = 1 << self.mantissa_bits - 1, 1 << self.mantissa_bits
        ends = [
            line >> self.drop
            for start, slope in zip(self.starts, self.slopes, strict=True)
            for line in (
                start << self.start_shift,
                (start << self.start_shift) + slope * ((1 << self.offset_bits) - 1),
            )
        ]
        if min(self.slopes) < 0 or min(ends) < low or max(ends) > high:
            raise ValueError(
                f"mantissas must rise within {low} to {high}, not {min(ends)} to {max(ends)}"
            )

    @property
    def segment_bits(self) -> int:
        return len(self.intercepts).bit_length() - 1

    @property
    def offset_bits(self) -> int:
        return self.fraction_bits - self.segment_bits

    @property
    def slope_bits(self) -> int:
        return max(self.slopes).bit_length()

    @property
    def start_shift(self) -> int:
        """Fraction bits that a product has more than an intercept."""
        return self.fraction_bits - 3

    @property
    def drop(self) -> int:
        """Fraction bits that a product has more than a mantissa."""
        return self.fraction_bits + 3 - self.segment_bits

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Intercepts that round; all bits of a product below them are 0."""
        half = 1 << self.drop - 1 - self.start_shift
        return tuple(intercept + half for intercept in self.intercepts)

    @property
    def start_bits(self) -> int:
        return max(self.starts).bit_length()

    def start(self, m: Module, segment: Value) -> Signal:
        """Look up what to add to ``slope * offset``, ``start_shift`` bits up."""
        return _lookup(m, "start", self.start_bits, segment, self.starts)

    def slope(self, m: Module, segment: Value) -> Signal:
        """Look up the factor of the offset."""
        return _lookup(m, "slope", self.slope_bits, segment, self.slopes)

    def mantissa(self, line: Value) -> Value:
        """Return the mantissa from a point of the line, product and start added up."""
        whole = line[self.drop : self.drop + self.mantissa_bits + 1]
        return whole[:-1] | whole[-1].replicate(self.mantissa_bits)


def _lookup(m: Module, name: str, width: int, index: Value, entries: Sequence[int]) -> Signal:
    # Multiplexers, since a switch would become a memory in the Verilog.
    level: list[Value] = [Const(entry, width) for entry in entries]
    for bit in index:
        level = [Mux(bit, odd, even) for even, odd in zip(level[::2], level[1::2], strict=True)]
    entry = Signal(width, name=name)
    m.d.comb += entry.eq(level[0])
    return entry


HW8_LINES = ExponentialLines(
    8, 10, (1023, 1116, 1217, 1327, 1447, 1578, 1721, 1877),
    (93, 101, 110, 120, 131, 143, 157, 170),
)  # fmt: skip
"""Of the brief, section 4.3: relative error within 0.41 %, monotone."""

HW12_LINES = ExponentialLines(
    13, 13,
    (16382, 17108, 17865, 18656, 19482, 20344, 21245, 22185,
     23168, 24193, 25265, 26383, 27551, 28771, 30045, 31374),
    (1450, 1513, 1581, 1651, 1724, 1802, 1881, 1965,
     2049, 2143, 2236, 2336, 2440, 2547, 2659, 2780),
)  # fmt: skip
"""Of the brief, section 4.3: relative error within 0.024 %, monotone."""

"""The rules of the datapath in Python integers, from the brief alone; and formats for both sides.

That makes three: hardware, golden model and this loop, each written on its own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from gatewright.golden.salo.formats import HW8, HW12, Format
from gatewright.hw.salo.exponential import HW8_LINES, HW12_LINES, ExponentialLines
from gatewright.hw.salo.parameters import DatapathParameters

FORMATS: dict[str, tuple[Format, ExponentialLines]] = {
    "hw8": (HW8, HW8_LINES), "hw12": (HW12, HW12_LINES),
}  # fmt: skip


def datapath(name: str, **options: int) -> DatapathParameters:
    """Hardware parameters of a format of the golden model."""
    fmt, lines = FORMATS[name]
    return DatapathParameters(
        q_bits=fmt.q_bits, kv_bits=fmt.kv_bits, lines=lines, guard_bits=fmt.guard_bits,
        exp_bits=fmt.exp_bits, **options,
    )  # fmt: skip


def rounded_shift(x: int, s: int) -> int:
    return x if s == 0 else (x + (1 << s - 1)) >> s


def mantissa(lines: ExponentialLines, fraction: int) -> int:
    """As the brief writes it, with the clip."""
    segment, offset = divmod(fraction, 1 << lines.offset_bits)
    line = (lines.intercepts[segment] << lines.start_shift) + lines.slopes[segment] * offset
    low = 1 << lines.mantissa_bits - 1
    return min(max((line + (1 << lines.drop - 1)) >> lines.drop, low), 2 * low - 1)


@dataclass
class Sums:
    """(m, l, num); m is None where no key has counted."""

    maximum: int | None
    total: int
    numerators: list[int]
    saturated: bool = False

    def added(self, other: Sums) -> Sums:
        """Merge other sums into these."""
        if other.maximum is None:
            return self
        if self.maximum is None:
            return Sums(other.maximum, other.total, other.numerators, other.saturated)
        top = max(self.maximum, other.maximum)
        mine, others = top - self.maximum, top - other.maximum
        return Sums(
            top,
            rounded_shift(self.total, mine) + rounded_shift(other.total, others),
            [
                rounded_shift(a, mine) + rounded_shift(b, others)
                for a, b in zip(self.numerators, other.numerators, strict=True)
            ],
            self.saturated or other.saturated,
        )


def empty(dv: int) -> Sums:
    return Sums(None, 0, [0] * dv)


def one_key(p: DatapathParameters, f: int, q: list[int], k: list[int], v: list[int]) -> Sums:
    """The sums of a single pair."""
    score = sum(a * b for a, b in zip(q, k, strict=True))
    fraction_bits = p.fraction_bits
    if f <= fraction_bits:
        logit = score << fraction_bits - f
    else:
        logit = rounded_shift(score, f - fraction_bits)
    octave, fraction = divmod(logit, 1 << fraction_bits)
    limit = 1 << p.exp_bits - 1
    fitting = min(max(octave, -limit), limit - 1)
    e = mantissa(p.lines, fraction) << p.guard_bits
    return Sums(fitting, e, [e * each for each in v], fitting != octave)


def operand(rng: random.Random, bits: int) -> int:
    """A symmetric operand, extremes often."""
    top = (1 << bits - 1) - 1
    return rng.choice((top, -top, 0, rng.randint(-top, top), rng.randint(-top, top)))

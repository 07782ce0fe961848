"""Compare and subtract, alone and balanced with tables (ALLMod)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from .model import Model, Table, groups, within

__all__ = ["HybridModel", "RestoringModel"]


@dataclass(frozen=True, kw_only=True)
class RestoringModel(Model):
    """``if V >= M 2^i: V -= M 2^i`` for i from W - n down to 0."""

    def stages(self, x: int) -> int:
        return self._restore(x, self.largest)

    def _restore(self, value: int, bound: int, stop: int = 0) -> int:
        """Subtract from the largest shift that ``bound`` asks for, down to ``stop``."""
        shift = _top_shift(bound, self.modulus)
        within("value to restore", value, bound)
        while shift >= stop:
            weight = self.modulus << shift
            within("restored value", value, 2 * weight - 1)
            value = value - weight if value >= weight else value
            shift -= 1
        return value


def _top_shift(bound: int, modulus: int) -> int:
    """The least i with ``bound < M 2^(i+1)``; -1 if nothing must be subtracted."""
    shift = -1
    while bound >= modulus << shift + 1:
        shift += 1
    return shift


@dataclass(frozen=True, kw_only=True)
class HybridModel(RestoringModel):
    """High bits by tables and accumulation, low bits by subtraction; then both are fused.

    The best split gives both workloads the same number of cycles (ALLMod, DAC 2025).

    Parameters
    ----------
    split
        m: the low n + m bits are iterated on, 0..W - n.
    group_bits
        k, bits per table.
    fuse
        ``early``: the sum of the tables is added before any subtraction; ``mid``: as soon as what
        is left is no larger than it; ``late``: both are reduced and then added.
    """

    split: int
    group_bits: int = 2
    fuse: Literal["early", "mid", "late"] = "mid"

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Tables of the groups of ``X >> (n + m)``."""
        above = self.bits + self.split
        return groups(self.modulus, above, self.largest >> above, self.group_bits)

    @cached_property
    def accumulated(self) -> int:
        """Largest sum of the tables."""
        return sum(table.largest for table in self.tables)

    @cached_property
    def fuse_shift(self) -> int:
        """f: the least with ``accumulated <= M 2^f``."""
        shift = 0
        while self.accumulated > self.modulus << shift:
            shift += 1
        return shift

    def stages(self, x: int) -> int:
        above = self.bits + self.split
        low, low_bound = x & ((1 << above) - 1), min(self.largest, (1 << above) - 1)
        total = 0
        for table in self.tables:
            total += table[x >> table.shift & ((1 << self.group_bits) - 1)]
        within("sum of tables", total, self.accumulated)
        if self.fuse == "early":
            return self._restore(low + total, low_bound + self.accumulated)
        if self.fuse == "late":
            both = self._restore(low, low_bound) + self._restore(total, self.accumulated)
            return self._restore(both, 2 * self.modulus - 2)
        shift = self.fuse_shift
        left = self._restore(low, low_bound, shift)
        fused = within("sum at the fuse", left + total, (self.modulus << shift + 1) - 1)
        return self._restore(fused, (self.modulus << shift + 1) - 1)

"""The parallel table method: residues of bit groups are added, and the sum is folded."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

from .model import Model, Table, correct, groups, within

__all__ = ["LutModel"]


@dataclass(frozen=True, kw_only=True)
class LutModel(Model):
    """``S = X mod 2^n + sum of T_j[group j]``; while S is long its top is looked up again.

    Parameters
    ----------
    group_bits
        k, bits of X per table.
    fold_bits
        Bits per table of a fold.
    last_bits
        Most bits above n - 1 that the table of the correction takes.
    """

    group_bits: int = 4
    fold_bits: int = 4
    last_bits: int = 4

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Tables of the groups of ``X >> n``."""
        return groups(self.modulus, self.bits, self.largest >> self.bits, self.group_bits)

    @cached_property
    def folds(self) -> tuple[tuple[int, tuple[Table, ...]], ...]:
        """Of each fold: the largest sum before it, and its tables; the last has no tables.

        A fold turns a sum up to B into two low parts and an entry of each table::

            B' = 2 (2^(n-1) - 1) + sum of max F
        """
        split = self.bits - 1
        bound = min(self.largest, (1 << self.bits) - 1)
        bound += sum(table.largest for table in self.tables)
        made = []
        while (bound >> split).bit_length() > self.last_bits:
            tables = groups(self.modulus, split, bound >> split, self.fold_bits)
            made.append((bound, tables))
            bound = 2 * ((1 << split) - 1) + sum(table.largest for table in tables)
        return (*made, (bound, ()))

    def stages(self, x: int) -> int:
        total = x & ((1 << self.bits) - 1)
        for at, table in enumerate(self.tables):
            v = x >> self.bits + at * self.group_bits
            total += table[v & ((1 << self.group_bits) - 1)]
        split, mask = self.bits - 1, (1 << self.bits - 1) - 1
        rng = random.Random(x)
        for number, (bound, tables) in enumerate(self.folds):
            within(f"sum before fold {number}", total, bound)
            if not tables:
                break
            # A carry-save sum of numbers that are not negative: its two rows split the total in
            # some way, and the carry out of the low parts stays there. Any split must do.
            row = rng.randint(0, total)
            high = (row >> split) + (total - row >> split)
            within("top of the fold", high, bound >> split)
            total = (row & mask) + (total - row & mask)
            for at, table in enumerate(tables):
                total += table[high >> at * self.fold_bits & ((1 << self.fold_bits) - 1)]
        return correct(total, bound, self.modulus)

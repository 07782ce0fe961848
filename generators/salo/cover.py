"""Covers: the pairs of one block of queries shared out among units.

A unit is what one segment does in one tile. Two kinds are enough (brief section 5.1):

- a **band** of Cs neighbouring diagonals: port p carries token `base + step * p`;
- a **circulant** of up to Cs keys u: port p carries `u[p mod Cs]`, and every row meets every key.

A cover gives each pair to one unit. How many units it takes is what matters; which of their pairs
are then gathered is decided in :mod:`.block`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockPairs", "Cover", "covers"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BlockPairs:
    """The allowed pairs of a block.

    Attributes
    ----------
    queries
        int64 [R]: the query of each row, -1 where there is none.
    row, key
        int64 [pairs], sorted by row and then key.
    """

    queries: Integers
    row: Integers
    key: Integers

    def progression(self) -> tuple[int, int] | None:
        """Base and step if the query of each row i is `base + step * i`, holes aside."""
        rows = np.flatnonzero(self.queries >= 0)
        if len(rows) < 2:
            return (int(self.queries[rows[0]] - rows[0]), 1) if len(rows) else None
        step, rest = divmod(
            int(self.queries[rows[-1]] - self.queries[rows[0]]), int(rows[-1] - rows[0])
        )
        base = int(self.queries[rows[0]]) - step * int(rows[0])
        if rest or step < 1 or (self.queries[rows] != base + step * rows).any():
            return None
        return base, step


@dataclass(frozen=True, eq=False)
class Cover:
    """Units that hold each pair of a block once. Bands come first.

    Attributes
    ----------
    unit
        int64 [pairs]: the unit of each pair.
    place
        int64 [pairs]: in a band the column, in a circulant the place of the key in its list.
    bases
        int64 [bands]: token of port 0.
    step
        Step of the tokens of all bands.
    keys
        int64: the lists of all circulants, Cs keys each but for the last one.
    count
        Units.
    """

    unit: Integers
    place: Integers
    bases: Integers
    step: int
    keys: Integers
    count: int


def covers(pairs: BlockPairs, width: int) -> Iterator[Cover]:
    """Yield covers by units of `width` columns, likely good ones first.

    Bands need queries in arithmetic progression. Where they are, the used offsets fall apart into
    stretches, and each stretch is taken by bands or by circulants, whichever needs fewer units
    (a window by bands, global keys and random blocks by circulants); then everything by bands, and
    everything by circulants.
    """
    progression = pairs.progression()
    if progression is not None:
        diagonals = _Diagonals.of(pairs, progression[1], width)
        by_band = diagonals.worth_a_band()
        if not by_band.all():
            yield diagonals.cover(by_band[diagonals.stretch])
        yield diagonals.cover(np.ones(len(pairs.key), np.bool_))
    yield _circulants(pairs, width)


@dataclass(frozen=True, eq=False)
class _Diagonals:
    """Pairs by the diagonal they stand on: token of row i on diagonal d is `d + step * i`.

    `slot` numbers diagonals so that neighbours of one residue are neighbours, with at least `width`
    between residues; `used` has the slots that occur, `at` the place in it of each pair.
    """

    pairs: BlockPairs
    width: int
    step: int
    origin: int
    length: int
    used: Integers
    at: Integers

    @classmethod
    def of(cls, pairs: BlockPairs, step: int, width: int) -> _Diagonals:
        diagonal = pairs.key - step * pairs.row
        origin = int(diagonal.min()) if len(diagonal) else 0
        slot = diagonal - origin
        length = 0
        if step > 1:
            along, residue = np.divmod(slot, step)
            length = int(along.max(initial=0)) + 1 + width
            slot = residue * length + along
        present = np.bincount(slot) > 0
        used = np.flatnonzero(present)
        at = (np.cumsum(present) - 1)[slot]
        return cls(pairs, width, step, origin, length, used, at)

    @property
    def stretch(self) -> Integers:
        """The stretch of each pair: diagonals with gaps of less than a unit."""
        return self._stretches()[self.at]

    def _stretches(self) -> Integers:
        return np.concatenate([[0], np.cumsum(np.diff(self.used) >= self.width)])

    def worth_a_band(self) -> NDArray[np.bool_]:
        """For each stretch, whether bands need no more columns than its keys would."""
        stretches = self._stretches()
        count = int(stretches[-1]) + 1
        bands = np.bincount(stretches[self._starts(self.used)], minlength=count)
        key = self.pairs.key - self.pairs.key.min()
        present = np.bincount(key) > 0
        rank = (np.cumsum(present) - 1)[key]
        needed = np.zeros((count, int(present.sum())), np.bool_)
        needed[self.stretch, rank] = True
        worth: NDArray[np.bool_] = bands * self.width <= needed.sum(axis=1)
        return worth

    def _starts(self, used: Integers) -> list[int]:
        """Places in `used` where bands start: the fewest that hold all slots."""
        slots = used.tolist()
        starts = []
        end = -1
        for place, slot in enumerate(slots):
            if slot >= end:
                starts.append(place)
                end = slot + self.width
        return starts

    def cover(self, by_band: NDArray[np.bool_]) -> Cover:
        """Return the cover whose bands take the pairs chosen, and circulants the others."""
        chosen = np.zeros(len(self.used), np.bool_)
        chosen[self.at[by_band]] = True
        used = self.used[chosen]
        begin = used[self._starts(used)] if len(used) else used
        band = np.searchsorted(begin, self.used, side="right") - 1
        unit = band[self.at]
        start = begin[unit] if len(begin) else np.zeros_like(unit)
        place = self.width - 1 - (self.used[self.at] - start)
        if self.step > 1:
            residue, along = np.divmod(begin, self.length)
            bases = self.origin + residue + along * self.step
        else:
            bases = self.origin + begin
        if by_band.all():
            return Cover(unit, place, bases, self.step, np.zeros(0, np.int64), len(begin))
        rest = ~by_band
        rank, keys = _ranked(self.pairs.key[rest])
        unit[rest] = len(begin) + rank // self.width
        place[rest] = rank % self.width
        count = len(begin) + -(-len(keys) // self.width)
        return Cover(unit, place, bases, self.step, keys, count)


def _circulants(pairs: BlockPairs, width: int) -> Cover:
    rank, keys = _ranked(pairs.key)
    none = np.zeros(0, np.int64)
    return Cover(rank // width, rank % width, none, 1, keys, -(-len(keys) // width))


def _ranked(key: Integers) -> tuple[Integers, Integers]:
    """Rank of each pair's key, and the keys in that order: those that most rows need first.

    The last units are then the lightest, which can be gathered.
    """
    if not len(key):
        return key, key
    low = int(key.min())
    load = np.bincount(key - low)
    present = np.flatnonzero(load)
    order = present[np.argsort(-load[present], kind="stable")]
    rank = np.empty(len(load), np.int64)
    rank[order] = np.arange(len(order))
    return rank[key - low], order + low

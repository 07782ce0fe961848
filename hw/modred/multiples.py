"""Odd multiples of one number, shared by all digits of a constant that it is multiplied by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Multiple", "Multiples"]


@dataclass(frozen=True)
class Multiple:
    """``value = first * 2^shift ± second`` times the number, or second - first * 2^shift."""

    value: int
    level: int
    first: int = 0
    shift: int = 0
    second: int = 0
    subtracts: bool = False
    reverses: bool = False


@dataclass(frozen=True)
class Multiples:
    """How to build odd multiples of a number with one addition or subtraction each.

    Parameters
    ----------
    wanted
        Odd positive factors.
    """

    wanted: frozenset[int]

    @classmethod
    def of(cls, digits: Iterable[tuple[int, int]]) -> Multiples:
        """The multiples that the signed digits of a constant ask for."""
        return cls(frozenset(abs(digit) for digit, _ in digits))

    @cached_property
    def built(self) -> tuple[Multiple, ...]:
        """All multiples but 1, each after what it is made from.

        Below 128 there are at most four non-zero digits, so two levels are enough.
        """
        known = {1: Multiple(1, 0)}
        missing = set(self.wanted) - {1}
        while missing:
            options = [made for value in missing for made in _sums(value, known)]
            if not options:
                missing |= _halves(min(missing))
                continue
            made = min(options, key=lambda each: (each.level, each.value))
            known[made.value] = made
            missing.discard(made.value)
        return tuple(list(known.values())[1:])

    @property
    def levels(self) -> int:
        """Adders on the longest path."""
        return max((made.level for made in self.built), default=0)

    def bits(self, largest: int, wanted: Mapping[int, int]) -> dict[int, int]:
        """Width of each multiple of a number up to ``largest``.

        ``wanted`` has how many low bits of a multiple are used; what it is made from needs no
        more.
        """
        needed = dict(wanted)
        for made in reversed(self.built):
            bits = needed[made.value]
            needed[made.first] = max(needed.get(made.first, 0), bits - made.shift)
            needed[made.second] = max(needed.get(made.second, 0), bits)
        return {
            value: min(bits, (value * largest).bit_length()) for value, bits in needed.items()
        }

    @staticmethod
    def name(number: str, value: int) -> str:
        """Name of a multiple of ``number``."""
        return number if value == 1 else f"{number}_{value}"


def _sums(value: int, known: dict[int, Multiple]) -> list[Multiple]:
    """Every way to make ``value`` from two known multiples; the shifted one is the first."""
    found = []
    for second in known:
        for rest, subtracts, reverses in (
            (value - second, False, False), (value + second, True, False),
            (second - value, True, True),
        ):
            if rest <= 0:
                continue
            shift = (rest & -rest).bit_length() - 1
            first = rest >> shift
            if shift and first in known:
                level = max(known[first].level, known[second].level) + 1
                found.append(Multiple(value, level, first, shift, second, subtracts, reverses))
    return found


def _halves(value: int) -> set[int]:
    """The two lowest signed digits of ``value``, and the rest, as odd multiples."""
    low, position = 0, 0
    for _ in range(2):
        rest = value - low
        position = (rest & -rest).bit_length() - 1
        low += (2 - (rest >> position & 3)) << position
    rest = abs(value - low)
    return {abs(low), rest // (rest & -rest)} - {1}

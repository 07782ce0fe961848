"""What the integer models of all reducers share: exact bounds, and the last correction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache

__all__ = ["Model", "Table", "correct", "groups", "within"]


def within(stage: str, value: int, bound: int) -> int:
    """Return ``value``.

    Raises
    ------
    AssertionError
        If it is negative or above ``bound``: the line names the stage.
    """
    if not 0 <= value <= bound:
        raise AssertionError(f"{stage} must be from 0 to {bound:#x}, not {value:#x}")
    return value


@dataclass(frozen=True)
class Table:
    """Residues ``T[v] = v 2^shift mod M`` for ``0 <= v <= last``: those that can be asked for."""

    modulus: int
    shift: int
    last: int

    def __getitem__(self, v: int) -> int:
        within("table index", v, self.last)
        return within("table entry", self._weight * v % self.modulus, self.largest)

    @cached_property
    def _weight(self) -> int:
        return pow(2, self.shift, self.modulus)

    @cached_property
    def largest(self) -> int:
        """The largest entry, not M - 1: all later bounds follow from it."""
        return max(self._weight * v % self.modulus for v in range(self.last + 1))


def groups(modulus: int, shift: int, largest: int, bits: int) -> tuple[Table, ...]:
    """Tables for the groups of ``bits`` bits of a number up to ``largest``, worth ``2^shift``."""
    return tuple(
        Table(modulus, shift + at, min((1 << bits) - 1, largest >> at))
        for at in range(0, largest.bit_length(), bits)
    )


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """An integer model of a reducer of X < 2^W modulo M.

    Parameters
    ----------
    modulus
        M, at least 2.
    width
        W, at least 1.
    """

    modulus: int
    width: int

    @property
    def bits(self) -> int:
        """n, with 2^(n-1) <= M < 2^n."""
        return self.modulus.bit_length()

    @property
    def largest(self) -> int:
        """The largest operand."""
        return (1 << self.width) - 1

    @property
    def factor(self) -> int:
        """The model computes ``X factor mod M``."""
        return 1

    @abstractmethod
    def stages(self, x: int) -> int:
        """Follow the hardware's stages, each held to its bound; give the residue."""

    def reduce(self, x: int) -> int:
        """Return ``x factor mod M``.

        Raises
        ------
        AssertionError
            If a stage exceeds its bound, or the residue is not canonical.
        """
        within("operand", x, self.largest)
        return within("residue", self.stages(x), self.modulus - 1)


@lru_cache(maxsize=64)
def _corrections(modulus: int, shift: int, last: int) -> Table:
    return Table(modulus, shift, last)


def correct(value: int, bound: int, modulus: int, *, entries: int | None = None) -> int:
    """Reduce a sum that is at most ``bound``: one look-up and one conditional subtraction.

    With ``h = R >> (n-1)`` and ``l = R mod 2^(n-1)``::

        l + (h 2^(n-1) mod M) <= (2^(n-1) - 1) + (M - 1) < 2 M        as 2^(n-1) <= M

    Parameters
    ----------
    entries
        Of the table, if not those that ``bound`` asks for.
    """
    split = modulus.bit_length() - 1
    table = _corrections(modulus, split, (bound >> split) if entries is None else entries - 1)
    within("sum before correction", value, bound)
    low = value & ((1 << split) - 1)
    once = within(
        "sum before subtraction", low + table[value >> split],
        min((1 << split) - 1 + table.largest, 2 * modulus - 1),
    )  # fmt: skip
    return once - modulus if once >= modulus else once

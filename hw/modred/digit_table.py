"""Residues of one digit, in the ranges and signs that serial reducers want."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .reducer import ReducerParameters, Table

__all__ = ["DigitTable", "check_odd"]


@dataclass(frozen=True)
class DigitTable(Table):
    """Residues ``v * 2^shift mod M`` of an index, each less M if ``negative`` (0 stays 0).

    ``signed``: the index is two's complement, so the upper half of the addresses is below zero.
    """

    signed: bool = False
    negative: bool = False

    @cached_property
    def values(self) -> tuple[int, ...]:
        """All entries."""
        weight = pow(2, self.shift, self.modulus)
        below = self.entries // 2 if self.signed else self.entries
        residues = (
            (v if v < below else v - self.entries) * weight % self.modulus
            for v in range(self.entries)
        )
        return tuple(r - self.modulus if self.negative and r else r for r in residues)

    def __getitem__(self, v: int) -> int:
        return self.values[v]

    @property
    def largest(self) -> int:
        """Largest magnitude of an entry."""
        return max(map(abs, self.values))


def check_odd(p: ReducerParameters) -> None:
    """Raise ValueError unless M is odd, and no wider than the operand: the rest needs no tables."""
    if p.modulus % 2 == 0:
        raise ValueError(f"modulus must be odd, not {p.modulus}")
    if p.width < p.modulus_bits:
        raise ValueError(f"width must be at least {p.modulus_bits} for this modulus, not {p.width}")

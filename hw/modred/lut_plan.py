"""Which groups of bits a table reducer looks up, and what each sum can be at most."""

from __future__ import annotations

from dataclasses import dataclass

from .adder_tree import Row
from .reducer import Style, Table

__all__ = ["Fold", "Group", "plan_folds"]


@dataclass(frozen=True)
class Group:
    """Bits ``position … position + bits - 1`` of a number, and the residue of each value.

    ``row`` is what is looked up: its low bits that are 0 in every entry are in its shift.
    """

    position: int
    bits: int
    contents: tuple[int, ...]
    row: Row

    @property
    def entries(self) -> tuple[int, ...]:
        """Contents without the zeros that are in the shift of the row."""
        return tuple(entry >> self.row.shift for entry in self.contents)


@dataclass(frozen=True)
class Fold:
    """Replace the bits of a number from ``cut`` on by the sum of the residues of their groups.

    Attributes
    ----------
    largest
        Of the number before.
    kept
        Bounds of the rows that hold the bits below ``cut``: one, or two in carry-save form.
    groups
        What is looked up.
    """

    modulus: int
    largest: int
    cut: int
    kept: tuple[int, ...]
    groups: tuple[Group, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The bits that are kept, then the residues."""
        kept = tuple(Row(0, bound) for bound in self.kept)
        return kept + tuple(group.row for group in self.groups)

    @property
    def bound(self) -> int:
        """Largest sum, from the largest entry of each table."""
        return sum(row.largest << row.shift for row in self.rows)

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(
            Table(self.modulus, group.position, len(group.contents)) for group in self.groups
        )


def _fold(
    modulus: int, largest: int, cut: int, group_bits: int, redundant: bool
) -> Fold:
    upper = largest >> cut
    groups: list[Group] = []
    weight = pow(2, cut, modulus)
    while upper >> len(groups) * group_bits:
        rest = upper >> len(groups) * group_bits
        bits = min(group_bits, rest.bit_length())
        entries = min(1 << bits, rest + 1)
        contents = tuple(value * weight % modulus for value in range(entries))
        if any(contents):
            used = 0
            for entry in contents:
                used |= entry
            shift = (used & -used).bit_length() - 1
            row = Row(shift, max(contents) >> shift)
            groups.append(Group(cut + len(groups) * group_bits, bits, contents, row))
        weight = (weight << group_bits) % modulus
    full = (1 << cut) - 1
    # In carry-save form each of the two rows can fill the bits that are kept, but not more than
    # the number itself.
    kept = (min(full, largest),) * (2 if redundant else 1)
    return Fold(modulus, largest, cut, kept, tuple(groups))


def plan_folds(
    modulus: int, largest: int, group_bits: int, fold_bits: int, style: Style
) -> tuple[Fold, ...]:
    """Return the folds that take X up to ``largest`` below ``2^(n-1+fold_bits)``.

    Parameters
    ----------
    modulus
        M, odd, n bits.
    largest
        Largest X.
    group_bits
        Address bits of the tables of the first fold, k.
    fold_bits
        Address bits of the tables of the others; the last step looks up as many at most, if that
        can be reached.
    style
        With compressors the number between folds is two rows; only the bits that are looked up
        are added.

    Notes
    -----
    There is no fold if the last step can take X. The first one keeps n bits, or down to n - 1 where
    that costs no table. Those after it keep as many bits as leave a sum that the last step can
    take: few bits to look up, hence few tables.
    """
    n = modulus.bit_length()
    goal = n - 1 + fold_bits
    folds: list[Fold] = []
    bits = largest.bit_length()
    if bits > goal and largest >= 2 * modulus:
        groups = -(-(bits - n) // group_bits)
        cut = max(n - 1, bits - groups * group_bits)
        folds.append(_fold(modulus, largest, cut, group_bits, False))
        largest = folds[-1].bound
    redundant = style is Style.COMPRESSOR
    while folds and largest.bit_length() > goal:
        options = [
            _fold(modulus, largest, cut, fold_bits, redundant)
            for cut in range(n - 1, largest.bit_length())
        ]
        best = min(
            options,
            key=lambda fold: (max(fold.bound.bit_length(), goal), len(fold.groups), -fold.cut),
        )
        if best.bound.bit_length() >= largest.bit_length():
            break
        folds.append(best)
        largest = best.bound
    return tuple(folds)

"""Slots before they have an offset, and instructions on them."""

from __future__ import annotations

from dataclasses import dataclass

from ....golden.gnn.fixed import Multiplier
from ....hw.gnn.instruction import ElementType, Opcode, Space
from ....hw.gnn.parameters import GnnParameters
from .ir import BITS

__all__ = ["Cell", "Step", "elements_per_word", "words_of"]


@dataclass(eq=False)
class Cell:
    """Room for a value in each row of a space.

    Attributes
    ----------
    space, type, elements, name
        As in the slot; weights have K elements, and `columns`.
    words
        Words of a row.
    base, word
        The cell that this is a part of, and from which of its words; None for one of its own.
    offset
        Where it is, once it is known; of parts, see `place`.
    """

    space: Space
    type: ElementType
    elements: int
    words: int
    name: str
    columns: int = 0
    base: Cell | None = None
    word: int = 0
    offset: int = 0

    @property
    def root(self) -> Cell:
        """The cell of its own that this is a part of."""
        cell = self
        while cell.base is not None:
            cell = cell.base
        return cell

    @property
    def place(self) -> int:
        """Offset of its first word."""
        cell, word = self, 0
        while cell.base is not None:
            word += cell.word
            cell = cell.base
        return cell.offset + word


@dataclass(eq=False)
class Step:
    """An instruction on cells, with numbers where tables will have an index."""

    op: Opcode
    d: Cell | None = None
    a: Cell | None = None
    b: Cell | None = None
    c: Cell | None = None
    r: Cell | None = None
    scalar: bool = False
    tensor: str | None = None
    by: Multiplier | None = None
    k: int = 0
    flags: int = 0
    imm: int = 0

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Its operands."""
        found = (self.d, self.a, self.b, self.c, self.r)
        return tuple(each for each in found if each is not None)


def elements_per_word(space: Space, type_: ElementType, p: GnnParameters) -> int:
    """Return the elements of a word."""
    if space is Space.ACCUMULATOR:
        return int(p.lanes)
    return int(p.word_bits) // BITS[type_]


def words_of(space: Space, type_: ElementType, elements: int, p: GnnParameters) -> int:
    """Return the words of a row."""
    if space is Space.LOCAL and type_ is ElementType.I32:
        # A single constant, in a word of its own.
        return 1
    return -(-elements // elements_per_word(space, type_, p))

"""Instructions for values on vertices: rows of a chunk, or of a shard's sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from ....errors import InputError
from ....golden.gnn.fixed import Multiplier
from ....hw.gnn.instruction import FLAG_ONE, FLAG_RELU, ElementType, Opcode, Space
from ....hw.gnn.parameters import GnnParameters
from .cells import Cell, Step, elements_per_word, words_of
from .constants import Tables
from .ir import (
    Broadcast,
    Concat,
    Elementwise,
    MatMul,
    Reciprocal,
    RowScale,
    Slice,
    Value,
)

__all__ = ["SAME", "RowCode"]

SAME = Multiplier(1, 0)
"""RQ by this copies, and saturates."""


class RowCode(ABC):
    """Code of a task; rows live in local memory, where a task finds nothing at its start.

    Attributes
    ----------
    steps
        The code so far.
    """

    def __init__(self, p: GnnParameters, tables: Tables, tensor: Callable[[Value], str]) -> None:
        self.p, self.tables, self._tensor = p, tables, tensor
        self.steps: list[Step] = []
        self._local: dict[Value, Cell] = {}
        self._homes: dict[Value, Cell] = {}
        self._blocks: dict[Concat, Cell] = {}

    def cell(self, space: Space, type_: ElementType, elements: int, name: str) -> Cell:
        """Return a new cell."""
        words = words_of(space, type_, elements, self.p)
        return Cell(space, type_, elements, words, name)

    def plan(self, value: Value) -> None:
        """Let the parts of concatenations in a view be made at their place in it."""
        if isinstance(value, Slice):
            self.plan(value.a)
        if isinstance(value, Concat):
            self._plan(value)

    def _plan(self, concat: Concat) -> None:
        for part in concat.parts:
            self.plan(part)
        if concat in self._blocks:
            return
        block = self.cell(Space.LOCAL, concat.type, concat.width, concat.name)
        # Parts that are products write whole tiles.
        whole = -(-concat.width // self.p.lanes) * self.p.lanes
        block.words = words_of(Space.LOCAL, concat.type, whole, self.p)
        self._blocks[concat] = block
        for part, start in zip(concat.parts, concat.starts, strict=True):
            if part not in self._homes and not isinstance(part, Slice | Concat):
                self._homes[part] = self.part(block, start, part.width, part.name)

    def part(self, base: Cell, start: int, elements: int, name: str) -> Cell:
        """Return the cell of columns of a cell.

        Raises
        ------
        InputError
            If they do not begin with a word.
        """
        word, rest = divmod(start, elements_per_word(base.space, base.type, self.p))
        if rest:
            raise InputError(
                f"start of {name} must be a multiple of "
                f"{elements_per_word(base.space, base.type, self.p)}, not {start}"
            )
        words = words_of(base.space, base.type, elements, self.p)
        return Cell(base.space, base.type, elements, words, name, base=base, word=word)

    def home(self, value: Value, *, computed: bool = False) -> Cell:
        """Return a new cell of local memory for a value, and remember it."""
        cell = self._homes.get(value)
        if cell is None:
            cell = self.cell(Space.LOCAL, value.type, value.width, value.name)
            if computed and isinstance(value, MatMul):
                # It writes whole tiles.
                columns = -(-value.width // self.p.columns) * self.p.columns
                cell.words = words_of(Space.LOCAL, value.type, columns, self.p)
        self._local[value] = cell
        return cell

    @abstractmethod
    def operand(self, value: Value, *, local: bool = False) -> Cell:
        """Return where a value is, in local memory if it must be, after code that puts it there."""

    def load(self, value: Value) -> Cell:
        """Return local memory with a value that is in memory."""
        if value not in self._local:
            flags = FLAG_ONE if isinstance(value, Broadcast) else 0
            cell = self.home(value)
            self.steps.append(
                Step(Opcode.LDV, d=cell, tensor=self._tensor(value), flags=flags)
            )
        return self._local[value]

    def copy(self, source: Cell, d: Cell) -> Cell:
        """Return d after code that copies."""
        self.steps.append(Step(Opcode.RQ, d=d, a=source, by=SAME))
        return d

    def view(self, value: Slice | Concat, *, local: bool) -> Cell:
        """Return where a view is."""
        if value in self._local:
            return self._local[value]
        if isinstance(value, Slice):
            base = self.operand(value.a, local=local)
            cell = self.part(base, value.start, value.width, value.name)
            if base.space is not Space.LOCAL:
                return cell
        else:
            self.plan(value)
            cell = self._blocks[value]
            for part, start in zip(value.parts, value.starts, strict=True):
                have = self.operand(part, local=True)
                if have.root is not cell or have.word * elements_per_word(
                    have.space, have.type, self.p
                ) != start:
                    self.copy(have, self.part(cell, start, part.width, part.name))
        self._local[value] = cell
        return cell

    def compute(self, value: Value, d: Cell) -> None:
        """Append the instruction of a value."""
        match value:
            case MatMul():
                a = self.operand(value.a, local=True)
                step = Step(
                    Opcode.MM, d=d, a=a, b=self.tables.matrix(value), by=value.by,
                    imm=self.tables.bias(value), flags=FLAG_RELU if value.relu else 0,
                )  # fmt: skip
            case RowScale():
                a, b = self.operand(value.a), self.operand(value.b)
                flags = FLAG_RELU if value.relu else 0
                step = Step(Opcode.RQROW, d=d, a=a, b=b, k=value.shift, flags=flags)
            case Reciprocal():
                step = Step(Opcode.RECIP, d=d, a=self.operand(value.a))
            case Elementwise():
                step = self.elementwise(value, d, self.operand(value.a), None)
                if value.b is not None:
                    step.b = self.operand(value.b)
            case _:
                raise TypeError(f"no instruction for {type(value).__name__}")
        self.steps.append(step)

    def elementwise(self, value: Elementwise, d: Cell, a: Cell, b: Cell | None) -> Step:
        """Return the instruction of an element-wise operation."""
        flags = FLAG_RELU if value.relu else 0
        flags |= FLAG_ONE if isinstance(value.b, Broadcast) else 0
        imm = value.imm if value.table is None else self.tables.table(value.table)
        return Step(value.op, d=d, a=a, b=b, by=value.by, k=value.shift, flags=flags, imm=imm)

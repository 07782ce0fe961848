"""Code of the phases that run on chunks of an interval's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ....golden.gnn.fixed import EMPTY
from ....hw.gnn.instruction import ElementType, Opcode, Space
from ....hw.gnn.parameters import GnnParameters
from .cells import Cell, Step
from .constants import Tables
from .ir import Concat, Gather, Reduce, Slice, Value
from .rows import RowCode

__all__ = ["ChunkCode"]


class ChunkCode(RowCode):
    """Code of a chunk phase.

    Values of 32 bits are in the accumulators, and so is what outlives the phase.

    Parameters
    ----------
    accumulators
        Cells that earlier phases of the pass left, and where this one puts its own.
    readable
        Whether a value is in memory when the pass begins.
    """

    def __init__(
        self,
        p: GnnParameters,
        tables: Tables,
        tensor: Callable[[Value], str],
        accumulators: dict[Value, Cell],
        readable: Callable[[Value], bool],
    ) -> None:
        super().__init__(p, tables, tensor)
        self._accumulators, self._readable = accumulators, readable

    def operand(self, value: Value, *, local: bool = False) -> Cell:
        if value in self._local:
            return self._local[value]
        if isinstance(value, Slice | Concat):
            return self.view(value, local=local)
        if self._readable(value):
            return self.load(value)
        cell = self._accumulators[value]
        return self.copy(cell, self.home(value)) if local else cell

    def run(self, values: Iterable[Value]) -> None:
        """Append the code of values, arguments first; views are planned before."""
        for value in values:
            if value.type is ElementType.I32:
                self._accumulators[value] = d = self.accumulator(value)
            else:
                d = self.home(value, computed=True)
            self.compute(value, d)

    def accumulator(self, value: Value) -> Cell:
        """Return a new cell of the accumulators."""
        return self.cell(Space.ACCUMULATOR, ElementType.I32, value.width, value.name)

    def keep(self, value: Value) -> None:
        """Put a value into the accumulators, for rounds and later phases."""
        if isinstance(value, Slice):
            self.keep(value.a)
        elif value not in self._accumulators:
            source = self.operand(value)
            self._accumulators[value] = self.copy(source, self.accumulator(value))

    def fill(self, gather: Gather) -> None:
        """Set the start of a reduction."""
        cell = self.accumulator(gather)
        self._accumulators[gather] = cell
        imm = EMPTY if gather.how is Reduce.MAX else 0
        self.steps.append(Step(Opcode.FILL, d=cell, imm=imm))

    def store(self, value: Value, tensor: str) -> None:
        """Write a value to memory."""
        self.steps.append(Step(Opcode.STV, a=self.operand(value, local=True), tensor=tensor))


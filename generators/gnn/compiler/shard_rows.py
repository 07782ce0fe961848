"""Code of the phases that run on shards: rows of sources, the edge chain, reductions.

The chain of EDGE, on each edge and element,

    u = sat16(a + b[dst]);  u = lrelu(u);  u = exp2n(c[dst] - u);  d[e] = u;  r[dst] reduces u

has optional parts. Operators on edges go into one EDGE as long as each follows the one before it
in this order and nothing else needs what is between them; a reduction of the last goes along. A
value that several operators need is written to edge memory once. Other operators work on edge
memory element by element.

Source: brief section 3, steps 3 and 5, and section 6, fused edge chain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ....hw.gnn.instruction import FLAG_MAX, ElementType, Opcode, Space
from ....hw.gnn.parameters import GnnParameters
from ..assembly import edge_immediate
from .cells import Cell, Step
from .constants import Tables
from .dependence import arguments
from .ir import (
    Concat,
    Elementwise,
    Exponential,
    FromDestination,
    FromSource,
    Gather,
    Reduce,
    Slice,
    Value,
)
from .rows import RowCode
from .timestamps import edge_values, source_roots

__all__ = ["ShardCode"]

_ONE = 1 << 15
"""The slope that changes nothing."""


@dataclass(frozen=True)
class _Chain:
    """Operands of EDGE so far."""

    a: Cell | None = None
    b: Cell | None = None
    slope: int = _ONE
    c: Cell | None = None

    @property
    def bare(self) -> bool:
        """Whether it is its operand a."""
        return self.b is None and self.c is None and self.slope == _ONE

    @property
    def begun(self) -> bool:
        """Whether something came after the addition."""
        return self.c is not None or self.slope != _ONE


class ShardCode(RowCode):
    """Code of a round.

    Parameters
    ----------
    accumulators
        Cells of destinations' values and of reductions.
    from_memory
        Whether sources read a value from memory.
    """

    def __init__(
        self,
        p: GnnParameters,
        tables: Tables,
        tensor: Callable[[Value], str],
        accumulators: Mapping[Value, Cell],
        from_memory: Callable[[Value], bool],
    ) -> None:
        super().__init__(p, tables, tensor)
        self._accumulators, self._from_memory = accumulators, from_memory
        self._edges: dict[Value, Cell] = {}
        self._widened: dict[Value, Cell] = {}
        self._uses: Counter[Value] = Counter()
        self._pending: dict[Value, list[Gather]] = {}

    def operand(self, value: Value, *, local: bool = False) -> Cell:
        if value in self._local:
            return self._local[value]
        if isinstance(value, Slice | Concat):
            return self.view(value, local=local)
        if self._from_memory(value):
            return self.load(value)
        cell = self.home(value, computed=True)
        self.compute(value, cell)
        return cell

    def run(self, gathers: Sequence[Gather]) -> None:
        """Append the code of the gathers of a round."""
        values = dict.fromkeys(each for gather in gathers for each in edge_values(gather))
        for each in values:
            self._uses.update(arguments(each))
        for gather in gathers:
            for root in source_roots(gather):
                self._plan_all(root)
            if gather.a.on_edges and not isinstance(gather.a, FromSource):
                self._pending.setdefault(gather.a, []).append(gather)
            if isinstance(gather.scale, Value):
                # More than one: an operand of SPSUM is in edge memory.
                self._uses[gather.scale] += 2
        for gather in gathers:
            if gather.a.on_edges:
                self._reduce(gather)
            else:
                self._gather(gather, gather.a)

    def _plan_all(self, value: Value) -> None:
        self.plan(value)
        if not self._from_memory(value):
            for each in arguments(value):
                self._plan_all(each)

    def _gather(self, gather: Gather, rows: Value) -> None:
        """Reduce rows of sources: nothing is on the edges."""
        d = self._accumulators[gather]
        if rows.type is ElementType.I16:
            flags = FLAG_MAX if gather.how is Reduce.MAX else 0
            a = self.operand(rows, local=True)
            self.steps.append(
                Step(Opcode.EDGE, a=a, r=d, imm=edge_immediate(_ONE), flags=flags)
            )
            return
        b = self._stored(gather.scale) if isinstance(gather.scale, Value) else None
        op = Opcode.SPMAX if gather.how is Reduce.MAX else Opcode.SPSUM
        a = self.operand(rows, local=True)
        scalar = gather.scale is not None and b is None
        self.steps.append(Step(op, d=d, a=a, b=b, scalar=scalar, k=gather.shift))

    def _reduce(self, gather: Gather) -> None:
        """Reduce a value on edges, unless it was already when it was computed."""
        value = gather.a
        if isinstance(value, FromSource):
            # Rows as they are need not go by the edges.
            self._gather(gather, value.a)
            return
        waiting = self._pending[value]
        if gather in waiting and (self._uses[value] or len(waiting) > 1):
            self._stored(value)
        while gather in waiting:
            self._edge(self._chain(value), None, value)

    def _stored(self, value: Value) -> Cell:
        """Return edge memory with a value."""
        if value not in self._edges:
            d = self.cell(Space.EDGE, ElementType.I16, value.width, value.name)
            if isinstance(value, Elementwise) and not self._is_chain(value):
                a = self._stored(value.a)
                b = None if value.b is None else self._stored(value.b)
                self.steps.append(self.elementwise(value, d, a, b))
            else:
                self._edge(self._chain(value), d, value)
            self._edges[value] = d
        return self._edges[value]

    def _edge(self, chain: _Chain, d: Cell | None, value: Value) -> None:
        """Append EDGE, with a reduction that waits for the value."""
        waiting = self._pending.get(value, [])
        gather = waiting.pop(0) if waiting else None
        self.steps.append(Step(
            Opcode.EDGE, d=d, a=chain.a, b=chain.b, c=chain.c,
            r=None if gather is None else self._accumulators[gather],
            imm=edge_immediate(chain.slope),
            flags=FLAG_MAX if gather is not None and gather.how is Reduce.MAX else 0,
        ))  # fmt: skip

    @staticmethod
    def _is_chain(value: Elementwise) -> bool:
        """Whether EDGE can compute an element-wise operation."""
        if value.op is Opcode.LRELU:
            return 0 <= value.imm <= _ONE
        operands = (value.a, value.b)
        return value.op is Opcode.ADD and any(isinstance(x, FromDestination) for x in operands)

    def _chain(self, value: Value) -> _Chain:
        """Return operands of an EDGE that computes a value, after code for them."""
        if value in self._edges:
            return _Chain(a=self._edges[value])
        match value:
            case FromSource():
                return _Chain(a=self._wide(value.a))
            case FromDestination():
                return _Chain(b=self._target(value.a))
            case Exponential():
                before = self._through(value.a)
                if before.c is not None:
                    before = _Chain(a=self._stored(value.a))
                return replace(before, c=self._target(value.maximum))
            case Elementwise() if self._is_chain(value):
                return self._elementwise_chain(value)
            case _:
                return _Chain(a=self._stored(value))

    def _elementwise_chain(self, value: Elementwise) -> _Chain:
        if value.op is Opcode.LRELU:
            before = self._through(value.a)
            if before.begun:
                before = _Chain(a=self._stored(value.a))
            return replace(before, slope=value.imm)
        first, second = value.a, value.b
        assert second is not None
        if not isinstance(second, FromDestination):
            first, second = second, first
        assert isinstance(second, FromDestination)
        before = self._through(first)
        if not before.bare or before.a is None:
            before = _Chain(a=self._stored(first))
        return replace(before, b=self._target(second.a))

    def _through(self, value: Value) -> _Chain:
        """Return the chain of an argument; of its copy in edge memory if others need it too."""
        others = self._uses[value] > 1 or self._pending.get(value)
        if others and not isinstance(value, FromSource | FromDestination):
            return _Chain(a=self._stored(value))
        return self._chain(value)

    def _target(self, value: Value) -> Cell:
        """Return the accumulators of a value of destinations."""
        if isinstance(value, Slice):
            return self.part(self._target(value.a), value.start, value.width, value.name)
        return self._accumulators[value]

    def _wide(self, value: Value) -> Cell:
        """Return local memory with a value in i16."""
        cell = self.operand(value, local=True)
        if cell.type is ElementType.I16:
            return cell
        if value not in self._widened:
            wide = self.cell(Space.LOCAL, ElementType.I16, value.width, f"{value.name}.i16")
            self._widened[value] = self.copy(cell, wide)
        return self._widened[value]

"""Cycles for which an instruction occupies its unit: exact, and what the engine's counters count.

With VL lanes, SL = VL / 2, beats of the bus of B bytes, an R x C matrix unit and PS partial sums:

* SPSUM, SPMAX: `edges * ceil(elements / VL)`.
* EDGE: `W (edges + runs (max(1, n) - 1))`; W = ceil(elements / SL) words; runs: destinations that
  the shard has; n of b, c and r are there, each is read once a run.
* RECIP: `rows * elements`.
* Other element-wise: `rows * (chunks * max(1, nL, nA) + [RQROW])`; chunks of SL elements if an
  operand is i16, else of VL; nL operands are read from local or edge memory and nA from the
  accumulators.
* MM: over blocks of at most PS rows, `k_tiles * n_tiles * max(rows, R)`.
* LDV, STV: `rows * ceil(bytes / B)` beats.

Source: brief `gnn`, sections 6 and 8, with the memories of `hw/gnn/instruction.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ...hw.gnn.instruction import FLAG_ONE, ElementType, Opcode, Space
from ...hw.gnn.parameters import GnnParameters
from .assembly import Instruction, Slot, edge_parts

__all__ = ["Task", "Unit", "element_step", "list_beats", "occupancy", "row_beats"]

_BYTES = {ElementType.I8: 1, ElementType.I16: 2, ElementType.I32: 4}


class Unit(Enum):
    """What works on a job."""

    READ = "read"
    WRITE = "write"
    VECTOR = "vector"
    MATRIX = "matrix"


@dataclass(frozen=True)
class Task:
    """Sizes of a task.

    Attributes
    ----------
    rows
        Rows of the chunk, or sources of the shard.
    edges, runs
        Edges of the shard and destinations that have one; 0 in chunks.
    """

    rows: int
    edges: int = 0
    runs: int = 0


def list_beats(count: int, entry_bytes: int, p: GnnParameters) -> int:
    """Return the beats of a shard's list."""
    beats: int = -(-count * entry_bytes // p.bus_bytes)
    return beats


def row_beats(slot: Slot, p: GnnParameters) -> int:
    """Return the beats of a row that goes to memory or comes from there."""
    return list_beats(slot.elements, _BYTES[slot.type], p)


def element_step(slots: Sequence[Slot | None], p: GnnParameters) -> int:
    """Return the elements that an element-wise operation works on in a cycle."""
    wide = any(slot is not None and slot.type is ElementType.I16 for slot in slots)
    step: int = p.score_lanes if wide else p.lanes
    return step


def occupancy(
    instruction: Instruction, slots: Sequence[Slot], p: GnnParameters, task: Task
) -> tuple[Unit, int]:
    """Return the unit of an instruction other than END, and the cycles that it takes there."""

    def slot(number: int) -> Slot | None:
        return slots[number] if number < len(slots) else None

    d, a, b, c = (slot(getattr(instruction, name)) for name in "dabc")
    match instruction.op:
        case Opcode.LDV:
            assert d is not None
            rows = 1 if instruction.flags & FLAG_ONE else task.rows
            return Unit.READ, rows * row_beats(d, p)
        case Opcode.STV:
            assert a is not None
            return Unit.WRITE, task.rows * row_beats(a, p)
        case Opcode.MM:
            assert b is not None
            tiles = -(-b.elements // p.rows) * -(-b.columns // p.columns)
            whole, rest = divmod(task.rows, p.psum_rows)
            rows = whole * p.psum_rows + (max(rest, p.rows) if rest else 0)
            return Unit.MATRIX, tiles * rows
        case Opcode.SPSUM | Opcode.SPMAX:
            assert a is not None
            return Unit.VECTOR, task.edges * -(-a.elements // p.lanes)
        case Opcode.EDGE:
            r = slot(edge_parts(instruction.imm)[1])
            accumulators = sum(each is not None for each in (b, c, r))
            elements = next(each.elements for each in (a, d, b, c, r) if each is not None)
            words = -(-elements // p.score_lanes)
            return Unit.VECTOR, words * (task.edges + task.runs * max(0, accumulators - 1))
        case Opcode.RECIP:
            assert d is not None
            return Unit.VECTOR, task.rows * d.elements
    assert d is not None
    by_row = instruction.op is Opcode.RQROW
    operands = [each for each in (a, None if by_row else b) if each is not None]
    accumulators = sum(each.space is Space.ACCUMULATOR for each in operands)
    reads = max(1, accumulators, len(operands) - accumulators)
    chunks = -(-d.elements // element_step([d, *operands], p))
    rows = task.edges if d.space is Space.EDGE else task.rows
    return Unit.VECTOR, rows * (chunks * reads + by_row)

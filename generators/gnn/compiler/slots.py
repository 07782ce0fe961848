"""Offsets of cells: room is used again when nobody needs what is in it; brief section 3, step 6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ....hw.gnn.instruction import FLAG_ONE, Opcode, Space
from .cells import Cell, Step

__all__ = ["Life", "allocate", "lives"]

_IN_PLACE = frozenset({
    Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY, Opcode.RQ, Opcode.RQROW, Opcode.RECIP,
    Opcode.LRELU, Opcode.LUT8, Opcode.FIXMIN,
})  # fmt: skip
"""Operations that go through words in order, and may write over their argument."""


@dataclass(eq=False)
class Life:
    """First and last step in which a cell is needed, and a cell that it may be written over."""

    cell: Cell
    first: int
    last: int
    over: Cell | None = None


def lives(
    steps: Sequence[Step], space: Space, together: Iterable[tuple[int, int]] = ()
) -> list[Life]:
    """Return the lives of cells of a space, by their first step.

    Parameters
    ----------
    together
        Steps (first, last) that tasks go through at different times in the same rows: what is
        needed in one of them is needed in all.
    """
    found: dict[Cell, Life] = {}
    for at, step in enumerate(steps):
        for cell in step.cells:
            if cell.space is space:
                life = found.setdefault(cell.root, Life(cell.root, at, at))
                life.last = at
    for first, last in together:
        for life in found.values():
            if first <= life.first <= last or first <= life.last <= last:
                life.first, life.last = min(life.first, first), max(life.last, last)
    for at, step in enumerate(steps):
        if step.d is not None and step.d in found and found[step.d].first == at:
            found[step.d].over = _overwritten(step, found, at)
    return sorted(found.values(), key=lambda life: life.first)


def _overwritten(step: Step, found: Mapping[Cell, Life], at: int) -> Cell | None:
    """Return the argument whose room the result of a step may take."""
    assert step.d is not None
    if step.op not in _IN_PLACE:
        return None
    last = [step.a] if step.op is Opcode.RQROW or step.flags & FLAG_ONE else [step.a, step.b]
    for cell in last:
        fits = (
            cell is not None and cell in found and found[cell].last == at
            and cell.type is step.d.type and cell.words == step.d.words
            and cell.elements == step.d.elements
        )  # fmt: skip
        if fits:
            return cell
    return None


def allocate(alive: Sequence[Life]) -> int:
    """Give cells their offsets; return the words of a row.

    Large ones first, each at the lowest offset where all with which it lives at some time leave
    room; or the first to live first, if that needs less.
    """
    groups = _groups(alive)
    orders = (lambda each: (-each.words, each.first), lambda each: each.first)
    places = [_place(sorted(groups, key=order)) for order in orders]
    best = min(places, key=_end)
    for group, offset in best:
        for cell in group.cells:
            cell.offset = offset
    return _end(best)


@dataclass(eq=False)
class _Group:
    """Cells that are written one over the other."""

    cells: list[Cell]
    first: int
    last: int

    @property
    def words(self) -> int:
        return self.cells[0].words


def _groups(alive: Sequence[Life]) -> list[_Group]:
    found: dict[Cell, _Group] = {}
    groups = []
    for life in alive:
        if life.over is None:
            groups.append(_Group([life.cell], life.first, life.last))
            found[life.cell] = groups[-1]
        else:
            group = found[life.cell] = found[life.over]
            group.cells.append(life.cell)
            group.last = max(group.last, life.last)
    return groups


def _place(groups: Sequence[_Group]) -> list[tuple[_Group, int]]:
    placed: list[tuple[_Group, int]] = []
    for group in groups:
        at = 0
        for other, offset in placed:
            if other.first > group.last or group.first > other.last:
                continue
            if at + group.words <= offset:
                break
            at = max(at, offset + other.words)
        placed.append((group, at))
        placed.sort(key=lambda each: each[1])
    return placed


def _end(placed: Iterable[tuple[_Group, int]]) -> int:
    return max((offset + group.words for group, offset in placed), default=0)

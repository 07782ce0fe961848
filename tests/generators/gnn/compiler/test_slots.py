"""Cells that live at the same time do not overlap, and room is used again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewright.generators.gnn.compiler.cells import Cell, Step
from gatewright.generators.gnn.compiler.slots import Life, allocate, lives
from gatewright.hw.gnn.instruction import FLAG_ONE, ElementType, Opcode, Space


def cell(words, type_=ElementType.I8, space=Space.LOCAL, name="c"):
    return Cell(space, type_, 16 * words, words, name)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(1, 5)), max_size=12))
def test_no_two_overlap(spans):
    alive = [Life(cell(words), first, first + length) for first, length, words in spans]
    alive.sort(key=lambda life: life.first)
    end = allocate(alive)
    for i, one in enumerate(alive):
        a = range(one.cell.offset, one.cell.offset + one.cell.words)
        assert a.start >= 0 and a.stop <= end
        for other in alive[:i]:
            if one.first <= other.last and other.first <= one.last:
                b = range(other.cell.offset, other.cell.offset + other.cell.words)
                assert a.stop <= b.start or b.stop <= a.start
    together = max(
        (sum(x.cell.words for x in alive if x.first <= t <= x.last) for t in range(20)), default=0
    )
    assert end >= together


def test_large_cells_go_first_where_that_needs_less_room():
    small, large, after = cell(1), cell(2), cell(3)
    end = allocate([Life(small, 0, 2), Life(large, 1, 1), Life(after, 2, 3)])
    assert (end, after.offset) == (4, 0)


def test_an_elementwise_result_takes_the_room_of_its_argument():
    a, b, y, z = cell(2), cell(2), cell(2), cell(2)
    steps = [
        Step(Opcode.LDV, d=a), Step(Opcode.LDV, d=b), Step(Opcode.ADD, d=y, a=a, b=b),
        Step(Opcode.RQ, d=z, a=y), Step(Opcode.STV, a=z),
    ]  # fmt: skip
    assert allocate(lives(steps, Space.LOCAL)) == 4
    assert z.offset == y.offset == a.offset != b.offset


def test_neither_a_product_nor_another_type_nor_a_broadcast_is_written_over():
    for op, type_, flags in (
        (Opcode.MM, ElementType.I8, 0), (Opcode.RQ, ElementType.I16, 0),
        (Opcode.ADD, ElementType.I8, FLAG_ONE),
    ):  # fmt: skip
        a, y = cell(2), cell(2, type_)
        first = {"b": a} if flags else {"a": a}
        steps = [
            Step(Opcode.LDV, d=a), Step(op, d=y, flags=flags, **first), Step(Opcode.STV, a=y)
        ]
        assert allocate(lives(steps, Space.LOCAL)) == 4


def test_what_shards_need_lives_for_all_shards():
    first, second, third = (cell(1, ElementType.I32, Space.ACCUMULATOR) for _ in range(3))
    steps = [
        Step(Opcode.FILL, d=first), Step(Opcode.FILL, d=second), Step(Opcode.EDGE, b=first),
        Step(Opcode.EDGE, r=second), Step(Opcode.RQ, d=third, a=second),
    ]  # fmt: skip
    assert allocate(lives(steps, Space.ACCUMULATOR, [(2, 3)])) == 2
    assert third.offset == second.offset
    life = {each.cell: each for each in lives(steps, Space.ACCUMULATOR, [(2, 3)])}
    assert life[first].last == 3


def test_parts_live_as_long_as_the_whole():
    whole = cell(4)
    left, right = (
        Cell(Space.LOCAL, ElementType.I8, 32, 2, "p", base=whole, word=word) for word in (0, 2)
    )
    other = cell(2)
    steps = [
        Step(Opcode.LDV, d=right), Step(Opcode.LDV, d=other), Step(Opcode.MM, d=left, a=other),
        Step(Opcode.STV, a=whole),
    ]  # fmt: skip
    assert allocate(lives(steps, Space.LOCAL)) == 6
    assert (left.place, right.place) == (whole.offset, whole.offset + 2)

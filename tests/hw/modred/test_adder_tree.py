"""Plans of sums: values, ranges, and adders no wider than needed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.adder_tree import AdderTree, Node, Row
from gatewright.hw.modred.multiples import Multiples

_ROWS = st.lists(
    st.builds(
        Row, shift=st.integers(0, 20), largest=st.integers(1, 1 << 12), negative=st.booleans()
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def evaluate(tree: AdderTree, values: list[int]) -> int:
    """Add the values as the nodes say; check that each fits its node."""
    signals: list[int] = []

    def fits(node: Node, value: int) -> int:
        if tree.width is not None:
            top = 1 << max(0, tree.width - node.shift)
            value = value if node.low <= value <= node.high else value % top
        assert node.low <= value <= node.high, node
        return value

    for index, node in enumerate(tree.nodes):
        if node.operands is None:
            signals.append(fits(node, values[index]))
            continue
        first, second = node.operands
        distance = tree.nodes[second].shift - tree.nodes[first].shift
        assert distance >= 0
        upper = signals[second] << distance
        value = signals[first] - upper if node.subtracts else signals[first] + upper
        if node.joins:
            assert not node.subtracts and signals[first] < 1 << distance
        signals.append(fits(node, -value if node.reverses else value))
    assert not tree.nodes[-1].negative
    return signals[-1] << tree.nodes[-1].shift


@settings(deadline=None, max_examples=150)
@given(_ROWS, st.one_of(st.none(), st.integers(1, 30)), st.integers(0, 1 << 30))
def test_the_sum_is_right(rows, width, seed):
    rows[0] = Row(rows[0].shift, rows[0].largest)  # one at least is added
    if width is None:
        rows = [Row(row.shift, row.largest) for row in rows]
    tree = AdderTree(tuple(rows), width)
    generator = random.Random(seed)
    for pick in (lambda r: r.largest, lambda r: 0, lambda r: generator.randint(0, r.largest)):
        values = [pick(row) for row in rows]
        exact = sum((-v if r.negative else v) << r.shift for r, v in zip(rows, values, strict=True))
        total = evaluate(tree, values)
        assert total == exact if width is None else (total - exact) % (1 << width) == 0
    assert tree.levels <= (len(rows) - 1).bit_length()


def test_every_operand_is_there_when_it_is_added():
    rows = tuple(Row(0, (1 << k) - 1) for k in range(3, 90, 5))
    tree = AdderTree(rows)
    for index, node in enumerate(tree.nodes):
        for operand in node.operands or ():
            assert tree.stages[operand] == tree.stages[index] - (not node.joins) >= 0


def test_rows_that_do_not_overlap_need_no_adder():
    tree = AdderTree((Row(8, 255), Row(0, 255), Row(16, 1)))
    assert tree.adder_bits == tree.levels == 0
    assert evaluate(tree, [3, 200, 1]) == (1 << 16) + (3 << 8) + 200


def test_low_bits_pass_by():
    # 255 + (255 << 4): the adder begins at bit 4, and ends at bit 12.
    assert AdderTree((Row(0, 255), Row(4, 255))).adder_bits == 9


def test_short_rows_meet_first():
    # In the order given, (2 + 20) + (21 + 3) bits would take two adders of more than 20.
    rows = tuple(Row(0, (1 << bits) - 1) for bits in (2, 20, 21, 3))
    assert AdderTree(rows).adder_bits == 4 + 22 + 22


def test_a_sum_needs_an_added_row():
    with pytest.raises(ValueError, match="rows must hold a row that is added"):
        AdderTree((Row(0, 3, True),), 4)


@pytest.mark.one_in(6)
@pytest.mark.parametrize("width", range(2, 9))
def test_multiples(width):
    wanted = frozenset(range(1, 1 << (width - 1), 2))
    for factors in (wanted, *(frozenset({each}) for each in wanted)):
        multiples = Multiples(factors)
        known = {1: 1}
        for made in multiples.built:
            first, second = known[made.first] << made.shift, known[made.second]
            total = first - second if made.subtracts else first + second
            known[made.value] = -total if made.reverses else total
            assert known[made.value] == made.value
        assert factors <= known.keys()
        assert multiples.levels <= 2
    assert len(Multiples(wanted).built) == len(wanted) - 1

"""Plans of binary adder trees whose adders are no wider than their operands overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import permutations

__all__ = ["AdderTree", "Node", "Row"]

# The search for the shortest adders grows with the cube of the rows; above this many rows the
# upper levels halve them, which costs half a row's width per level and is then a small part.
_SEARCHED_ROWS = 48
_PERMUTED_ROWS = 5


@dataclass(frozen=True)
class Row:
    """A summand ``±v * 2^shift`` with ``smallest <= v <= largest``."""

    shift: int
    largest: int
    negative: bool = False
    smallest: int = 0

    @property
    def bits(self) -> int:
        return self.largest.bit_length()

    @classmethod
    def constant(cls, value: int) -> Row:
        """The row of a constant other than 0."""
        zeros = (value & -value).bit_length() - 1
        magnitude = abs(value) >> zeros
        return cls(zeros, magnitude, value < 0, magnitude)


@dataclass(frozen=True)
class Node:
    """A row or an adder: a signal ``v`` with ``low <= v <= high`` for ``±v * 2^shift``.

    Parameters
    ----------
    operands
        Numbers of the nodes that are added: first the one that starts lower, whose bits below the
        other pass the adder by. None for a row.
    subtracts, reverses
        The adder is first - second, or second - first.
    joins
        The operands do not overlap: wires, no adder.
    level
        Adders from the rows to here.
    """

    shift: int
    low: int
    high: int
    negative: bool = False
    operands: tuple[int, int] | None = None
    subtracts: bool = False
    reverses: bool = False
    joins: bool = False
    level: int = 0

    @property
    def signed(self) -> bool:
        return self.low < 0

    @property
    def bits(self) -> int:
        """Width of the signal."""
        magnitude = max(self.high.bit_length(), (~self.low).bit_length() if self.low < 0 else 0)
        return magnitude + self.signed

    @property
    def top(self) -> int:
        return self.shift + self.bits


@dataclass(frozen=True)
class AdderTree:
    """Binary adders for ``Σ rows`` on carry chains.

    Parameters
    ----------
    rows
        Summands, at least one of them added.
    width
        The sum is wanted modulo ``2^width``; None for the exact one, which must be non-negative.

    Notes
    -----
    An adder costs one cell per bit from where its upper operand starts to the top of the sum. So
    rows that start together and end apart should meet shortest first, and rows that start apart
    may meet in any contiguous order. The order is found by dynamic programming over intervals of
    the rows in ascending order of their tops, within ``ceil(log2(rows))`` levels: one more would
    save 1 to 2 % of the adders, and cost a rank of registers.
    """

    rows: tuple[Row, ...]
    width: int | None = None

    def __post_init__(self) -> None:
        if all(row.negative for row in self.rows):
            raise ValueError("rows must hold a row that is added, not only subtracted ones")

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The rows as given, then adders after their operands; the last is the sum."""
        return _nodes(self)

    @property
    def levels(self) -> int:
        """Adders on the longest path."""
        return self.nodes[-1].level

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """For each node the level in which it is computed: as late as can be.

        What waits meanwhile are rows, and many of them are slices of few words.
        """
        stages = [0] * len(self.nodes)
        stages[-1] = self.levels
        for index in reversed(range(len(self.nodes))):
            node = self.nodes[index]
            for operand in node.operands or ():
                stages[operand] = stages[index] - (not node.joins)
        return tuple(stages)

    @property
    def adder_bits(self) -> int:
        """Cells of all adders together."""
        return sum(
            node.top - max(self.nodes[operand].shift for operand in node.operands)
            for node in self.nodes
            if node.operands and not node.joins
        )


def _clip(node: Node, width: int | None) -> Node:
    # Modulo 2^width the bits above are anybody's; then the signal is what is left of them.
    if width is None or node.top <= width:
        return node
    return replace(node, low=0, high=(1 << max(0, width - node.shift)) - 1)


def _leaf(row: Row, width: int | None) -> Node:
    return _clip(Node(row.shift, row.smallest, row.largest, row.negative), width)


def _join(
    a: tuple[int, Node], b: tuple[int, Node], width: int | None, positive: bool
) -> Node:
    (first, lower), (second, upper) = sorted((a, b), key=lambda each: each[1].shift)
    distance = upper.shift - lower.shift
    if distance == 0 and lower.negative and not upper.negative:
        (first, lower), (second, upper) = (second, upper), (first, lower)
    subtracts = lower.negative != upper.negative
    # The lower operand gives its sign to the sum, so that its low bits pass by; only the sum of
    # all has to be positive.
    reverses = positive and lower.negative
    low, high = upper.low << distance, upper.high << distance
    if subtracts:
        low, high = lower.low - high, lower.high - low
    else:
        low, high = lower.low + low, lower.high + high
    if reverses:
        low, high = -high, -low
    joins = not subtracts and not reverses and not lower.signed and lower.bits <= distance
    node = Node(
        lower.shift, low, high, lower.negative and not reverses, (first, second),
        subtracts, reverses, joins, max(lower.level, upper.level) + (not joins),
    )
    return _clip(node, width)


def _nodes(tree: AdderTree) -> tuple[Node, ...]:
    rows, width = tree.rows, tree.width
    nodes = [_leaf(row, width) for row in rows]
    order = sorted(range(len(rows)), key=lambda k: (nodes[k].top, nodes[k].shift))
    if len(rows) <= _PERMUTED_ROWS:
        order = list(min(permutations(order), key=lambda o: _search(tree, o)[0]))
    splits = dict(_splits(tree, order))

    def build(start: int, end: int, positive: bool) -> int:
        if end - start == 1:
            return order[start]
        at = splits[start, end]
        size = len(nodes)
        left, right = build(start, at, False), build(at, end, False)
        if positive and nodes[left].negative and nodes[right].negative:
            del nodes[size:]
            first = any(not rows[k].negative for k in order[start:at])
            left, right = build(start, at, first), build(at, end, not first)
        nodes.append(_join((left, nodes[left]), (right, nodes[right]), width, positive))
        return len(nodes) - 1

    build(0, len(order), True)
    return tuple(nodes)


def _splits(
    tree: AdderTree, order: Sequence[int]
) -> Iterator[tuple[tuple[int, int], int]]:
    """Where each interval of the ordered rows is split."""
    leaves = [_leaf(tree.rows[k], tree.width) for k in order]
    tops = [leaf.top for leaf in leaves]
    alike = len({leaf.shift for leaf in leaves}) == 1 and max(tops) - min(tops) <= 1
    pending = [(0, len(order), _depth(len(order)))]
    while pending:
        start, end, depth = pending.pop()
        if end - start == 1:
            continue
        if alike or end - start > _SEARCHED_ROWS:
            # A power of two below: in the first level as many meet as can.
            at = start + (1 << (_depth(end - start) - 1))
            yield (start, end), at
            pending += [(start, at, depth - 1), (at, end, depth - 1)]
        else:
            found = _search(tree, order[start:end], depth)[1]
            yield from (((start + i, start + j), start + at) for (i, j), at in found.items())


def _depth(count: int) -> int:
    return (count - 1).bit_length()


def _search(
    tree: AdderTree, order: Sequence[int], depth: int | None = None
) -> tuple[tuple[int, int], dict[tuple[int, int], int]]:
    """Adder bits and depth of the cheapest tree over the rows in this order, and its splits."""
    leaves = [_leaf(tree.rows[k], tree.width) for k in order]
    count = len(leaves)
    spans: dict[tuple[int, int], tuple[int, int, bool]] = {}
    for i in range(count):
        plus = minus = 0
        shift = leaves[i].shift
        for j in range(i, count):
            leaf = leaves[j]
            shift = min(shift, leaf.shift)
            if leaf.negative:
                minus += leaf.high << leaf.shift
            else:
                plus += leaf.high << leaf.shift
            top = max(plus, minus).bit_length() + bool(plus and minus)
            if tree.width is not None:
                top = min(top, tree.width)
            spans[i, j + 1] = shift, top, bool(plus and minus)

    def adder(i: int, at: int, j: int) -> int:
        (a, a_top, a_mixed), (b, b_top, b_mixed) = spans[i, at], spans[at, j]
        lower_top, mixed = (a_top, a_mixed) if a <= b else (b_top, b_mixed)
        if lower_top <= max(a, b) and not mixed and not spans[i, j][2]:
            return 0
        return spans[i, j][1] - max(a, b)

    @cache
    def best(i: int, j: int, depth: int) -> tuple[int, int, int]:
        if j - i == 1:
            return 0, 0, i
        half = 1 << (depth - 1)
        found = (1 << 62, 0, 0)
        for at in range(max(i + 1, j - half), min(j - 1, i + half) + 1):
            left, right = best(i, at, depth - 1), best(at, j, depth - 1)
            bits = left[0] + right[0] + adder(i, at, j)
            found = min(found, (bits, max(left[1], right[1]) + 1, at))
        return found

    if depth is None:
        depth = _depth(count)
    splits: dict[tuple[int, int], int] = {}
    pending = [(0, count, depth)]
    while pending:
        i, j, levels = pending.pop()
        if j - i > 1:
            at = splits[i, j] = best(i, j, levels)[2]
            pending += [(i, at, levels - 1), (at, j, levels - 1)]
    return best(0, count, depth)[:2], splits

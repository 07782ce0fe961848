"""One lane of a row's edge: operands of a tile as digits, and the search for those that are not 0.

Digits of one weight are gone through for all operands of a tile before those of the next lower
weight: the elements then need no shifter, since they multiply what they have by the radix between
two weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.digit_encoder import Encoding
from ..arith.tree import reduce_tree
from ..unit import Unit

__all__ = ["DigitLane", "DigitLaneParameters"]


@dataclass(frozen=True, kw_only=True)
class DigitLaneParameters:
    """Parameters of a lane.

    Attributes
    ----------
    encoding : Encoding
        Of the digits: only the radix matters.
    digits : int
        D, digits of an operand.
    slots : int
        S, operands of a tile at most, a multiple of ``group``.
    group : int
        G, operands among which digits are looked for in a cycle.
    minimum : int
        Cycles of a group without digits of a weight, 0 or 1.
    """

    encoding: Encoding
    digits: int
    slots: int
    group: int
    minimum: int

    @property
    def groups(self) -> int:
        return self.slots // self.group

    @property
    def operand_layout(self) -> data.ArrayLayout:
        """An operand: its digits."""
        return data.ArrayLayout(self.encoding.layout, self.digits)


class DigitLane(Unit):
    """Go through the digits of a tile that are not 0, highest weight first, one per cycle.

    Two sets of registers hold a tile at work and the next one; a third one holds a group's digits
    of one weight, so that no cycle is lost between groups, weights or tiles.

    Members
    -------
    operand : In(D digits)
    write : In(S)
        The slot of the next tile that gets the operand; at most one.
    filled, current : In(S)
        The slots that have operands of the next tile, and of the one at work.
    start : In(1)
        Go on with the next tile.
    next : In(1)
        Go on with the next lower weight.
    weight : In(D)
        The weight at work, one bit of D.
    digit : Out
        The digit of this cycle, 0 if there is none; from registers through gates.
    select : Out(S)
        The slot whose digit it is.
    last : Out(1)
        No digit of this weight is left for later.
    """

    p: DigitLaneParameters

    def __init__(self, p: DigitLaneParameters) -> None:
        super().__init__(p, {
            "operand": In(p.operand_layout), "write": In(p.slots),
            "filled": In(p.slots), "current": In(p.slots),
            "start": In(1), "next": In(1), "weight": In(p.digits),
            "digit": Out(p.encoding.layout), "select": Out(p.slots), "last": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        digit = p.encoding.layout
        tops: list[Value] = []
        nexts: list[Value] = []
        sames: list[Value] = []
        for slot in range(p.slots):
            loaded = Signal(p.operand_layout, name=f"loaded_{slot}", reset_less=True)
            tile = Signal(p.operand_layout, name=f"tile_{slot}", reset_less=True)
            with m.If(self.write[slot]):
                m.d.sync += loaded.eq(self.operand)
            with m.If(self.start):
                m.d.sync += tile.eq(loaded)
            tops.append(loaded[p.digits - 1].as_value())
            planes = [tile[weight].as_value() for weight in range(p.digits)]
            nexts.append(_selected(self.weight[1:], planes[:-1], digit.size))
            sames.append(_selected(self.weight, planes, digit.size))
        held = Signal(data.ArrayLayout(digit, p.group), reset_less=True)
        pending = Signal(p.group)
        chosen = Signal(p.group)
        upcoming = Signal(p.group)
        # Whether at most one digit is pending, known a cycle before: the way to the barrier is
        # as long as the rows are many.
        single = Signal(init=1)
        m.d.comb += [
            chosen.eq(pending & (~pending + 1)),
            upcoming.eq(pending & ~chosen),
            Value.cast(self.digit).eq(
                _selected(chosen, [each.as_value() for each in held], digit.size)
            ),
        ]
        m.d.sync += [pending.eq(upcoming), single.eq(~(upcoming & (upcoming - 1)).any())]
        group, todo = Signal(p.groups, name="group"), Signal(p.groups, name="todo")
        m.d.comb += [
            self.select.eq(
                Cat(chosen & group[k].replicate(p.group) for k in range(p.groups))
                if p.groups > 1 else chosen
            ),
            self.last.eq(single & ~todo.any()),
        ]  # fmt: skip

        steps = [("top", self.start, tops, self.filled, None)]
        if p.digits > 1:
            steps.insert(0, ("next", self.next, nexts, self.current, None))
        if p.groups > 1:
            steps.insert(0, ("same", single & todo.any(), sames, self.current, todo))
        for name, condition, plane, slots, mask in steps:
            has = Signal(p.slots, name=f"{name}_has")
            m.d.comb += has.eq(Cat(each[:-1].any() for each in plane) & slots)
            first, left = self._first_group(m, name, slots if p.minimum else has, mask)
            words = [Cat(plane[k * p.group : (k + 1) * p.group]) for k in range(p.groups)]
            with m.If(condition):
                m.d.comb += upcoming.eq(_selected(
                    first, [has.word_select(k, p.group) for k in range(p.groups)], p.group
                ))  # fmt: skip
                m.d.sync += [
                    Value.cast(held).eq(_selected(first, words, len(words[0]))),
                    group.eq(first), todo.eq(left),
                ]  # fmt: skip
        return m

    def _first_group(
        self, m: Module, name: str, counted: Value, mask: Value | None
    ) -> tuple[Value, Value]:
        """The first group of ``mask``, or of those with a slot that counts; and those after it.

        Group 0 if there is none: a weight takes a cycle at least, in which the sum is multiplied.
        """
        p = self.p
        if p.groups == 1:
            return Const(1, 1), Const(0, 1)
        wanted, first = (Signal(p.groups, name=f"{name}_{n}") for n in ("wanted", "first"))
        if mask is None:
            mask = Cat(counted.word_select(k, p.group).any() for k in range(p.groups))
        m.d.comb += [
            wanted.eq(mask),
            first.eq(Mux(wanted.any(), wanted & (~wanted + 1), 1)),
        ]
        return first, wanted & ~first


def _selected(chosen: Value, words: list[Value], width: int) -> Value:
    """The word whose bit is set, of at most one; 0 if there is none."""
    if not words:
        return Const(0, width)
    if len(words) == 1 and isinstance(chosen, Const):
        return words[0]
    return reduce_tree(
        or_,
        (word & bit.replicate(width) for bit, word in zip(chosen, words, strict=True)),
    )

"""What the multi-cycle reducers share: the order of their cycles, and their two streams."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value, ValueLike

from ..arith.tree import reduce_tree

__all__ = ["Iteration", "cut_digits", "select"]

_BLOCK = 64
"""Digits that are sliced out of one signal: Amaranth's time for a slice grows with the whole."""

_MASKED, _JOINED = 8, 16
"""Operands of an OR between two ranks of registers: two levels of four-input tables."""


def cut_digits(m: Module, x: Value, bits: int, name: str = "operand") -> list[Value]:
    """Return the digits of ``bits`` bits that ``x`` consists of, the least significant first."""
    starts = range(0, len(x), bits)
    if len(starts) <= _BLOCK:
        return [x[start : start + bits] for start in starts]
    digits: list[Value] = []
    for number, low in enumerate(range(0, len(x), bits * _BLOCK)):
        part = x[low : low + bits * _BLOCK]
        block = Signal(len(part), name=f"{name}_{number}")
        m.d.comb += block.eq(part)
        digits += [block[start : start + bits] for start in range(0, len(block), bits)]
    return digits


def select(
    m: Module,
    enable: Value,
    words: Sequence[Value],
    at: Value,
    first: int = 0,
    *,
    ring: bool = False,
    name: str,
) -> Value:
    """Return ``words[t]`` while ``at[first + t]`` is set, and 0 while no word's bit is.

    An OR of masked words. Where there are many it begins cycles ahead, with a rank of registers
    after every two levels of four-input tables, so that its time does not grow with their number:
    words must stay from then on.

    Parameters
    ----------
    m
        Module that gets the registers, in its ``sync`` domain.
    enable
        The registers change, and so does ``at``.
    words
        At least one, as wide as each other.
    at
        At most one bit is set; it moves up by one place when ``enable`` is set.
    ring
        The bit returns from the last place to the first; ``first`` is 0.
    name
        Of the registers.
    """
    groups, ranks = -(-len(words) // _MASKED), int(len(words) > _MASKED)
    while groups > _JOINED:
        groups, ranks = -(-groups // _JOINED), ranks + 1
    entering: list[list[Value]] = [[] for _ in range(ranks + 1)]
    for t, word in enumerate(words):
        ahead = ranks if ring else min(ranks, first + t)  # the first ones must join later
        bit = at[(first + t - ahead) % len(at)]
        entering[ranks - ahead].append(word & bit.replicate(len(word)))
    row: list[Value] = []
    for rank, masked in enumerate(entering):
        size = _JOINED if rank else _MASKED
        row += masked
        if rank < ranks:
            sums = [row[low : low + size] for low in range(0, len(row), size)]
            row = []
            for number, each in enumerate(sums):
                register = Signal(len(words[0]), name=f"{name}_{rank}_{number}")
                with m.If(enable):
                    m.d.sync += register.eq(reduce_tree(operator.or_, each))
                row.append(register)
    return reduce_tree(operator.or_, row)


class Iteration:
    """The cycles of one operand in a multi-cycle unit, and the handshake at both ends.

    In the cycle where :attr:`take` is set an operand comes in; then :attr:`at` walks through one
    flip-flop per cycle, ``at[0]`` to ``at[cycles - 1]``; in the last of them the result must be
    given to :meth:`finish`, whose register holds it until it is taken. So the next operand comes
    in in the cycle in which the result can leave. Only where the result before has not left by
    then, the last cycle lasts.

    One flip-flop per cycle needs no logic to decode a count, which is worth more than the
    flip-flops: each of them also selects its digit of the operand (:meth:`digits`).

    Parameters
    ----------
    m
        Module that gets the registers, in its ``sync`` domain.
    i, o
        Streams of the operand and of the result, whose payloads are structures.
    cycles
        Cycles after the one that takes the operand, at least 1.
    open
        Whether an operand may come in.
    borrow
        The operand stays in the stream until the last cycle, instead of being taken in the first:
        it needs no registers here.
    through
        A result may take the place of the one before in the cycle in which that leaves. This is a
        path from ``o.ready`` to all registers, and of no use where results leave at once: it is for
        a result that another unit borrows, whose ``ready`` comes from registers.

    Attributes
    ----------
    idle
        No operand is inside; registers may change freely.
    take
        An operand comes in.
    at
        One bit per cycle.
    advance
        Registers of the data path change in this cycle: an operand comes in, or it is one of
        ``at`` that does not last.
    last
        The last cycle, and it does not last.

    Cycles: interval and latency are both ``cycles + 1``. Without ``through`` no path
    leads from ``o.ready`` to anything but ``o.valid``'s next value; with it, none to ``o.valid``,
    nor, without ``borrow``, to ``i.ready``.
    """

    def __init__(
        self,
        m: Module,
        i: Any,
        o: Any,
        cycles: int,
        *,
        open: ValueLike = 1,
        borrow: bool = False,
        through: bool = False,
    ) -> None:
        self._m, self._i, self._o, self._borrow = m, i, o, borrow
        self.idle = Signal(init=1)
        self.take = Signal()
        self.at = Signal(cycles)
        self.advance = Signal()
        self.last = Signal()
        room = Signal()
        m.d.comb += [
            i.ready.eq(self.last if borrow else self.idle & open),
            self.take.eq(i.valid & self.idle & open),
            room.eq(~o.valid | (o.ready if through else 0)),
            self.last.eq(self.at[-1] & room),
            self.advance.eq(self.take | (~self.idle & (~self.at[-1] | room))),
        ]
        with m.If(self.advance):
            m.d.sync += [self.at.eq(Cat(self.take, self.at)), self.idle.eq(self.last)]
        with m.If(room | o.ready):
            m.d.sync += o.valid.eq(self.at[-1] & room)

    def digits(
        self, digits: Sequence[Value], start: int = 0, name: str = "digit"
    ) -> tuple[Value, Value]:
        """Return a register that is ``digits[t]`` of the operand in cycle ``at[start + t]``.

        In all other cycles it is 0. Before it comes what it will be in the next cycle. The digits
        are as wide as each other. Two thirds of a four-input table per bit; a register that shifts
        needs a whole one, to load.
        """
        m = self._m
        bits = len(digits[0])
        value, following = Signal(bits, name=name), Signal(bits, name=f"next_{name}")
        later = digits[1:] if start == 0 else digits
        held = list(later)
        if not self._borrow:
            held = []
            for number, low in enumerate(range(0, len(later), _BLOCK)):
                part = later[low : low + _BLOCK]
                suffix = f"_{number}" if len(later) > _BLOCK else ""
                register = Signal(bits * len(part), name=f"{name}s{suffix}", reset_less=True)
                with m.If(self.take):
                    m.d.sync += register.eq(Cat(part))
                held += [register[t * bits : (t + 1) * bits] for t in range(len(part))]
        first = start + len(digits) - len(later) - 1  # the cycle before that of held[0]
        chosen: Value = C(0)
        if held:
            chosen = select(m, self.advance, held, self.at, first, name=name)
        m.d.comb += following.eq(chosen if start else Mux(self.idle, digits[0], chosen))
        with m.If(self.advance):
            m.d.sync += value.eq(following)
        return following, value

    def finish(self, **result: Value) -> None:
        """Give ``result`` to the output, field by field, and the operand's tag if it has one."""
        m, payload = self._m, self._o.payload
        if "tag" in payload.shape().members:
            tag = self._i.payload.tag
            if not self._borrow:
                tag = Signal(len(tag), name="inside", reset_less=True)
                with m.If(self.take):
                    m.d.sync += tag.eq(self._i.payload.tag)
            result["tag"] = tag
        for name, value in result.items():
            register = Signal(len(payload[name]), name=name, reset_less=True)
            m.d.comb += payload[name].eq(register)
            with m.If(self.last):
                m.d.sync += register.eq(value)

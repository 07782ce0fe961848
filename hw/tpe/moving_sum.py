"""Elements whose sums move on: weight-stationary multiply and add.

A sum passes the elements of a column, and each adds its product. Between them it is one number, or
a carry-save pair.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Shape, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.digit_encoder import Encoding, digit_count
from ..unit import Unit
from .array_parameters import Level
from .carry_save import BIT_TIME, ROW_TIME
from .carry_save_step import CarrySaveStep
from .mac import BoothMultiplier
from .parameters import OperandParameters
from .partial_product import encode, rows_of, split_digits

__all__ = ["MovingSum", "MovingSumParameters", "NumberStep"]


@dataclass(frozen=True)
class NumberStep:
    """``after = before + product`` as signed numbers of so many bits; nothing before if 0."""

    before: int
    after: int


@dataclass(frozen=True, kw_only=True)
class MovingSumParameters:
    """Parameters of an element.

    Attributes
    ----------
    operands
        ``a``, which moves on too, and ``b``, which stays.
    level
        A level of one product in a step.
    encoding
        Digits of ``a``.
    step
        The sum before and after.
    stallable
        Whether there is a port ``advance``.
    """

    operands: OperandParameters
    level: Level
    encoding: Encoding
    step: NumberStep | CarrySaveStep
    stallable: bool

    @property
    def operand_shape(self) -> Shape | data.ArrayLayout:
        """``a``, or its digits."""
        if self.level is not Level.OPT1_SHARED:
            return self.operands.a_shape
        count = digit_count(self.encoding, self.operands.a_width, self.operands.a_signed)
        return data.ArrayLayout(self.encoding.layout, count)

    @property
    def bits_before(self) -> int:
        before = self.step
        return before.before if isinstance(before, NumberStep) else sum(before.heights)

    @property
    def bits_after(self) -> int:
        after = self.step.after
        return after if isinstance(after, int) else sum(after)

    @classmethod
    def words(
        cls, operands: OperandParameters, level: Level, encoding: Encoding
    ) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
        """Shift and width, and the times, of what a carry-save step adds."""
        rows = rows_of(operands, encoding)
        words = [(row.shift, row.width) for row in rows]
        times = [ROW_TIME] * len(rows)
        if level is Level.OPT1:
            words += [(row.shift, 1) for row in rows if row.negative]
            times += [BIT_TIME] * (len(words) - len(rows))
        return tuple(words), tuple(times)


class MovingSum(Unit):
    """``partial_next = partial + a * b``, of the ``a`` that came a cycle earlier; both move on.

    Pairs have the bias of the partial products too much, which is a constant, and at the levels
    with row correction too little what their ``negative`` wires say.

    Members
    -------
    a : In(p.operand_shape)
    a_next : Out(p.operand_shape)
        ``a`` for the next column, 1 cycle later.
    weight : In(b_shape), write : In(1)
        A number ``b`` for later; kept from the next cycle on if ``write``.
    swap : In(1)
        This ``a`` and those after it take the number that was kept last.
    partial : In(p.bits_before)
        The sum that the ``a`` of the cycle before is for; no such port if there is nothing.
    partial_next : Out(p.bits_after)
        1 cycle later.
    advance : In(1)
        Nothing but the number kept for later changes while it is 0; only if ``stallable``.
    """

    p: MovingSumParameters

    def __init__(self, p: MovingSumParameters) -> None:
        partial = {"partial": In(p.bits_before)} if p.bits_before else {}
        super().__init__(p, {
            "a": In(p.operand_shape), "a_next": Out(p.operand_shape),
            "weight": In(p.operands.b_shape), "write": In(1), "swap": In(1),
            **partial, "partial_next": Out(p.bits_after),
            **({"advance": In(1)} if p.stallable else {}),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        operand = Signal(p.operand_shape, name="operand", reset_less=True)
        spare = Signal(p.operands.b_shape, name="spare", reset_less=True)
        b = Signal(p.operands.b_shape, name="b", reset_less=True)
        total = Signal(p.bits_after, name="total", reset_less=True)
        step = self._step(m, operand, b)
        with m.If(self.advance if p.stallable else 1):
            m.d.sync += [operand.eq(self.a), total.eq(step)]
            with m.If(self.swap):
                m.d.sync += b.eq(spare)
        with m.If(self.write):
            m.d.sync += spare.eq(self.weight)
        m.d.comb += [self.a_next.eq(operand), self.partial_next.eq(total)]
        return m

    def _step(self, m: Module, a: Value | data.View, b: Value) -> Value:
        p = self.p
        if isinstance(p.step, NumberStep):
            product = self._product(m, a, b)
            return self.partial.as_signed() + product if p.bits_before else product
        if p.level is Level.OPT1_SHARED:
            digits = split_digits(a)
        else:
            digits = encode(m, a, p.operands, p.encoding)
        rows = rows_of(p.operands, p.encoding)
        words: list[Value] = [
            row.build(m, digit, b, f"partial_product_{index}")
            for index, (row, digit) in enumerate(zip(rows, digits, strict=True))
        ]
        if p.level is Level.OPT1:
            words += [d.negative for row, d in zip(rows, digits, strict=True) if row.negative]
        return p.step.add(m, self.partial if p.bits_before else Const(0, 0), words)

    def _product(self, m: Module, a: Value, b: Value) -> Value:
        if self.p.level is Level.BEHAVIOURAL:
            return a * b
        m.submodules.multiplier = multiplier = BoothMultiplier(self.p.operands)
        m.d.comb += [multiplier.a.eq(a), multiplier.b.eq(b)]
        return multiplier.product

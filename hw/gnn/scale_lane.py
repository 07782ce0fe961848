"""A lane that multiplies, adds, shifts, rounds and saturates: all arithmetic of elements."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from ..tpe.delay import delayed
from ..unit import Unit
from .instruction import ElementType

__all__ = ["ScaleLane", "ScaleLaneParameters"]

_PIECE = 17
"""Bits of the lower piece of an operand, so that pieces fit multipliers of 18 signed bits."""


@dataclass(frozen=True)
class ScaleLaneParameters:
    """Parameters of a lane.

    Parameters
    ----------
    factor_bits
        Of the factor, signed, 2 to 24.
    addend
        Whether there is one; then results may be i32, too, and wrap.

    Raises
    ------
    ValueError
        ``factor_bits`` is out of its range.
    """

    factor_bits: int = 17
    addend: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.factor_bits <= 24:
            raise ValueError(f"factor_bits must be in 2..24, not {self.factor_bits}")

    @property
    def sum_bits(self) -> int:
        """Of ``x * y + (u << k)``: ``|x y| <= 2^(factor_bits + 30)``, ``|u << k| <= 2^46``."""
        return max(self.factor_bits + 31, 47) + 1 if self.addend else self.factor_bits + 32

    @property
    def result_bits(self) -> int:
        """Of ``z``."""
        return 32 if self.addend else 16

    @property
    def latency(self) -> int:
        """Cycles from ``x`` to ``z``."""
        return 8


class ScaleLane(Unit):
    """``z = relu(fit((x * y + (u << k)) >> s))``, where ``>>`` rounds to nearest, halves up.

    ``fit`` saturates to the type, or takes the low 32 bits if ``wrap``. A shift rounds by adding
    the last bit that it drops, so that nothing is added to the wide sum.

    Members
    -------
    x : In(signed(32)), y : In(signed(factor_bits)), s : In(6)
        Operands and shift.
    u : In(signed(32)), k : In(4)
        Addend and its shift, one cycle after ``x``; only with ``p.addend``.
    kind : In(ElementType), relu : In(1), wrap : In(1)
        Of the result, ``p.latency - 2`` cycles after ``x``; ``wrap`` only with ``p.addend``.
    z : Out(signed(result_bits))
        ``p.latency`` cycles after ``x``; one in each cycle.

    Source: brief `gnn`, section 7, RQ.
    """

    p: ScaleLaneParameters

    def __init__(self, p: ScaleLaneParameters) -> None:
        addend = {"u": In(signed(32)), "k": In(4), "wrap": In(1)} if p.addend else {}
        super().__init__(p, {
            "x": In(signed(32)), "y": In(signed(p.factor_bits)), "s": In(6), **addend,
            "kind": In(ElementType), "relu": In(1), "z": Out(signed(p.result_bits)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        total = self._sum(m)
        shifted: Value = Cat(Const(0, 1), total).as_signed()
        amount = delayed(m, self.s, "amount", 3)
        for rank, steps in (("coarse", (5, 4, 3)), ("fine", (2, 1, 0))):
            for step in steps:
                shifted = Mux(amount[step], shifted >> (1 << step), shifted)
            register = Signal(signed(len(total) + 1), name=rank, reset_less=True)
            m.d.sync += register.eq(shifted)
            shifted, amount = register, delayed(m, amount, f"{rank}_amount", 1)
        rounded = Signal(signed(len(total)), reset_less=True)
        # Adding cannot overflow: a sum that is not shifted has no bit dropped.
        m.d.sync += rounded.eq(shifted[1:].as_signed() + shifted[0])
        self._fit(m, rounded)
        return m

    def _sum(self, m: Module) -> Signal:
        """``x * y + (u << k)``, after three cycles."""
        p = self.p
        x = (self.x[:_PIECE], self.x[_PIECE:].as_signed())
        if p.factor_bits <= _PIECE:
            y: tuple[Value, ...] = (self.y,)
        else:
            y = (self.y[:_PIECE], self.y[_PIECE:].as_signed())
        products = {}
        for i, left in enumerate(x):
            for j, right in enumerate(y):
                product = left * right
                register = Signal(product.shape(), name=f"product_{i}{j}", reset_less=True)
                m.d.sync += register.eq(product)
                products[i, j] = register
        middle: Value = products[1, 0]
        outer: Value = products[0, 0]
        if len(y) == 2:
            # The upper product begins where the lower one, which has no sign, ends.
            middle = products[1, 0] + products[0, 1]
            outer = Cat(products[0, 0], products[1, 1]).as_signed()
        middle_held = Signal(middle.shape(), reset_less=True)
        outer_held = Signal(outer.shape(), reset_less=True)
        m.d.sync += [middle_held.eq(middle), outer_held.eq(outer)]
        total = Signal(signed(p.sum_bits), reset_less=True)
        addends: Value = outer_held
        if p.addend:
            raised = Signal(signed(47), reset_less=True)
            m.d.sync += raised.eq(self.u << self.k)
            addends = outer_held + raised
        m.d.sync += total.eq(addends + (middle_held << _PIECE))
        return total

    def _fit(self, m: Module, word: Signal) -> None:
        """Saturate or wrap, and drop what is negative: first whether to, then what there is."""
        bits = self.p.result_bits
        widths = {ElementType.I8: 8, ElementType.I16: 16, ElementType.I32: 32}
        widths = {kind: width for kind, width in widths.items() if width <= bits}
        wrap = self.wrap if self.p.addend else Const(0)
        sign = word[-1]
        outside = Signal()
        with m.Switch(self.kind):
            for kind, width in widths.items():
                upper = word[width - 1 : -1]
                with m.Case(kind):
                    m.d.comb += outside.eq(Mux(sign, ~upper.all(), upper.any()))
        held = Signal(signed(bits), reset_less=True)
        kind_held, negative, beyond, rectified = (
            Signal(shape, name=name, reset_less=True) for name, shape in (
                ("kind_held", ElementType), ("negative", 1), ("beyond", 1), ("rectified", 1)
            )
        )  # fmt: skip
        # Wrapped numbers have a sign of their own; rectified ones are saturated.
        m.d.sync += [
            held.eq(word[:bits]), kind_held.eq(self.kind), negative.eq(sign),
            beyond.eq(outside & ~wrap), rectified.eq(self.relu & sign),
        ]
        result = Signal(signed(bits), reset_less=True)
        limit = Signal(signed(bits))
        with m.Switch(kind_held):
            for kind, width in widths.items():
                with m.Case(kind):
                    m.d.comb += limit.eq(
                        Cat((~negative).replicate(width - 1), negative).as_signed()
                    )
        m.d.sync += result.eq(Mux(rectified, 0, Mux(beyond, limit, held)))
        m.d.comb += self.z.eq(result)

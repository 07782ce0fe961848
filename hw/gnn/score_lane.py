"""A lane of the fused edge chain: add, leaky ReLU, difference, base-2 exponential."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from ..fabric.memory import BlockMemory
from ..tpe.delay import delayed
from ..unit import Unit
from .jobs import table_write

__all__ = ["ScoreLane", "ScoreLaneParameters"]

_ENTRIES = 256
_FRACTION = 8
_SLOPE_BITS = 15


@dataclass(frozen=True)
class ScoreLaneParameters:
    """A lane has no parameters; how long its parts take does not change.

    Attributes
    ----------
    reference_at
        Cycles from ``a`` to ``c``.
    latency
        Cycles from ``a`` to ``u``.
    """

    reference_at: int = 3
    latency: int = 8


class ScoreLane(Unit):
    """``v = lrelu(sat16(a + b))``; ``u = v``, or ``EXP2N((c - v) & 0xffff)`` if ``power``.

    ``lrelu(x) = x < 0 ? (x * slope + 2^14) >> 15 : x``. EXP2N of t, with ``f = t & 255``, ``k =
    t >> 8``: ``(T[f] + (k ? 2^(k-1) : 0)) >> k``.

    Members
    -------
    a : In(signed(16)), b : In(signed(32))
        Operands.
    c : In(16)
        Three cycles later; as many bits of it as matter.
    slope : In(16), power : In(1)
        Steady.
    u : Out(signed(16))
        Eight cycles after ``a``; one in each cycle.
    table : In(table_write(32))
        Loading of T, two entries of 16 bits in a word.

    Source: brief `gnn`, section 7, softmax in base 2.
    """

    p: ScoreLaneParameters

    def __init__(self, p: ScoreLaneParameters) -> None:
        super().__init__(p, {
            "a": In(signed(16)), "b": In(signed(32)), "c": In(16), "slope": In(16),
            "power": In(1), "u": Out(signed(16)), "table": In(table_write(32)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        total = Signal(signed(33))
        score = Signal(signed(16), reset_less=True)
        upper, sign = total[15:-1], total[-1]
        beyond = Mux(sign, ~upper.all(), upper.any())
        m.d.comb += total.eq(self.a + self.b)
        m.d.sync += score.eq(Mux(beyond, Cat((~sign).replicate(15), sign), total[:16]))

        product = Signal(signed(32), reset_less=True)
        m.d.sync += product.eq(score * self.slope)
        later = Signal(signed(16), reset_less=True)
        rectified = Signal(signed(16), reset_less=True)
        # Adding half is adding the last bit that is dropped.
        small = product[_SLOPE_BITS:].as_signed() + product[_SLOPE_BITS - 1]
        m.d.sync += [later.eq(score), rectified.eq(Mux(later[-1], small, later))]

        distance = Signal(16, reset_less=True)
        m.d.sync += distance.eq(self.c - rectified)
        entry = self._entry(m, distance[:_FRACTION])
        shift = distance[_FRACTION:]
        # An entry of 16 bits is rounded to 0 from 17 octaves on.
        amount = Signal(5, reset_less=True)
        m.d.sync += amount.eq(shift[:5] | shift[5:].any().replicate(5))
        shifted = Signal(17, reset_less=True)
        m.d.sync += shifted.eq(Cat(Const(0, 1), entry) >> delayed(m, amount, "later", 1))
        power = shifted[1:] + shifted[0]
        m.d.sync += self.u.eq(Mux(self.power, power, delayed(m, rectified, "plain", 4)))
        return m

    def _entry(self, m: Module, fraction: Signal) -> Signal:
        """``T[f]`` after two cycles."""
        m.submodules.powers = powers = BlockMemory(shape=32, depth=_ENTRIES // 2)
        write, read = powers.write_port(), powers.read_port()
        m.d.comb += [
            write.en.eq(self.table.enable), write.addr.eq(self.table.address),
            write.data.eq(self.table.data), read.en.eq(1), read.addr.eq(fraction[1:]),
        ]  # fmt: skip
        entry = Signal(16, reset_less=True)
        m.d.sync += entry.eq(read.data.word_select(delayed(m, fraction[0], "odd", 1), 16))
        return entry

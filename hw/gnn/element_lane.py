"""A lane of element-wise operations."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from ..fabric.memory import BlockMemory
from ..tpe.delay import delayed
from ..unit import Unit
from .element_form import FORM
from .jobs import CONSTANT, table_write
from .parameters import GnnParameters
from .scale_lane import ScaleLane, ScaleLaneParameters

__all__ = ["ElementLane"]

_SCALE = ScaleLaneParameters(factor_bits=24, addend=True)
_EMPTY = -(1 << 15)


class ElementLane(Unit):
    """``z = (x * y + (u << k)) >> s`` with operands as a form tells, see ``element_form.py``.

    Members
    -------
    form : In(FORM)
        The operation; steady.
    a, b : In(signed(32)), w : In(CONSTANT)
        Operands; w is the row's constant. As y, b has 24 bits.
    z : Out(signed(32))
        ``latency`` cycles later; one in each cycle.
    table : In(table_write(32))
        Loading of the byte tables, four entries in a word, 64 words each.
    """

    p: GnnParameters

    latency = 1 + _SCALE.latency

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "form": In(FORM), "a": In(signed(32)), "b": In(signed(32)), "w": In(CONSTANT),
            "z": Out(signed(32)), "table": In(table_write(32)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        form, a, b, w = self.form, self.a, self.b, self.w
        m.submodules.scale = scale = ScaleLane(_SCALE)
        x = Signal(signed(32), reset_less=True)
        u = Signal(signed(32), reset_less=True)
        y = Signal(signed(24), reset_less=True)
        s = Signal(6, reset_less=True)
        linear = form.rectifies & ~a[-1]
        none = (form.rectifies & a[-1]) | (form.fixes & (a == _EMPTY))
        m.d.sync += [
            x.eq(Mux(form.x_is_b, b, Mux(form.x_is_a, a, 0))),
            y.eq(Mux(form.y_is_b, b, Mux(form.by_row, w.m, Mux(linear, 0, form.y)))),
            s.eq(Mux(form.by_row, w.s, Mux(linear, 0, form.s))),
            u.eq(Mux(form.u_is_a, Mux(none, 0, a), form.u)),
        ]
        m.d.comb += [
            scale.x.eq(x), scale.y.eq(y), scale.s.eq(s), scale.k.eq(form.k),
            scale.u.eq(Mux(form.looks_up, self._entry(m), delayed(m, u, "u", 1))),
            scale.kind.eq(form.kind), scale.wrap.eq(form.wrap), scale.relu.eq(form.relu),
            self.z.eq(scale.z),
        ]  # fmt: skip
        return m

    def _entry(self, m: Module) -> Signal:
        """The byte of the table at ``a``, after two cycles: the memory is slow."""
        m.submodules.bytes = table = BlockMemory(shape=32, depth=64 * self.p.tables)
        write, read = table.write_port(), table.read_port()
        code = self.a[:8]
        m.d.comb += [
            write.en.eq(self.table.enable), write.addr.eq(self.table.address),
            write.data.eq(self.table.data), read.en.eq(self.form.looks_up),
            read.addr.eq((self.form.table << 6) | code[2:]),
        ]  # fmt: skip
        entry = Signal(signed(8), reset_less=True)
        m.d.sync += entry.eq(read.data.word_select(delayed(m, code[:2], "place", 1), 8))
        return entry

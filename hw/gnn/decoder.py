"""Decoder: every word of 64 bits is an instruction or an error."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, enum
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .instruction import (
    FLAG_MAX,
    FLAG_ONE,
    FLAG_RELU,
    INSTRUCTION,
    NO_SLOT,
    SCALAR,
    EdgeImmediate,
    Opcode,
    Space,
)
from .parameters import GnnParameters
from .records import TENSORS

__all__ = ["DECODED", "OPERANDS", "Decoder", "Executor"]

OPERANDS = ("d", "a", "b", "c", "r")
"""Operands of an instruction that can be slots, in the order in which they are looked up."""


class Executor(enum.Enum, shape=3):
    """What carries an instruction out."""

    VECTOR = 0
    MATRIX = 1
    READ = 2
    WRITE = 3
    END = 4


DECODED = data.StructLayout({
    "legal": 1, "executor": Executor, "op": Opcode, "slots": data.ArrayLayout(6, len(OPERANDS)),
    "present": len(OPERANDS), "spaces": data.ArrayLayout(4, len(OPERANDS)), "scalar": 1,
    "once": len(OPERANDS), "shards": 1, "chunks": 1, "relu": 1, "maximum": 1, "k": 4, "imm": 24,
    "tensor": 6,
})  # fmt: skip
"""An instruction, if it is ``legal``: the slots that are ``present``, and of each the spaces that
it may be in (bit i for space i); ``scalar``: b is the scalar of the source; ``once``: row 0 alone
is used of an operand; phases that it may be in."""


@dataclass(frozen=True)
class _Form:
    """Spaces of the operands that an operation has; those ``optional`` may be absent."""

    executor: Executor = Executor.VECTOR
    d: tuple[Space, ...] = ()
    a: tuple[Space, ...] = ()
    b: tuple[Space, ...] = ()
    c: tuple[Space, ...] = ()
    r: tuple[Space, ...] = ()
    optional: str = ""
    shards: bool = True
    chunks: bool = True


_ACCUMULATOR, _LOCAL, _EDGE = (Space.ACCUMULATOR,), (Space.LOCAL,), (Space.EDGE,)
_ROWS = (*_ACCUMULATOR, *_LOCAL, *_EDGE)
_ONE, _TWO = _Form(d=_ROWS, a=_ROWS), _Form(d=_ROWS, a=_ROWS, b=_ROWS)
_FORMS = {
    Opcode.END: _Form(Executor.END),
    Opcode.LDV: _Form(Executor.READ, d=_LOCAL),
    Opcode.STV: _Form(Executor.WRITE, a=_LOCAL, shards=False),
    Opcode.MM: _Form(Executor.MATRIX, d=_LOCAL, a=_LOCAL, b=(Space.WEIGHT,)),
    Opcode.SPSUM: _Form(d=_ACCUMULATOR, a=_LOCAL, b=_EDGE, optional="b", chunks=False),
    Opcode.SPMAX: _Form(d=_ACCUMULATOR, a=_LOCAL, chunks=False),
    Opcode.EDGE: _Form(
        d=_EDGE, a=_LOCAL + _EDGE, b=_ACCUMULATOR, c=_ACCUMULATOR, r=_ACCUMULATOR,
        optional="dabcr", chunks=False,
    ),
    Opcode.FILL: _Form(d=_ROWS),
    Opcode.ADD: _TWO, Opcode.SUB: _TWO, Opcode.MUL: _TWO, Opcode.AXPY: _TWO,
    Opcode.RQ: _ONE, Opcode.RQROW: _Form(d=_ROWS, a=_ROWS, b=_ACCUMULATOR + _LOCAL),
    Opcode.RECIP: _Form(d=_ACCUMULATOR, a=_ACCUMULATOR, shards=False),
    Opcode.LRELU: _ONE, Opcode.LUT8: _ONE, Opcode.FIXMIN: _ONE,
}  # fmt: skip
_BROADCAST = (Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY)


class Decoder(Unit):
    """Tell what an instruction needs, or that the word is none.

    Members
    -------
    word : In(64)
        Of a program.
    decoded : Out(DECODED)
        What it means.

    Notes
    -----
    Combinational. A word is an instruction if its operation exists; every operand that it must have
    is there; no operand but SPSUM's b is SCALAR; LDV and STV name one of the 16 tensors, LUT8 one
    of the tables; and EDGE has at least one of a, d and b, and a slope of at most 1. Fields that
    the operation has not are ignored.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {"word": In(64), "decoded": Out(DECODED)})

    def body(self) -> Module:
        m = Module()
        word, out = data.View(INSTRUCTION, self.word), self.decoded
        edge = data.View(EdgeImmediate, word.imm)
        numbers = {"d": word.d, "a": word.a, "b": word.b, "c": word.c, "r": edge.r}
        wanted = Signal(len(OPERANDS))
        needed = Signal(len(OPERANDS))
        named = Signal(len(OPERANDS))
        scalars = Signal(len(OPERANDS))
        known = Signal()
        sound = Signal()
        for index, name in enumerate(OPERANDS):
            m.d.comb += [
                out.slots[index].eq(numbers[name]), named[index].eq(numbers[name] != NO_SLOT),
                scalars[index].eq(numbers[name] == SCALAR),
            ]
        m.d.comb += sound.eq(1)
        with m.Switch(word.op):
            for op, form in _FORMS.items():
                with m.Case(op):
                    self._case(m, form, wanted, needed)
                    m.d.comb += known.eq(1)
                    self._special(m, op, word, edge, named, sound)
        scalar = (word.op == Opcode.SPSUM) & scalars[2]
        slots = Signal(len(OPERANDS))
        m.d.comb += slots.eq(wanted & named)
        with m.If(scalar):
            m.d.comb += slots[2].eq(0)
        m.d.comb += [
            out.op.eq(word.op), out.scalar.eq(scalar),
            out.present.eq(slots),
            out.legal.eq(
                known & sound & ((needed & ~named) == 0) & ((slots & scalars) == 0)
            ),
            out.relu.eq((word.flags & FLAG_RELU) != 0),
            out.maximum.eq((word.flags & FLAG_MAX) != 0),
            out.k.eq(word.k), out.imm.eq(word.imm), out.tensor.eq(word.c),
        ]  # fmt: skip
        return m

    def _case(self, m: Module, form: _Form, wanted: Signal, needed: Signal) -> None:
        spaces = [getattr(form, name) for name in OPERANDS]
        names = [name for name in OPERANDS if getattr(form, name)]
        m.d.comb += [
            wanted.eq(sum(1 << OPERANDS.index(name) for name in names)),
            needed.eq(sum(1 << OPERANDS.index(n) for n in names if n not in form.optional)),
            self.decoded.executor.eq(form.executor), self.decoded.shards.eq(form.shards),
            self.decoded.chunks.eq(form.chunks),
            *(
                self.decoded.spaces[index].eq(sum(1 << space.value for space in allowed))
                for index, allowed in enumerate(spaces)
            ),
        ]  # fmt: skip

    def _special(
        self, m: Module, op: Opcode, word: data.View, edge: data.View, named: Signal, sound: Signal
    ) -> None:
        """Add the conditions of some operations, and what of them is used once."""
        once = (word.flags & FLAG_ONE) != 0
        if op in (Opcode.LDV, Opcode.STV):
            m.d.comb += sound.eq(word.c < TENSORS)
        if op is Opcode.LDV:
            m.d.comb += self.decoded.once.eq(once)
        if op in _BROADCAST:
            m.d.comb += self.decoded.once.eq(Cat(Const(0, 2), once))
        if op is Opcode.LUT8:
            m.d.comb += sound.eq(word.imm < self.p.tables)
        if op is Opcode.EDGE:
            m.d.comb += sound.eq(named[:3].any() & (edge.slope <= 1 << 15))

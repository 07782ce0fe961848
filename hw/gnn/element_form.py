"""Element-wise operations as settings of one form, ``(x * y + (u << k)) >> s``."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data

from .instruction import ElementType, Opcode, Space

__all__ = ["FORM", "is_wide", "make_form", "reads_b"]

_SLOPE_BITS = 15

FORM = data.StructLayout({
    "x_is_a": 1, "x_is_b": 1, "y_is_b": 1, "by_row": 1, "y": signed(24), "s": 6, "u_is_a": 1,
    "u": signed(24), "k": 4, "rectifies": 1, "fixes": 1, "looks_up": 1, "table": 4,
    "kind": ElementType, "wrap": 1, "relu": 1,
})  # fmt: skip
"""x is a, or b, or 0 where nothing is multiplied and a may be undefined; y is b, or m of the row's
constant (``by_row``, with its s), or a number; u is a or a number. If it ``rectifies``, y and s are
0 for a >= 0, u for a < 0; if it ``fixes``, u is 0 for the initial value of a maximum; if it
``looks_up``, u is the entry at a of a table. The result's type, whether it wraps, and whether
negative ones become 0."""


def is_wide(operand: Value) -> Value:
    """Elements have 16 bits."""
    return (operand.space == Space.EDGE) | (operand.type == ElementType.I16)


def reads_b(op: Value) -> Value:
    """b is an operand of each element."""
    return (
        (op == Opcode.ADD) | (op == Opcode.SUB) | (op == Opcode.MUL) | (op == Opcode.AXPY)
    )


def make_form(m: Module, job: data.View) -> data.View:
    """Return the form of a job's operation, a cycle later.

    ======  ===  ============  ===================  =====
    op      x    y             u                    s
    ======  ===  ============  ===================  =====
    FILL    0    0             imm                  0
    ADD     b    1             a                    0
    SUB     b    -1            a                    0
    MUL     a    b             0                    0
    AXPY    b    imm           a, shifted by k      0
    RQ      a    m             0                    s
    RQROW   a    m of the row  0                    s of the row
    LRELU   a    imm, if a<0   a, if a>=0           15, if a<0
    LUT8    0    0             entry                0
    FIXMIN  0    0             a or 0               0
    ======  ===  ============  ===================  =====

    LRELU takes the low 17 bits of ``imm``.
    """
    form = Signal(FORM, reset_less=True)
    op, imm = job.op, job.imm.as_signed()
    in_accumulators = job.d.space == Space.ACCUMULATOR
    m.d.sync += [
        form.x_is_a.eq(
            (op == Opcode.MUL) | (op == Opcode.RQ) | (op == Opcode.RQROW) | (op == Opcode.LRELU)
        ),
        form.x_is_b.eq((op == Opcode.ADD) | (op == Opcode.SUB) | (op == Opcode.AXPY)),
        form.y_is_b.eq(op == Opcode.MUL), form.by_row.eq(op == Opcode.RQROW),
        form.y.eq(0), form.s.eq(0), form.u.eq(Mux(op == Opcode.FILL, imm, 0)),
        form.u_is_a.eq(
            (op == Opcode.ADD) | (op == Opcode.SUB) | (op == Opcode.AXPY) | (op == Opcode.LRELU)
            | (op == Opcode.FIXMIN)
        ),
        form.k.eq(Mux(op == Opcode.AXPY, job.k, 0)), form.rectifies.eq(op == Opcode.LRELU),
        form.fixes.eq(op == Opcode.FIXMIN), form.looks_up.eq(op == Opcode.LUT8),
        form.table.eq(imm[:4]), form.wrap.eq(reads_b(op) & in_accumulators),
        form.relu.eq(job.relu & ((op == Opcode.RQ) | (op == Opcode.RQROW))),
        form.kind.eq(Mux(
            in_accumulators, ElementType.I32,
            Mux(is_wide(job.d), ElementType.I16, ElementType.I8),
        )),
    ]  # fmt: skip
    with m.Switch(op):
        with m.Case(Opcode.ADD):
            m.d.sync += form.y.eq(1)
        with m.Case(Opcode.SUB):
            m.d.sync += form.y.eq(-1)
        with m.Case(Opcode.AXPY):
            m.d.sync += form.y.eq(imm)
        with m.Case(Opcode.RQ):
            m.d.sync += [form.y.eq(job.constant.m), form.s.eq(job.constant.s)]
        with m.Case(Opcode.LRELU):
            m.d.sync += [form.y.eq(imm[: _SLOPE_BITS + 2]), form.s.eq(_SLOPE_BITS)]
    return form

"""What each operation takes, as hw/gnn/instruction.py tells it to people, apart from the decoder.

Spaces by their letters: A(ccumulator), L(ocal), E(dge), W(eight).
"""

from __future__ import annotations

from ...generators.gnn.formats import FLAG_MAX, FLAG_ONE, FLAG_RELU, Opcode

__all__ = [
    "CHUNKS_ONLY", "FLAGS", "OPERANDS", "OPTIONAL", "SHARDS_ONLY", "SPACES", "TENSORS", "USES_IMM",
    "USES_K", "WIDTHS",
]  # fmt: skip

SPACES = "ALEW"

_ROWS = "LAE"
OPERANDS: dict[Opcode, dict[str, str]] = {
    Opcode.END: {},
    Opcode.LDV: {"d": "L"},
    Opcode.STV: {"a": "L"},
    Opcode.MM: {"d": "L", "a": "L", "b": "W"},
    Opcode.SPSUM: {"d": "A", "a": "L", "b": "E"},
    Opcode.SPMAX: {"d": "A", "a": "L"},
    Opcode.EDGE: {"d": "E", "a": "EL", "b": "A", "c": "A", "r": "A"},
    Opcode.FILL: {"d": _ROWS},
    Opcode.RQROW: {"d": _ROWS, "a": _ROWS, "b": "LA"},
    Opcode.RECIP: {"d": "A", "a": "A"},
    **{
        op: {"d": _ROWS, "a": _ROWS, "b": _ROWS}
        for op in (Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY)
    },
    **{
        op: {"d": _ROWS, "a": _ROWS}
        for op in (Opcode.RQ, Opcode.LRELU, Opcode.LUT8, Opcode.FIXMIN)
    },
}
"""Operands of each operation, and the spaces that they may be in."""

OPTIONAL = {Opcode.SPSUM: "b", Opcode.EDGE: "dabcr"}
SHARDS_ONLY = (Opcode.SPSUM, Opcode.SPMAX, Opcode.EDGE)
CHUNKS_ONLY = (Opcode.STV, Opcode.RECIP)
TENSORS = (Opcode.LDV, Opcode.STV)
"""Those whose c is a tensor."""

USES_K = (Opcode.MM, Opcode.SPSUM, Opcode.AXPY, Opcode.RQ, Opcode.RQROW)
USES_IMM = (Opcode.MM, Opcode.EDGE, Opcode.FILL, Opcode.AXPY, Opcode.LRELU, Opcode.LUT8)
FLAGS = {
    **dict.fromkeys((Opcode.MM, Opcode.RQ, Opcode.RQROW), FLAG_RELU),
    **dict.fromkeys((Opcode.LDV, Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY), FLAG_ONE),
    Opcode.EDGE: FLAG_MAX,
}

WIDTHS = {"imm": 24, "flags": 6, "k": 4, "c": 6, "b": 6, "a": 6, "d": 6, "op": 6}
"""Fields of an instruction from bit 0 on."""

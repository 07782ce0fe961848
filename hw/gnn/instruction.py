"""Instruction set: 64-bit words, and the slots that they name.

A program is the code of up to five phases of a pass; each phase is the same for every shard or
chunk, because it names rows by *slot*, never by number: an instruction does the same to all rows
of its task. A task is a shard (phases gather) or a chunk of an interval's rows (all others).

Spaces and their rows:

=============  ===========================================  =====================================
space          element types                                row r of a slot is at word
=============  ===========================================  =====================================
ACCUMULATOR    i32, in words of ``lanes``                   half + (first row of the chunk + r,
                                                            or dst_local of an edge) * stride +
                                                            offset
LOCAL          i8, i16, or one i32 (a row's constant)       r * stride + offset, in the thread's
               in words of ``lanes`` bytes                  own memory
EDGE           i16, in words of ``lanes / 2``               e * stride + offset, in the thread's
                                                            own memory
WEIGHT         i8 K x N, both padded to whole tiles         offset + (n_tile * k_tiles + k_tile) *
                                                            R + k: C columns of row k of the tile
=============  ===========================================  =====================================

Strides belong to the pass, see ``records.py``. Numbers are little endian and in two's complement.
Source: brief ``gnn``, section 5; the fused EDGE, RECIP, spaces and types are ours.
"""

from __future__ import annotations

from amaranth.lib import data, enum

__all__ = [
    "FLAG_MAX", "FLAG_ONE", "FLAG_RELU", "INSTRUCTION", "NO_SLOT", "SCALAR", "SLOT", "SLOTS",
    "EdgeImmediate", "ElementType", "Opcode", "Space",
]  # fmt: skip

NO_SLOT = 63
"""Slot number of an operand that is absent."""
SCALAR = 62
"""Slot number that stands for the i16 of each source in the shard's source list."""
SLOTS = 62

FLAG_RELU = 1
"""Negative results become 0 (MM, RQ, RQROW)."""
FLAG_ONE = 2
"""LDV loads one row into row 0 of a slot; ADD, SUB, MUL and AXPY read row 0 of b for all rows."""
FLAG_MAX = 4
"""EDGE reduces by maximum."""


class Space(enum.Enum, shape=2):
    """Memory of a slot."""

    ACCUMULATOR = 0
    LOCAL = 1
    EDGE = 2
    WEIGHT = 3


class ElementType(enum.Enum, shape=2):
    """Type of a slot's elements."""

    I8 = 0
    I16 = 1
    I32 = 2


class Opcode(enum.Enum, shape=6):
    """What an instruction does; rows, columns and elements as its operands have them.

    The element types are those of the slots: results saturate to i8 or i16 and wrap in i32.
    """

    END = 0
    """The task is done."""
    LDV = 1
    """d (LOCAL) = rows of tensor c: the shard's sources, or the chunk's rows."""
    STV = 2
    """Rows of tensor c = a (LOCAL); chunks only."""
    MM = 3
    """d (LOCAL) = RQ_k(a (LOCAL i8, K) x b (WEIGHT, K x N) + bias[imm ...]); RELU."""
    SPSUM = 4
    """d (ACC)[dst] += a (LOCAL i8)[src] * s; s is 1 (b = NO_SLOT), the source's scalar
    (b = SCALAR) or element ``column >> k`` of b (EDGE)[e]; with k = 0 these are in one word. k = 15
    means element 0. Shards only."""
    SPMAX = 5
    """d (ACC)[dst] = max(d, a (LOCAL i8)[src]). Shards only."""
    EDGE = 6
    """For each edge and element: ``u = sat16(a + b[dst])``, ``u = u < 0 ? LRELU(u) : u``; if c,
    ``u = EXP2N((c[dst] - u) & 0xffff)``; then ``d[e] = u`` and ``r[dst] (+= | max=) u``. a is LOCAL
    i16 by source, or EDGE, or absent (0); b, c, r are ACCUMULATOR, d is EDGE, each may be absent;
    r and the slope are in the immediate. Shards only."""
    FILL = 8
    """d = imm, in every element."""
    ADD = 9
    """d = a + b."""
    SUB = 10
    """d = a - b."""
    MUL = 11
    """d = a * b; of an i32 b the lower 24 bits count, as a number with a sign."""
    AXPY = 12
    """d = (a << k) + b * imm."""
    RQ = 13
    """d = RQ(a, constant k); RELU."""
    RQROW = 14
    """d = RQ(a, w), w the packed constant ``m | s << 16`` of the row: b is one i32 (LOCAL), or
    element ``column >> k`` of b (ACCUMULATOR, at most ``lanes`` elements); RELU."""
    RECIP = 15
    """d (ACC) = packed constant of 1 / a (ACC): ``k = floor(log2 a)``, ``m = (2^(k+15) + a/2)/a``,
    ``s = k + 15``; 0 for a <= 0."""
    LRELU = 16
    """d = a >= 0 ? a : (a * imm + 2^14) >> 15."""
    LUT8 = 17
    """d (i8) = table[imm][a & 255] (a i8)."""
    FIXMIN = 18
    """d = a == -32768 ? 0 : a."""


INSTRUCTION = data.StructLayout({
    "imm": 24, "flags": 6, "k": 4, "c": 6, "b": 6, "a": 6, "d": 6, "op": 6,
})  # fmt: skip
"""An instruction; its most significant field is the operation code."""

EdgeImmediate = data.StructLayout({"slope": 16, "reserved": 2, "r": 6})
"""The immediate of EDGE: slope of LRELU, 0 to 2^15 = 1.0, and the slot of the reduction."""

SLOT = data.StructLayout({
    "space": Space, "type": ElementType, "reserved": 12, "offset": 16, "elements": 16,
    "columns": 16,
})  # fmt: skip
"""An entry of the slot table: offset in words of its space; elements of a row, or K of weights;
columns N of weights, else 0."""

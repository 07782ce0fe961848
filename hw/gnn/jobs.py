"""What the issue logic hands to the units, and the ports of the memories that units use.

A unit takes a job from a stream, carries it out on the memories of the job's thread, and then
tells the thread. A thread has one job under way, so that its own memories never see two clients.
"""

from __future__ import annotations

from typing import Any

from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from .instruction import ElementType, Opcode, Space
from .parameters import GnnParameters

__all__ = [
    "CONSTANT", "MEMORY_LATENCY", "TILE_BITS", "LoadKind", "accumulator_read",
    "accumulator_write", "finished", "local_read", "local_write", "matrix_job", "operands",
    "read_job", "table_write", "vector_job", "write_job",
]  # fmt: skip

MEMORY_LATENCY = 3
"""Cycles from the address of a read to its data: a word asked for in cycle n is on ``data`` in
cycle n + 3. A write in cycle n is seen by reads asked for in cycle n + 1 and later."""

CONSTANT = data.StructLayout({"m": 16, "s": 6})
"""A factor ``m * 2^-s``, s at most 47."""

TILE_BITS = 12
"""Of a number of tiles: weights have 1 to 4,095 in either direction, or their slot is refused."""


def operands(p: GnnParameters) -> dict[str, data.StructLayout]:
    """Operands: word of its row 0 in its space, and words from one row to the next (0 repeats row
    0). In the accumulator memory row 0 is the chunk's first, or the interval's in a shard; ``base``
    has the half and the first row of the chunk in it. c and r are accumulators.

    Words count modulo a power of two that is not less than the words of the space: of a row that is
    in it the address is exact, and of others there is none, since the slot is refused.
    """
    word = range(p.accumulator_words)
    of_accumulators = data.StructLayout({"present": 1, "base": word, "stride": word})
    of_any = data.StructLayout({
        "present": 1, "space": Space, "type": ElementType, "base": p.address_bits,
        "stride": p.address_bits,
    })  # fmt: skip
    return {"d": of_any, "a": of_any, "b": of_any, "c": of_accumulators, "r": of_accumulators}


def vector_job(p: GnnParameters) -> data.StructLayout:
    """A job of the vector unit. ``rows`` are those of operands other than EDGE's (a chunk's rows or
    a shard's sources; for element-wise operations in EDGE space it holds the shard's edges);
    ``edges`` are those of SPSUM, SPMAX and EDGE. ``scalar``: SPSUM multiplies by the sources'
    scalars. ``elements`` are those of a row, in all operands but the constants of RQROW and the
    scalars of SPSUM. ``imm`` is signed; EDGE has its slope in the low 16 bits. ``constant`` is that
    of k for RQ.
    """
    return data.StructLayout({
        "thread": 4, "op": Opcode, "relu": 1, "maximum": 1, "k": 4, "imm": 24,
        "constant": CONSTANT, "rows": 16, "edges": range(p.max_edges + 1),
        "elements": range(p.row_elements + 1), "scalar": 1, **operands(p),
    })  # fmt: skip


def matrix_job(p: GnnParameters) -> data.StructLayout:
    """A job of the matrix unit: i16 results if ``wide``; operand and result rows have one stride,
    since both are in local memory; first words of the weights and of the bias (one word for each
    n_tile).
    """
    return data.StructLayout({
        "thread": 4, "relu": 1, "wide": 1, "constant": CONSTANT, "rows": 16,
        "a_base": p.local_bits, "d_base": p.local_bits, "stride": p.local_bits,
        "weight": range(p.weight_words), "k_tiles": TILE_BITS, "n_tiles": TILE_BITS,
        "bias": range(p.bias_words),
    })  # fmt: skip


class LoadKind(enum.Enum, shape=3):
    """Where a read job puts what it reads."""

    ROWS = 0
    """Rows of a chunk, one after the other in memory, into the thread's local memory."""
    GATHERED = 1
    """Rows of a shard's sources, by their ids, into the thread's local memory."""
    SOURCES = 2
    EDGES = 3
    SCALARS = 4
    """Lists of a shard, into the thread's memories of that kind."""


def read_job(p: GnnParameters) -> data.StructLayout:
    """A read. Rows: ``rows`` of ``bytes``, row r at ``address + place * row_step`` with place r or
    the r-th source id, to words ``base + r * stride``. Lists: ``rows`` entries at ``address``.
    """
    return data.StructLayout({
        "thread": 4, "kind": LoadKind, "address": 40, "row_step": 16,
        "bytes": range(p.row_bytes + 1), "rows": 16, "base": p.local_bits, "stride": p.local_bits,
    })  # fmt: skip


def write_job(p: GnnParameters) -> data.StructLayout:
    """A write of rows, as a read of kind ROWS."""
    return data.StructLayout({
        "thread": 4, "address": 40, "row_step": 16, "bytes": range(p.row_bytes + 1), "rows": 16,
        "base": p.local_bits, "stride": p.local_bits,
    })  # fmt: skip


def finished() -> wiring.Signature:
    """The end of a job, for one cycle; for a writer of memories all of it is then in place."""
    return wiring.Signature({"valid": Out(1), "thread": Out(4)})


def local_read(words: int, width: int) -> wiring.Signature:
    """A read port of a thread's memory, as its client has it; see MEMORY_LATENCY."""
    return wiring.Signature({
        "enable": Out(1), "thread": Out(4), "address": Out(range(words)), "data": In(width),
    })  # fmt: skip


def local_write(words: int, width: int, mask_bits: int) -> wiring.Signature:
    """A write port of a thread's memory; bit i of the mask enables the i-th part of the word."""
    return wiring.Signature({
        "enable": Out(mask_bits), "thread": Out(4), "address": Out(range(words)),
        "data": Out(width),
    })  # fmt: skip


def accumulator_read(p: GnnParameters) -> wiring.Signature:
    """The read port of the accumulator memory, as the vector unit has it."""
    return wiring.Signature({
        "enable": Out(1), "address": Out(range(p.accumulator_words)),
        "data": In(p.accumulator_bits),
    })  # fmt: skip


def accumulator_write(p: GnnParameters) -> wiring.Signature:
    """The write port of the accumulator memory; the mask has a bit for each half of a word."""
    return wiring.Signature({
        "enable": Out(2), "address": Out(range(p.accumulator_words)),
        "data": Out(p.accumulator_bits),
    })  # fmt: skip


def table_write(width: int) -> wiring.Signature:
    """Loading of a table or weight memory, as the loader has it."""
    members: dict[str, Any] = {"enable": Out(1), "address": Out(20), "data": Out(width)}
    return wiring.Signature(members)

"""Records of the image that an engine reads from memory.

Places in the image are numbers of *blocks* of 32 bytes from its start, so that every list and
table begins at a whole beat of any bus.

An image has a table of passes. An engine runs passes one after another, each after all writes of
the one before it were acknowledged. At the start of a pass it loads the sections that the record
names (code, slots, constants, tensors, weights, bias, byte tables, exponential table) into its own
memories; a section of length 0 keeps what is there. Then it goes through the intervals.

Phases of an interval, in this order, those without code skipped: SCATTER (chunks), GATHER0
(shards), APPLY0 (chunks), GATHER1 (shards), APPLY1 (chunks). A phase opens when no task of the
phase before it is left or runs. The tasks of a phase are independent. ``halves`` intervals are
under way at a time, each with its part of the accumulator memory.

Source: brief ``gnn``, section 6; passes as records, and sections, are ours.
"""

from __future__ import annotations

from amaranth.lib import data, enum

__all__ = [
    "BLOCK_BYTES",
    "BLOCK_SHIFT",
    "INTERVAL",
    "INTERVAL_BYTES",
    "NO_CODE",
    "PASS",
    "PASS_BYTES",
    "PHASES",
    "SECTION",
    "SECTIONS",
    "SHARD",
    "SHARD_BYTES",
    "TENSOR",
    "TENSORS",
    "VERSION",
    "Phase",
    "Section",
]  # fmt: skip

VERSION = 1
BLOCK_SHIFT = 5
BLOCK_BYTES = 1 << BLOCK_SHIFT
PASS_BYTES = 128
INTERVAL_BYTES = 32
SHARD_BYTES = 16
TENSORS = 16
NO_CODE = 0xFFFF
"""First instruction of a phase that the pass has not."""


class Phase(enum.Enum, shape=3):
    """Phases of an interval in their order."""

    SCATTER = 0
    GATHER0 = 1
    APPLY0 = 2
    GATHER1 = 3
    APPLY1 = 4


PHASES = len(Phase)


class Section(enum.Enum, shape=3):
    """What a pass loads into an engine, in this order."""

    CODE = 0
    """Instructions, 8 bytes each."""
    SLOTS = 1
    """The slot table, 8 bytes an entry."""
    CONSTANTS = 2
    """Constants of RQ, ``m | s << 16``, 4 bytes each, at most 16."""
    TENSORS = 3
    """Tensors, 8 bytes each."""
    WEIGHTS = 4
    """Words of the weight memory, ``columns`` bytes each."""
    BIAS = 5
    """Words of the bias memory, ``4 * columns`` bytes each."""
    TABLES = 6
    """Tables of 256 bytes, entry ``code & 255`` of the byte ``code``."""
    EXPONENTIALS = 7
    """Table T of EXP2N, 256 entries of 2 bytes: ``EXP2N(t) = T[t & 255] * 2^-(t >> 8)``, halves
    rounded up."""


SECTIONS = len(Section)

SECTION = data.StructLayout({"block": 32, "bytes": 32})
"""Where a section is, and its length."""

TENSOR = data.StructLayout({"block": 32, "stride": 16, "reserved": 16})
"""Where row 0 of a tensor is, and the bytes from one row to the next, a multiple of the bus."""

PASS = data.StructLayout({
    "pc": data.ArrayLayout(16, PHASES), "chunk_rows": 16, "accumulator_stride": 16,
    "chunk_stride": 16, "source_stride": data.ArrayLayout(16, 2),
    "edge_stride": data.ArrayLayout(16, 2), "halves": 8, "has_scalars": 8, "reserved0": 16,
    "interval_block": 32, "shard_block": 32, "reserved1": 224,
    "sections": data.ArrayLayout(SECTION, SECTIONS),
})  # fmt: skip
"""A pass: first instruction of each phase, in the code or NO_CODE; most rows of a chunk; words from
one row to the next in the accumulator memory, in local memory in chunks, and in local and edge
memory in the shards of either round; intervals under way at a time (1 or 2); whether shards of
round 0 (bit 0) and of round 1 (bit 1) have scalars of their sources; interval and shard records;
sections."""

INTERVAL = data.StructLayout({
    "first": 32, "rows": 16, "last": 1, "reserved0": 15,
    "shards": data.ArrayLayout(
        data.StructLayout({"first": 32, "count": 16, "reserved": 16}), 2
    ),
    "reserved1": 64,
})  # fmt: skip
"""An interval: its first vertex, how many there are, whether it is the last one of the pass, and
the shards of either round."""

SHARD = data.StructLayout({
    "source_block": 32, "edge_block": 32, "scalar_block": 32, "sources": 16, "edges": 16,
})  # fmt: skip
"""A shard: its lists of source ids (u32), of edges (u32, ``dst_local << 16 | src_local``,
ascending) and of scalars (i16, one for each source), and their lengths."""

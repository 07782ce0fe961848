"""A probe: an image of a few instructions by hand, and what an engine must say to it.

That is told by `hw/gnn/instruction.py`, `records.py` and `faults.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...generators.gnn.formats import (
    BLOCK_BYTES,
    NO_CODE,
    NO_SLOT,
    PASS_BYTES,
    Counter,
    Fault,
    Opcode,
    Phase,
    Section,
)
from ...generators.gnn.image import INTERVAL_TYPE, LAST, SHARD_TYPE, Image
from .isa import OPERANDS, SPACES, TENSORS, WIDTHS
from .records import PASS_TYPE, TENSOR_TYPE

__all__ = [
    "ASIDE", "END", "RECORDS_THERE", "SHARD_PHASES", "SLOTS", "TYPES", "Probe", "build_probe",
    "instruction_of", "powers", "slot_of", "spaces_of", "word_of",
]  # fmt: skip

TYPES = {"A": 2, "L": 0, "E": 1, "W": 0}
SHARD_PHASES = (Phase.GATHER0, Phase.GATHER1)
ASIDE = 700
"""More cycles than it takes to load a probe and to begin and end its jobs: some 500 by a bus of 4
bytes. A unit at half its speed shows in the longest probes."""
RECORDS_THERE = 3
"""Intervals or shards that a probe has; those behind them are not in memory."""


def word_of(op: int, **fields: int) -> int:
    """Return an instruction; operands that are not given are absent."""
    values = dict.fromkeys("abcd", NO_SLOT) | {"op": op} | fields
    word = at = 0
    for name, width in WIDTHS.items():
        word |= (values.get(name, 0) & (1 << width) - 1) << at
        at += width
    return word


def slot_of(space: str, kind: int | None = None, **fields: int) -> int:
    """Return a slot of one element."""
    values = {"offset": 0, "elements": 1, "columns": int(space == "W")} | fields
    kind = TYPES[space] if kind is None else kind
    return (
        SPACES.index(space) | kind << 2 | values["offset"] << 16 | values["elements"] << 32
        | values["columns"] << 48
    )  # fmt: skip


END = word_of(Opcode.END.value)
SLOTS = tuple(slot_of(space) for space in SPACES)


def spaces_of(op: Opcode, name: str, phase: Phase) -> str:
    """Return the spaces that an operand may be in, in a phase."""
    allowed = OPERANDS[op][name]
    if phase not in SHARD_PHASES:
        return allowed.replace("E", "")
    return allowed.replace("A", "") if op.value >= Opcode.FILL.value else allowed


def instruction_of(op: Opcode, phase: Phase, **changes: int) -> int:
    """Return a legal instruction with every operand that it may have, but for the changes."""
    used = {
        name: SPACES.index(spaces_of(op, name, phase)[0]) for name in OPERANDS[op]
    } | changes  # fmt: skip
    if op in TENSORS:
        used.setdefault("c", 0)
    if op is Opcode.EDGE:
        used["imm"] = used.pop("r") << 18 | used.pop("slope", 0)
    return word_of(op.value, **used)


def powers(least: int, bits: int) -> tuple[int, ...]:
    """Return the powers of two from `least` on that fit some bits."""
    return tuple(1 << bit for bit in range(bits) if 1 << bit >= least)


@dataclass(frozen=True)
class Probe:
    """An image of one pass with code for one phase.

    Attributes
    ----------
    name
        For people.
    fault
        What it ends with; NONE: it runs to its end.
    code, slots
        Words; END follows. The phase begins with the first one.
    phase
        The one that has code.
    pass_, interval, shard
        Fields of the records that are not as usual: a row, a shard of a source and an edge.
        ``shard`` of an interval is its first one, ``count`` how many it has.
    bytes
        Lengths of sections that are not as usual.
    shards
        Records of shards that are there, all with the same lists.
    tensor
        Blocks of the tensor, a row each.
    together
        Rows of it that are asked for before the memory gives the first one.
    last
        What nothing in memory is behind: ``intervals``, ``shards`` or ``tensor``.
    pc
        What ERROR_PC tells, counted from the phase's first instruction.
    at
        Instructions before that one.
    thread
        Whether ERROR names a thread.
    busy
        What counters of busy cycles and of beats tell, where it runs to its end.
    cycles
        Most that it may take then beyond `ASIDE`, with a memory that answers at once; 0: any.
    """

    name: str
    fault: Fault
    code: tuple[int, ...] = ()
    slots: tuple[int, ...] = SLOTS
    phase: Phase = Phase.APPLY0
    pass_: Mapping[str, Any] = field(default_factory=dict)
    interval: Mapping[str, Any] = field(default_factory=dict)
    shard: Mapping[str, Any] = field(default_factory=dict)
    bytes: Mapping[Section, int] = field(default_factory=dict)
    shards: int = RECORDS_THERE
    tensor: int = 1
    together: int = 0
    last: str = ""
    pc: int = 0
    at: int = 0
    thread: bool = True
    busy: Mapping[Counter, int] = field(default_factory=dict)
    cycles: int = 0


def build_probe(probe: Probe, rng: np.random.Generator) -> Image:
    """Return the image of a probe; what it does not care about is random."""
    pieces = {"pass": np.zeros(PASS_BYTES, np.uint8)}
    intervals = np.zeros(RECORDS_THERE, INTERVAL_TYPE)
    intervals["rows"] = 1
    intervals["flags"] = LAST
    round_ = SHARD_PHASES.index(probe.phase) if probe.phase in SHARD_PHASES else None
    if round_ is not None:
        intervals["shards"]["count"][:, round_] = 1
    for name, value in probe.interval.items():
        shards_of = {"count": "count", "shard": "first"}.get(name)
        place = intervals["shards"][shards_of][:, round_] if shards_of else intervals[name]
        place[:] = value
    shards = np.zeros(probe.shards, SHARD_TYPE)
    lengths = {"sources": 1, "edges": 1} | dict(probe.shard)
    for name, length in lengths.items():
        shards[name] = length
    # Lists that are too long are not read.
    sources, edges = (
        1 if probe.fault is Fault.RECORD else np.max(n) for n in lengths.values()
    )
    sections = {
        Section.CODE: np.array((*(END,) * probe.at, *probe.code, END), "<u8"),
        Section.SLOTS: np.array(probe.slots, "<u8"),
        Section.CONSTANTS: rng.integers(0, 256, 4, np.uint8),
        Section.TENSORS: np.zeros(1, TENSOR_TYPE),
    }
    pieces |= {
        "intervals": intervals, "shards": shards,
        **{each.name: words for each, words in sections.items()},
        "sources": np.zeros(sources, "<u4"), "list": np.zeros(edges, "<u4"),
        "scalars": np.zeros(sources, "<i2"),
        "tensor": rng.integers(0, 256, BLOCK_BYTES * probe.tensor, np.uint8),
    }  # fmt: skip
    if probe.last:
        pieces[probe.last] = pieces.pop(probe.last)
    block, blocks = 0, {}
    for name, piece in pieces.items():
        blocks[name] = block
        block += -(-piece.nbytes // BLOCK_BYTES)
    shards["source_block"], shards["edge_block"] = blocks["sources"], blocks["list"]
    shards["scalar_block"] = blocks["scalars"]
    sections[Section.TENSORS]["block"] = blocks["tensor"]
    sections[Section.TENSORS]["stride"] = BLOCK_BYTES
    record = pieces["pass"].view(PASS_TYPE)[0]
    record["pc"] = NO_CODE
    record["pc"][probe.phase.value] = probe.at
    for name in ("chunk_rows", "accumulator_stride", "chunk_stride", "halves"):
        record[name] = 1
    record["source_stride"] = record["edge_stride"] = 1
    record["interval_block"], record["shard_block"] = blocks["intervals"], blocks["shards"]
    for section, words in sections.items():
        record["sections"][section.value] = (blocks[section.name], words.nbytes)
    for section, size in probe.bytes.items():
        record["sections"]["bytes"][section.value] = size
    for name, value in probe.pass_.items():
        if name == "pc":
            record["pc"][probe.phase.value] = value
        else:
            record[name] = value
    memory = np.zeros(block * BLOCK_BYTES, np.uint8)
    for name, piece in pieces.items():
        raw = np.ascontiguousarray(piece).view(np.uint8).ravel()
        start = blocks[name] * BLOCK_BYTES
        memory[start : start + len(raw)] = raw
    # A block is more than a record: what is behind the last one is not there.
    end = blocks[probe.last] * BLOCK_BYTES + pieces[probe.last].nbytes if probe.last else None
    return Image(memory[:end], 0, 1, {})

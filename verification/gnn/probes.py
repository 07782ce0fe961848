"""Probes: images of a few instructions by hand, each right, or wrong in one way.

What an engine must say to each is told by `hw/gnn/instruction.py`, `records.py` and `faults.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...generators.gnn.formats import (
    BLOCK_BYTES,
    NO_CODE,
    NO_SLOT,
    PASS_BYTES,
    SCALAR,
    Counter,
    Fault,
    GnnParameters,
    Opcode,
    Phase,
    Section,
)
from ...generators.gnn.image import INTERVAL_TYPE, SHARD_TYPE, Image
from .isa import (
    CHUNKS_ONLY,
    OPERANDS,
    OPTIONAL,
    SHARDS_ONLY,
    SPACES,
    TENSORS,
    WIDTHS,
)
from .records import PASS_TYPE, TENSOR_TYPE

__all__ = ["Probe", "build_probe", "make_probes"]

_TYPES = {"A": 2, "L": 0, "E": 1, "W": 0}
_SHARDS = (Phase.GATHER0, Phase.GATHER1)
_LONGEST = 256
_SELDOM = 8
_ROW_BITS = 13
"""Rows beyond this would take too long."""
_RECORDS_THERE = 3
"""Intervals or shards that a probe has; those behind them are not in memory."""


def _word(op: int, **fields: int) -> int:
    """Return an instruction; operands that are not given are absent."""
    values = dict.fromkeys("abcd", NO_SLOT) | {"op": op} | fields
    word = at = 0
    for name, width in WIDTHS.items():
        word |= (values.get(name, 0) & (1 << width) - 1) << at
        at += width
    return word


def _slot(space: str, kind: int | None = None, **fields: int) -> int:
    """Return a slot of one element."""
    values = {"offset": 0, "elements": 1, "columns": int(space == "W")} | fields
    kind = _TYPES[space] if kind is None else kind
    return (
        SPACES.index(space) | kind << 2 | values["offset"] << 16 | values["elements"] << 32
        | values["columns"] << 48
    )  # fmt: skip


_END = _word(Opcode.END.value)
_SLOTS = tuple(_slot(space) for space in SPACES)


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
    bytes
        Lengths of sections that are not as usual.
    last
        What nothing in memory is behind: ``intervals``, ``shards`` or ``tensor``.
    pc
        What ERROR_PC tells, counted from the phase's first instruction.
    at
        Instructions before that one.
    thread
        Whether ERROR names a thread.
    busy
        What counters of busy cycles tell, where it runs to its end.
    """

    name: str
    fault: Fault
    code: tuple[int, ...] = ()
    slots: tuple[int, ...] = _SLOTS
    phase: Phase = Phase.APPLY0
    pass_: Mapping[str, Any] = field(default_factory=dict)
    interval: Mapping[str, Any] = field(default_factory=dict)
    shard: Mapping[str, Any] = field(default_factory=dict)
    bytes: Mapping[Section, int] = field(default_factory=dict)
    last: str = ""
    pc: int = 0
    at: int = 0
    thread: bool = True
    busy: Mapping[Counter, int] = field(default_factory=dict)


def build_probe(probe: Probe, rng: np.random.Generator) -> Image:
    """Return the image of a probe; what it does not care about is random."""
    pieces = {"pass": np.zeros(PASS_BYTES, np.uint8)}
    intervals = np.zeros(_RECORDS_THERE, INTERVAL_TYPE)
    intervals["rows"] = 1
    round_ = _SHARDS.index(probe.phase) if probe.phase in _SHARDS else None
    if round_ is not None:
        intervals["shards"]["count"][:, round_] = 1
    for name, value in probe.interval.items():
        place = intervals["shards"]["count"][:, round_] if name == "count" else intervals[name]
        place[:] = value
    shards = np.zeros(_RECORDS_THERE, SHARD_TYPE)
    lengths = {"sources": 1, "edges": 1} | dict(probe.shard)
    for name, length in lengths.items():
        shards[name] = length
    # Lists that are too long are not read.
    sources, edges = (min(length, _LONGEST) for length in lengths.values())
    sections = {
        Section.CODE: np.array((*(_END,) * probe.at, *probe.code, _END), "<u8"),
        Section.SLOTS: np.array(probe.slots, "<u8"),
        Section.CONSTANTS: rng.integers(0, 256, 4, np.uint8),
        Section.TENSORS: np.zeros(1, TENSOR_TYPE),
    }
    pieces |= {
        "intervals": intervals, "shards": shards,
        **{each.name: words for each, words in sections.items()},
        "sources": np.zeros(sources, "<u4"), "list": np.zeros(edges, "<u4"),
        "scalars": np.zeros(sources, "<i2"), "tensor": rng.integers(0, 256, BLOCK_BYTES, np.uint8),
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
    for name in ("chunk_rows", "accumulator_stride", "chunk_stride", "halves", "intervals"):
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


def make_probes(p: GnnParameters) -> Iterator[Probe]:
    """Return all probes for an engine of some size."""
    yield from _legal(p)
    yield from _rows(p)
    yield from _counts(p)
    yield from _records(p)
    for number, probe in enumerate((
        *_instructions(p), *_operands(), *_slots(p), *_extents(p), *_transfers(p)
    )):  # fmt: skip
        # Some of them anywhere in the code.
        room = p.instructions - len(probe.code) - 1
        moved = number % _SELDOM == 0 and not probe.pass_ and not probe.bytes
        yield replace(probe, at=number // _SELDOM * 37 % room) if moved else probe


def _spaces(op: Opcode, name: str, phase: Phase) -> str:
    """Return the spaces that an operand may be in, in a phase."""
    allowed = OPERANDS[op][name]
    if phase not in _SHARDS:
        return allowed.replace("E", "")
    return allowed.replace("A", "") if op.value >= Opcode.FILL.value else allowed


def _phases(op: Opcode) -> Iterable[Phase]:
    if op not in SHARDS_ONLY:
        yield Phase.APPLY0
    if op not in CHUNKS_ONLY:
        yield Phase.GATHER0


def _instruction(op: Opcode, phase: Phase, **changes: int) -> int:
    """Return a legal instruction with every operand that it may have, but for the changes."""
    used = {
        name: SPACES.index(_spaces(op, name, phase)[0]) for name in OPERANDS[op]
    } | changes  # fmt: skip
    if op in TENSORS:
        used.setdefault("c", 0)
    if op is Opcode.EDGE:
        used["imm"] = used.pop("r") << 18 | used.pop("slope", 0)
    return _word(op.value, **used)


def _each_operation() -> Iterator[tuple[Opcode, Phase]]:
    for op in OPERANDS:
        if op is not Opcode.END:
            yield from ((op, phase) for phase in _phases(op))


def _legal(p: GnnParameters) -> Iterator[Probe]:
    for phase in (Phase.APPLY0, Phase.GATHER0, Phase.GATHER1):
        kind = Phase.APPLY0 if phase is Phase.APPLY0 else Phase.GATHER0
        words = tuple(_instruction(op, each) for op, each in _each_operation() if each is kind)
        yield Probe(f"every operation in {phase.name}", Fault.NONE, words, phase=phase)
    # More tasks than threads: lists wait until those of others are read.
    crowd = {"sources": min(16, p.max_sources), "edges": min(16, p.max_edges)}
    yield Probe("many lists", Fault.NONE, (_instruction(Opcode.LDV, Phase.GATHER0),),
                phase=Phase.GATHER0, interval={"count": _RECORDS_THERE}, shard=crowd,
                pass_={"intervals": _RECORDS_THERE, "halves": 2, "has_scalars": 1},
                )  # fmt: skip
    # The last word of each space, and the last place of the bias.
    slots = tuple(
        _slot(space, offset=size - (p.rows if space == "W" else 1))
        for space, size in _sizes(p).items()
    )
    fills = tuple(_word(Opcode.FILL.value, d=slot) for slot in (0, 1))
    multiply = _word(Opcode.MM.value, d=1, a=1, b=3, imm=p.bias_words - 1)
    yield Probe("ends of spaces", Fault.NONE, (*fills, multiply), slots)


def _instructions(p: GnnParameters) -> Iterator[Probe]:
    """Words that are no instructions."""
    known = {op.value for op in Opcode}
    for op in sorted(set(range(64)) - known):
        yield Probe(f"operation {op}", Fault.INSTRUCTION, (_word(op, a=1, b=1, c=0, d=1),))
    for op, phase in _each_operation():
        for name in OPERANDS[op]:
            optional = OPTIONAL.get(op, "")
            if name not in optional:
                word = _instruction(op, phase, **{name: NO_SLOT})
                yield Probe(f"{op.name} without {name}", Fault.INSTRUCTION, (word,), phase=phase)
            if (op, name) != (Opcode.SPSUM, "b"):
                word = _instruction(op, phase, **{name: SCALAR})
                yield Probe(f"{op.name} {name}=SCALAR", Fault.INSTRUCTION, (word,), phase=phase)
    for op in TENSORS:
        for number in (16, 32, NO_SLOT):
            word = _instruction(op, Phase.APPLY0, c=number)
            yield Probe(f"{op.name} of tensor {number}", Fault.INSTRUCTION, (word,))
        word = _instruction(op, Phase.APPLY0, c=1)
        yield Probe(f"{op.name} of a tensor that is not there", Fault.OPERAND, (word,))
    for table in (p.tables, *_bits(p.tables + 1, 24)):
        word = _instruction(Opcode.LUT8, Phase.APPLY0, imm=table)
        yield Probe(f"table {table}", Fault.INSTRUCTION, (word,))
    for slope in (0x8001, 0xC000, 0xFFFF):
        word = _instruction(Opcode.EDGE, Phase.GATHER0, slope=slope)
        yield Probe(f"slope {slope}", Fault.INSTRUCTION, (word,), phase=Phase.GATHER0)
    nothing = dict.fromkeys("dab", NO_SLOT)
    word = _instruction(Opcode.EDGE, Phase.GATHER0, **nothing)
    yield Probe("EDGE of nothing", Fault.INSTRUCTION, (word,), phase=Phase.GATHER0)
    for start in _bits(2, 16):
        yield Probe(f"first instruction {start}", Fault.PROGRAM_COUNTER, (_END,),
                    pass_={"pc": start}, pc=start)  # fmt: skip
    fill = _instruction(Opcode.FILL, Phase.APPLY0)
    yield Probe("without END", Fault.PROGRAM_COUNTER, (fill,), bytes={Section.CODE: 8}, pc=1)
    late = (fill,) * 3
    yield Probe("wrong in the fourth place", Fault.INSTRUCTION, (*late, _word(7)), pc=3)


def _operands() -> Iterator[Probe]:
    """Operations in the wrong phase, and operands in the wrong space or without a slot."""
    for op, phase in _each_operation():
        for name in OPERANDS[op]:
            for space in set(SPACES) - set(_spaces(op, name, phase)):
                word = _instruction(op, phase, **{name: SPACES.index(space)})
                yield Probe(f"{op.name} {name} in {space}, {phase.name}", Fault.OPERAND, (word,),
                            phase=phase)  # fmt: skip
            word = _instruction(op, phase, **{name: len(_SLOTS)})
            yield Probe(f"{op.name} {name} has no slot", Fault.SLOT, (word,), phase=phase)
    for op, phase in (*((op, Phase.GATHER0) for op in SHARDS_ONLY),
                      *((op, Phase.APPLY0) for op in CHUNKS_ONLY)):  # fmt: skip
        other = Phase.APPLY1 if phase is Phase.GATHER0 else Phase.GATHER1
        yield Probe(f"{op.name} in {other.name}", Fault.OPERAND, (_instruction(op, phase),),
                    phase=other)  # fmt: skip
    for number in (8, 16, 32, 61):
        word = _instruction(Opcode.FILL, Phase.APPLY0, d=number)
        yield Probe(f"slot {number}", Fault.SLOT, (word,))


def _use(space: str, slot: int, p: GnnParameters, **changes: Any) -> Probe:
    """Return a probe with an instruction that uses a slot of some space."""
    slots = tuple(slot if SPACES.index(space) == i else each for i, each in enumerate(_SLOTS))
    if space == "W":
        return Probe("", Fault.SLOT, (_instruction(Opcode.MM, Phase.APPLY0),), slots, **changes)
    if space == "E":
        word = _instruction(Opcode.FILL, Phase.GATHER0, d=SPACES.index("E"))
        return Probe("", Fault.SLOT, (word,), slots, Phase.GATHER0, **changes)
    word = _instruction(Opcode.FILL, Phase.APPLY0, d=SPACES.index(space))
    return Probe("", Fault.SLOT, (word,), slots, **changes)


def _named(probe: Probe, name: str) -> Probe:
    return replace(probe, name=name)


def _sizes(p: GnnParameters) -> dict[str, int]:
    return dict(zip(
        SPACES, (p.accumulator_words, p.local_words, p.edge_words, p.weight_words), strict=True
    ))  # fmt: skip


def _slots(p: GnnParameters) -> Iterator[Probe]:
    """Slots of a type that their space has not, or that leave it."""
    sizes = _sizes(p)
    for space, types in (("A", (0, 1, 3)), ("L", (3,)), ("E", (0, 2, 3)), ("W", (1, 2, 3))):
        for kind in types:
            yield _named(_use(space, _slot(space, kind), p), f"type {kind} in {space}")
    for space, size in sizes.items():
        yield _named(_use(space, _slot(space, elements=0), p), f"no elements in {space}")
        for offset in (size, *_bits(size + 1, 16)):
            probe = _use(space, _slot(space, offset=offset), p)
            yield _named(probe, f"offset {offset} in {space}")
    per_word = {"A": p.lanes, "L": p.lanes, "E": p.lanes // 2, "W": 1}
    for space, size in sizes.items():
        for elements in (size * per_word[space] + 1, *_bits(size * per_word[space] + 1, 16)):
            if elements < 1 << 16:
                probe = _use(space, _slot(space, elements=elements), p)
                yield _named(probe, f"{elements} elements in {space}")
    for kind, elements in ((1, 1 << 15), (2, 1 << 14), (2, 1 << 15)):
        probe = _use("L", _slot("L", kind, elements=elements), p)
        yield _named(probe, f"{elements} elements of type {kind}")
    for columns in (0, *_bits(p.weight_words // p.rows * p.columns + 1, 16)):
        yield _named(_use("W", _slot("W", columns=columns), p), f"{columns} columns")
    for bias in (p.bias_words, *_bits(p.bias_words + 1, 24)):
        word = _instruction(Opcode.MM, Phase.APPLY0, imm=bias)
        yield Probe(f"bias {bias}", Fault.SLOT, (word,))
    halved = {"pass_": {"halves": 2}}
    half = p.accumulator_words // 2
    yield _named(_use("A", _slot("A", offset=half), p, **halved), "beyond its half")


def _extents(p: GnnParameters) -> Iterator[Probe]:
    """Rows, times their stride, that leave a space: each bit of the product alone."""
    sizes = _sizes(p)
    for bit in range(31):
        rows, stride = 1 << (bit + 1) // 2, 1 << bit // 2
        many = {"chunk_rows": rows + 1}
        for space, name in (("A", "accumulator_stride"), ("L", "chunk_stride")):
            if 1 << bit >= sizes[space]:
                probe = _use(space, _slot(space), p, pass_={**many, name: stride},
                             interval={"rows": rows + 1})  # fmt: skip
                yield _named(probe, f"2^{bit} words in {space}")
        rows = min(rows, p.max_edges // 2)
        stride = (1 << bit) // rows
        if 1 << bit >= sizes["E"] and stride < 1 << 16:
            probe = _use("E", _slot("E"), p, pass_={"edge_stride": [stride, 1]},
                         shard={"edges": rows + 1})  # fmt: skip
            yield _named(probe, f"2^{bit} words in E")


def _counts(p: GnnParameters) -> Iterator[Probe]:
    """More intervals, shards and rows than there are in memory: each bit of a count alone."""
    for bit in range(2, 32):
        count = 1 << bit
        yield Probe(f"2^{bit} intervals", Fault.READ_DECODE, pass_={"intervals": count},
                    last="intervals", thread=False)  # fmt: skip
        for phase in _SHARDS:
            yield Probe(f"2^{bit} shards in {phase.name}", Fault.READ_DECODE, phase=phase,
                        interval={"count": count}, last="shards", thread=False)  # fmt: skip
    load = _instruction(Opcode.LDV, Phase.APPLY0)
    for bit in range(2, 16):
        yield Probe(f"2^{bit} chunks", Fault.READ_DECODE, (load,), interval={"rows": 1 << bit},
                    last="tensor")  # fmt: skip
    for limit, name in ((p.max_sources, "sources"), (p.max_edges, "edges")):
        for count in (limit + 1, *_bits(limit + 1, 16)):
            yield Probe(f"{count} {name}", Fault.RECORD, phase=Phase.GATHER0,
                        shard={name: count})  # fmt: skip


def _many_rows(count: int) -> dict[str, Any]:
    """Return fields of a chunk of many rows in the same place."""
    return {"pass_": {"chunk_rows": count, "chunk_stride": 0}, "interval": {"rows": count}}


def _rows(p: GnnParameters) -> Iterator[Probe]:
    """Each bit of a number of rows alone: units are busy as long."""
    fill = _instruction(Opcode.FILL, Phase.APPLY0, d=1)
    multiply = _instruction(Opcode.MM, Phase.APPLY0)
    for bit in range(_ROW_BITS):
        count = 1 << bit
        blocks = (min(p.psum_rows, count - row) for row in range(0, count, p.psum_rows))
        matrix = sum(max(rows, p.rows) for rows in blocks)
        busy = {Counter.VECTOR_BUSY: count, Counter.MATRIX_BUSY: matrix}
        yield Probe(f"{count} rows", Fault.NONE, (fill, multiply), busy=busy, **_many_rows(count))


def _transfers(p: GnnParameters) -> Iterator[Probe]:
    """Reads and writes of rows that are not in memory."""
    for op, fault in ((Opcode.LDV, Fault.READ_DECODE), (Opcode.STV, Fault.WRITE_DECODE)):
        word = _instruction(op, Phase.APPLY0)
        for bit in range(1, 16):
            yield Probe(f"{op.name} of 2^{bit} rows", fault, (word,), last="tensor",
                        **_many_rows(1 << bit))  # fmt: skip
        for at in (0b1010101, 0b0101010):
            yield Probe(f"{op.name} in place {at}", fault, (word,), last="tensor",
                        at=at % (p.instructions - 1),
                        interval={"rows": 4})  # fmt: skip


def _records(p: GnnParameters) -> Iterator[Probe]:
    """Fields of a pass, and lengths of its sections."""
    for name, values in (
        ("chunk_rows", (0,)), ("halves", (0, 3, *_bits(4, 8))), ("exp_bits", _bits(16, 8)),
    ):  # fmt: skip
        for value in values:
            yield Probe(f"{name} {value}", Fault.RECORD, pass_={name: value}, thread=False)
    for section, unit, most in (
        (Section.CODE, 8, 8 * p.instructions), (Section.SLOTS, 8, 8 * 62),
        (Section.CONSTANTS, 4, 4 * 16), (Section.TENSORS, 8, 8 * 16),
        (Section.WEIGHTS, p.columns, p.columns * p.weight_words),
        (Section.BIAS, 4, 4 * p.columns * p.bias_words), (Section.TABLES, 4, 256 * p.tables),
        (Section.EXPONENTIALS, 4, 512),
    ):  # fmt: skip
        # Each bit of a length that is too large alone, once in all sections.
        large = (size for size in _bits(2 * most, 32) if size.bit_length() % 8 == section.value)
        for size in (most + unit, unit // 2, unit + 1, *large):
            yield Probe(f"{section.name} of {size} bytes", Fault.SECTION, bytes={section: size},
                        thread=False)  # fmt: skip


def _bits(least: int, width: int) -> tuple[int, ...]:
    """Return the powers of two from `least` on that fit some bits."""
    return tuple(1 << bit for bit in range(width) if 1 << bit >= least)



"""All probes for an engine: everything right once, and everything wrong that can be, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ...generators.gnn.formats import (
    BLOCK_BYTES,
    FLAG_ONE,
    JOBS_UNDER_WAY,
    NO_SLOT,
    SCALAR,
    Counter,
    Fault,
    GnnParameters,
    Opcode,
    Phase,
    Section,
)
from ...generators.gnn.image import LAST
from .isa import CHUNKS_ONLY, OPERANDS, OPTIONAL, SHARDS_ONLY, SPACES, TENSORS
from .probe import (
    RECORDS_THERE,
    SHARD_PHASES,
    SLOTS,
    Probe,
    instruction_of,
    powers,
    slot_of,
    spaces_of,
    word_of,
)
from .record_probes import make_record_probes

__all__ = ["make_probes"]

_SELDOM = 8
_ROW_BITS = 13
"""Rows beyond this would take too long."""


def make_probes(p: GnnParameters) -> Iterator[Probe]:
    """Return all probes for an engine of some size."""
    yield from _legal(p)
    yield from _rows(p)
    yield from _long_rows(p)
    yield from _fits(p)
    yield from make_record_probes(p)
    for number, probe in enumerate((
        *_instructions(p), *_operands(), *_slots(p), *_extents(p), *_transfers(p)
    )):  # fmt: skip
        # Some of them anywhere in the code.
        room = p.instructions - len(probe.code) - 1
        moved = number % _SELDOM == 0 and not probe.pass_ and not probe.bytes
        yield replace(probe, at=number // _SELDOM * 37 % room) if moved else probe


def _phases(op: Opcode) -> Iterable[Phase]:
    if op not in SHARDS_ONLY:
        yield Phase.APPLY0
    if op not in CHUNKS_ONLY:
        yield Phase.GATHER0


def _each_operation() -> Iterator[tuple[Opcode, Phase]]:
    for op in OPERANDS:
        if op is not Opcode.END:
            yield from ((op, phase) for phase in _phases(op))


def _legal(p: GnnParameters) -> Iterator[Probe]:
    for phase in (Phase.APPLY0, Phase.GATHER0, Phase.GATHER1):
        kind = Phase.APPLY0 if phase is Phase.APPLY0 else Phase.GATHER0
        words = tuple(instruction_of(op, each) for op, each in _each_operation() if each is kind)
        yield Probe(f"every operation in {phase.name}", Fault.NONE, words, phase=phase)
    # More tasks than threads: lists wait until those of others are read.
    crowd = {"sources": min(16, p.max_sources), "edges": min(16, p.max_edges)}
    yield Probe("many lists", Fault.NONE, (instruction_of(Opcode.LDV, Phase.GATHER0),),
                phase=Phase.GATHER0, shard=crowd, pass_={"halves": 2, "has_scalars": 1},
                interval={"count": RECORDS_THERE, "flags": (*(0,) * (RECORDS_THERE - 1), LAST)},
                )  # fmt: skip
    # The last word of each space, and the last place of the bias.
    slots = tuple(
        slot_of(space, offset=size - (p.rows if space == "W" else 1))
        for space, size in _sizes(p).items()
    )
    fills = tuple(word_of(Opcode.FILL.value, d=slot) for slot in (0, 1))
    multiply = word_of(Opcode.MM.value, d=1, a=1, b=3, imm=p.bias_words - 1)
    yield Probe("ends of spaces", Fault.NONE, (*fills, multiply), slots)
    # Each thread asks for its row before any of them goes on, as far as reads can be under way.
    crowd = min(p.threads, p.outstanding, JOBS_UNDER_WAY)
    yield Probe("a row for each thread", Fault.NONE, (instruction_of(Opcode.LDV, Phase.APPLY0),),
                interval={"rows": crowd}, tensor=crowd, together=crowd)  # fmt: skip


def _instructions(p: GnnParameters) -> Iterator[Probe]:
    """Words that are no instructions."""
    known = {op.value for op in Opcode}
    for op in sorted(set(range(64)) - known):
        yield Probe(f"operation {op}", Fault.INSTRUCTION, (word_of(op, a=1, b=1, c=0, d=1),))
    for op, phase in _each_operation():
        for name in OPERANDS[op]:
            optional = OPTIONAL.get(op, "")
            if name not in optional:
                word = instruction_of(op, phase, **{name: NO_SLOT})
                yield Probe(f"{op.name} without {name}", Fault.INSTRUCTION, (word,), phase=phase)
            if (op, name) != (Opcode.SPSUM, "b"):
                word = instruction_of(op, phase, **{name: SCALAR})
                yield Probe(f"{op.name} {name}=SCALAR", Fault.INSTRUCTION, (word,), phase=phase)
    for op in TENSORS:
        for number in (16, 32, NO_SLOT):
            word = instruction_of(op, Phase.APPLY0, c=number)
            yield Probe(f"{op.name} of tensor {number}", Fault.INSTRUCTION, (word,))
        word = instruction_of(op, Phase.APPLY0, c=1)
        yield Probe(f"{op.name} of a tensor that is not there", Fault.OPERAND, (word,))
    for table in (p.tables, *powers(p.tables + 1, 24)):
        word = instruction_of(Opcode.LUT8, Phase.APPLY0, imm=table)
        yield Probe(f"table {table}", Fault.INSTRUCTION, (word,))
    for slope in (0x8001, 0xC000, 0xFFFF):
        word = instruction_of(Opcode.EDGE, Phase.GATHER0, slope=slope)
        yield Probe(f"slope {slope}", Fault.INSTRUCTION, (word,), phase=Phase.GATHER0)
    nothing = dict.fromkeys("dab", NO_SLOT)
    word = instruction_of(Opcode.EDGE, Phase.GATHER0, **nothing)
    yield Probe("EDGE of nothing", Fault.INSTRUCTION, (word,), phase=Phase.GATHER0)
    fill = instruction_of(Opcode.FILL, Phase.APPLY0)
    yield Probe("without END", Fault.PROGRAM_COUNTER, (fill,), bytes={Section.CODE: 8}, pc=1)
    late = (fill,) * 3
    yield Probe("wrong in the fourth place", Fault.INSTRUCTION, (*late, word_of(7)), pc=3)


def _operands() -> Iterator[Probe]:
    """Operations in the wrong phase, and operands in the wrong space or without a slot."""
    for op, phase in _each_operation():
        for name in OPERANDS[op]:
            for space in set(SPACES) - set(spaces_of(op, name, phase)):
                word = instruction_of(op, phase, **{name: SPACES.index(space)})
                yield Probe(f"{op.name} {name} in {space}, {phase.name}", Fault.OPERAND, (word,),
                            phase=phase)  # fmt: skip
            word = instruction_of(op, phase, **{name: len(SLOTS)})
            yield Probe(f"{op.name} {name} has no slot", Fault.SLOT, (word,), phase=phase)
    for op, phase in (*((op, Phase.GATHER0) for op in SHARDS_ONLY),
                      *((op, Phase.APPLY0) for op in CHUNKS_ONLY)):  # fmt: skip
        other = Phase.APPLY1 if phase is Phase.GATHER0 else Phase.GATHER1
        yield Probe(f"{op.name} in {other.name}", Fault.OPERAND, (instruction_of(op, phase),),
                    phase=other)  # fmt: skip
    for number in (8, 16, 32, 61):
        word = instruction_of(Opcode.FILL, Phase.APPLY0, d=number)
        yield Probe(f"slot {number}", Fault.SLOT, (word,))


def _use(space: str, slot: int, p: GnnParameters, **changes: Any) -> Probe:
    """Return a probe with an instruction that uses a slot of some space."""
    slots = tuple(slot if SPACES.index(space) == i else each for i, each in enumerate(SLOTS))
    if space == "W":
        return Probe("", Fault.SLOT, (instruction_of(Opcode.MM, Phase.APPLY0),), slots, **changes)
    if space == "E":
        word = instruction_of(Opcode.FILL, Phase.GATHER0, d=SPACES.index("E"))
        return Probe("", Fault.SLOT, (word,), slots, Phase.GATHER0, **changes)
    word = instruction_of(Opcode.FILL, Phase.APPLY0, d=SPACES.index(space))
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
            yield _named(_use(space, slot_of(space, kind), p), f"type {kind} in {space}")
    for space, size in sizes.items():
        yield _named(_use(space, slot_of(space, elements=0), p), f"no elements in {space}")
        for offset in (size, *powers(size + 1, 16)):
            probe = _use(space, slot_of(space, offset=offset), p)
            yield _named(probe, f"offset {offset} in {space}")
    per_word = {"A": p.lanes, "L": p.lanes, "E": p.lanes // 2, "W": 1}
    for space, size in sizes.items():
        for elements in (size * per_word[space] + 1, *powers(size * per_word[space] + 1, 16)):
            if elements < 1 << 16:
                probe = _use(space, slot_of(space, elements=elements), p)
                yield _named(probe, f"{elements} elements in {space}")
    for kind, elements in ((1, 1 << 15), (2, 1 << 14), (2, 1 << 15)):
        probe = _use("L", slot_of("L", kind, elements=elements), p)
        yield _named(probe, f"{elements} elements of type {kind}")
    for columns in (0, *powers(p.weight_words // p.rows * p.columns + 1, 16)):
        yield _named(_use("W", slot_of("W", columns=columns), p), f"{columns} columns")
    for bias in (p.bias_words, *powers(p.bias_words + 1, 24)):
        word = instruction_of(Opcode.MM, Phase.APPLY0, imm=bias)
        yield Probe(f"bias {bias}", Fault.SLOT, (word,))
    halved = {"pass_": {"halves": 2}}
    half = p.accumulator_words // 2
    yield _named(_use("A", slot_of("A", offset=half), p, **halved), "beyond its half")


def _extents(p: GnnParameters) -> Iterator[Probe]:
    """Rows, times their stride, that leave a space: each bit of the product alone."""
    sizes = _sizes(p)
    # A row in each chunk: no chunk leaves its space but the second one.
    for stride in powers(sizes["A"], 16):
        probe = _use("A", slot_of("A"), p, pass_={"accumulator_stride": stride},
                     interval={"rows": 2})  # fmt: skip
        yield _named(probe, f"chunks at {stride} words in A")
    # One in the first interval, so that those of the other half come; modulo 2^16 words the second
    # of these would be in the half again.
    elements = min(p.lanes * (p.accumulator_words // 2), (1 << 14) - 1)
    slot = slot_of("A", elements=elements)
    probe = _use("A", slot, p, pass_={"accumulator_stride": (1 << 16) - 1, "halves": 2},
                 interval={"rows": (1, 2, 2), "flags": (0, LAST, LAST)})  # fmt: skip
    yield _named(probe, "chunks at 65535 words in the second half")
    # Of so many rows there is one accumulator for all.
    first = word_of(Opcode.ADD.value, d=1, a=1, b=0, flags=FLAG_ONE)
    for bit in range(16, 16 + _ROW_BITS):
        rows, stride = 1 << bit - 15, 1 << 15
        yield Probe(f"chunks at 2^{bit} words in A", Fault.SLOT, (first,),
                    pass_={"chunk_rows": rows, "chunk_stride": 0, "accumulator_stride": stride},
                    interval={"rows": rows + 1})  # fmt: skip
    for bit in range(31):
        rows, stride = 1 << (bit + 1) // 2, 1 << bit // 2
        many = {"chunk_rows": rows + 1}
        for space, name in (("A", "accumulator_stride"), ("L", "chunk_stride")):
            if 1 << bit >= sizes[space]:
                probe = _use(space, slot_of(space), p, pass_={**many, name: stride},
                             interval={"rows": rows + 1})  # fmt: skip
                yield _named(probe, f"2^{bit} words in {space}")
        for round_, phase in enumerate(SHARD_PHASES):
            for space, name, most in (
                ("E", "edges", p.max_edges), ("L", "sources", p.max_sources)
            ):
                # Powers of two, so that their product is one; a row more is allowed.
                before = min(rows, 1 << (most - 1).bit_length() - 1)
                strides = [1, 1]
                strides[round_] = (1 << bit) // before
                if 1 << bit >= sizes[space] and strides[round_] < 1 << 16:
                    field = "edge_stride" if space == "E" else "source_stride"
                    probe = _use("E", slot_of("E"), p, shard={name: before + 1},
                                 pass_={field: strides})  # fmt: skip
                    slot = SPACES.index(space)
                    yield replace(
                        probe, name=f"2^{bit} words in {space} in {phase.name}", phase=phase,
                        code=(instruction_of(Opcode.FILL, phase, d=slot),),
                    )


def _fits(p: GnnParameters) -> Iterator[Probe]:
    """Rows of a word that end with their space, and rows that end a word behind it."""
    sizes = _sizes(p)
    fill = word_of(Opcode.FILL.value, d=0)
    for space, most, shard in (
        ("A", sizes["A"], ""), ("L", sizes["L"], ""), ("L", p.max_sources, "sources"),
        ("E", p.max_edges, "edges"),
    ):  # fmt: skip
        # Each bit alone of the words to the last row, and all of them.
        limit = min(most, sizes[space])
        for last in sorted({words % limit for words in (-1, 0, *powers(1, 16), 0x5555, 0xAAAA)}):
            rows = last + 1
            fields: dict[str, Any] = {
                "phase": Phase.GATHER1, "shard": {shard: rows},
            } if shard else {
                "pass_": {"chunk_rows": rows}, "interval": {"rows": rows},
            }  # fmt: skip
            for beyond, fault in ((0, Fault.NONE), (1, Fault.SLOT)):
                slot = slot_of(space, offset=sizes[space] - rows + beyond)
                yield Probe(f"{rows} {shard or 'rows'} {beyond} beyond {space}", fault, (fill,),
                            (slot,), **fields)  # fmt: skip


def _many_rows(count: int) -> dict[str, Any]:
    """Return fields of a chunk of many rows in the same place."""
    here = {"chunk_rows": count, "chunk_stride": 0, "accumulator_stride": 0}
    return {"pass_": here, "interval": {"rows": count}}


def _rows(p: GnnParameters) -> Iterator[Probe]:
    """Each bit of a number of rows alone: units are busy as long."""
    fill = instruction_of(Opcode.FILL, Phase.APPLY0, d=1)
    divide = instruction_of(Opcode.RECIP, Phase.APPLY0)
    multiply = instruction_of(Opcode.MM, Phase.APPLY0)
    for count in (*powers(1, _ROW_BITS), (1 << _ROW_BITS) - 1):
        blocks = (min(p.psum_rows, count - row) for row in range(0, count, p.psum_rows))
        matrix = sum(max(rows, p.rows) for rows in blocks)
        busy = {Counter.VECTOR_BUSY: 2 * count, Counter.MATRIX_BUSY: matrix}
        yield Probe(f"{count} rows", Fault.NONE, (fill, divide, multiply), busy=busy,
                    cycles=sum(busy.values()), **_many_rows(count))  # fmt: skip


def _long_rows(p: GnnParameters) -> Iterator[Probe]:
    """Each bit of a number of words of a row alone, and a row of all there is: units are busy as
    long."""
    for space, kind, words in (("A", 2, p.accumulator_words), ("L", 0, p.local_words)):
        for count in (*powers(1, (words - 1).bit_length()), words):
            if count * p.lanes >= 1 << 16:
                continue
            slots = tuple(
                slot_of(each, kind, elements=count * p.lanes) if each == space else slot
                for each, slot in zip(SPACES, SLOTS, strict=True)
            )
            fill = word_of(Opcode.FILL.value, d=SPACES.index(space))
            yield Probe(f"{count} words of a row in {space}", Fault.NONE, (fill,), slots,
                        busy={Counter.VECTOR_BUSY: count}, cycles=count)  # fmt: skip


def _transfers(p: GnnParameters) -> Iterator[Probe]:
    """Long rows that are read and written, and rows that are not in memory."""
    most = min(p.local_words * p.lanes, (1 << 16) - p.bus_bytes)
    for elements in (*powers(p.bus_bytes, (most - 1).bit_length()), most):
        slots = (SLOTS[0], slot_of("L", elements=elements), *SLOTS[2:])
        both = tuple(instruction_of(op, Phase.APPLY0) for op in (Opcode.LDV, Opcode.STV))
        beats = -(-elements // p.bus_bytes)
        yield Probe(f"a row of {elements} bytes", Fault.NONE, both, slots,
                    tensor=-(-elements // BLOCK_BYTES), cycles=2 * beats,
                    busy={Counter.READ_BEATS: beats, Counter.WRITE_BEATS: beats})  # fmt: skip
    for op, fault in ((Opcode.LDV, Fault.READ_DECODE), (Opcode.STV, Fault.WRITE_DECODE)):
        word = instruction_of(op, Phase.APPLY0)
        for bit in range(1, 16):
            yield Probe(f"{op.name} of 2^{bit} rows", fault, (word,), last="tensor",
                        **_many_rows(1 << bit))  # fmt: skip
        for at in (0b1010101, 0b0101010):
            yield Probe(f"{op.name} in place {at}", fault, (word,), last="tensor",
                        at=at % (p.instructions - 1),
                        interval={"rows": 4})  # fmt: skip



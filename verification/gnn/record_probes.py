"""Probes of records: sections of a pass, its settings, and numbers of intervals and of shards."""

from __future__ import annotations

from collections.abc import Iterator

from ...generators.gnn.formats import (
    BLOCK_BYTES,
    PASS_BYTES,
    Counter,
    Fault,
    GnnParameters,
    Opcode,
    Phase,
    Section,
)
from ...generators.gnn.image import INTERVAL_TYPE, LAST
from .probe import END, SHARD_PHASES, SLOTS, Probe, instruction_of, powers

__all__ = ["make_record_probes"]

_MANY = (1 << 12) + 1
"""Shards or chunks of an interval that are all gone through: each of these bits of a count has been
on and off."""
_SHARDS = 1 << 13
"""Shards that are there, of which an interval may have those in the middle."""
_MOST_WEIGHTS = 1 << 12
"""Words of weights that are loaded; more would take too long."""


def make_record_probes(p: GnnParameters) -> Iterator[Probe]:
    """Return the probes of records for an engine of some size."""
    yield from _sections(p)
    yield from _counts(p)
    yield from _records(p)


def _sections(p: GnnParameters) -> Iterator[Probe]:
    """Weights of any number of words, each bit alone and with the highest one: that many beats are
    read."""

    def beats(size: int) -> int:
        return int(-(-size // p.bus_bytes))

    most = min(p.weight_words, _MOST_WEIGHTS)
    high = 1 << most.bit_length() - 1
    counts = {*powers(1, most.bit_length()), *(high // 2 + bit for bit in powers(1, 16)), most}
    others = (PASS_BYTES, INTERVAL_TYPE.itemsize, 8, 8 * len(SLOTS), 4, 8)
    for words in sorted(count for count in counts if count <= most):
        size = p.columns * words
        yield Probe(f"{words} words of weights", Fault.NONE, bytes={Section.WEIGHTS: size},
                    tensor=-(-size // BLOCK_BYTES), cycles=words * beats(p.columns),
                    busy={Counter.CONTROL_BEATS: sum(map(beats, (*others, size)))})  # fmt: skip


def _counts(p: GnnParameters) -> Iterator[Probe]:
    """More intervals, shards and rows than there are in memory: each bit of a count alone."""
    for bit in range(16):
        # Only the lowest bit counts.
        yield Probe(f"no last interval, bit {bit}", Fault.READ_DECODE if bit else Fault.NONE,
                    interval={"flags": 1 << bit}, last="intervals", thread=False)  # fmt: skip
    for bit in range(2, 16):
        for phase in SHARD_PHASES:
            yield Probe(f"2^{bit} shards in {phase.name}", Fault.READ_DECODE, phase=phase,
                        interval={"count": 1 << bit}, last="shards", thread=False)  # fmt: skip
    # Shards have lists of several lengths, so that the beats tell which they were.
    in_beat = p.bus_bytes // 4
    most = max(1, p.max_sources // in_beat)
    lists = [1 + each * 37 % 31 % most for each in range(_SHARDS)]
    for phase in SHARD_PHASES:
        for count in (*(1 << bit for bit in range(10)), _MANY):
            first = (_SHARDS - count) // 2
            beats = sum(lists[first : first + count]) + count
            yield Probe(f"{count} shards in {phase.name}", Fault.NONE, phase=phase,
                        interval={"shard": first, "count": count, "flags": LAST}, shards=_SHARDS,
                        shard={"sources": [min(p.max_sources, in_beat * n) for n in lists]},
                        busy={Counter.TASKS: count, Counter.READ_BEATS: beats})  # fmt: skip
    jobs = (Counter.VECTOR_JOBS, Counter.MATRIX_JOBS, Counter.READ_JOBS, Counter.WRITE_JOBS)
    code = tuple(
        instruction_of(op, Phase.APPLY0) for op in (Opcode.FILL, Opcode.MM, Opcode.LDV, Opcode.STV)
    )
    yield Probe(f"a job of each unit in {_MANY} chunks", Fault.NONE, code, tensor=_MANY,
                pass_={"accumulator_stride": 0}, interval={"rows": _MANY},
                busy=dict.fromkeys((Counter.TASKS, *jobs), _MANY))  # fmt: skip
    load = instruction_of(Opcode.LDV, Phase.APPLY0)
    for bit in range(2, 16):
        yield Probe(f"2^{bit} chunks", Fault.READ_DECODE, (load,), interval={"rows": 1 << bit},
                    last="tensor")  # fmt: skip
    # Lists are where they are however many rows the interval has.
    lists_too = {"accumulator_stride": 0, "has_scalars": 3}
    for phase in SHARD_PHASES:
        for rows in powers(1, 16):
            yield Probe(f"{phase.name} of an interval of {rows} rows", Fault.NONE,
                        (instruction_of(Opcode.LDV, phase),), phase=phase, pass_=lists_too,
                        interval={"rows": rows})  # fmt: skip
    for limit, name in ((p.max_sources, "sources"), (p.max_edges, "edges")):
        for count in sorted({limit + 1, *_beyond(limit), *powers(limit + 1, 16)}):
            yield Probe(f"{count} {name}", Fault.RECORD, phase=Phase.GATHER0,
                        shard={name: count})  # fmt: skip
            # While another interval is under way.
            yield Probe(f"{count} {name} in the second interval", Fault.RECORD, (load,),
                        phase=Phase.GATHER0, pass_={"halves": 2}, shard={name: (1, 1, count)},
                        interval={"count": (2, 1, 1), "shard": (0, 2, 2), "flags": (0, LAST, LAST)},
                        )  # fmt: skip


def _beyond(limit: int) -> Iterator[int]:
    """Numbers above a limit, whose lower bits are 1 one by one."""
    base = 1 << limit.bit_length() - 1
    return (base + each for each in powers(1, limit.bit_length()) if base + each > limit)


def _records(p: GnnParameters) -> Iterator[Probe]:
    """Fields of a pass, where its phases begin, and lengths of its sections."""
    for name, values in (
        ("chunk_rows", (0,)), ("halves", (0, 3, *powers(4, 8)))
    ):  # fmt: skip
        for value in values:
            yield Probe(f"{name} {value}", Fault.RECORD, pass_={name: value}, thread=False)
    for phase in Phase:
        # A phase that nothing is done in; the two words of the code are END.
        for start in powers(2, 16):
            yield Probe(f"{phase.name} begins at {start}", Fault.RECORD, (END,), phase=phase,
                        pass_={"pc": start}, thread=False)  # fmt: skip
    for section, unit, most in (
        (Section.CODE, 8, 8 * p.instructions), (Section.SLOTS, 8, 8 * 62),
        (Section.CONSTANTS, 4, 4 * 16), (Section.TENSORS, 8, 8 * 16),
        (Section.WEIGHTS, p.columns, p.columns * p.weight_words),
        (Section.BIAS, 4, 4 * p.columns * p.bias_words), (Section.TABLES, 4, 256 * p.tables),
        (Section.EXPONENTIALS, 4, 512),
    ):  # fmt: skip
        # Each bit of a length that is too large alone, once in all sections.
        large = (size for size in powers(2 * most, 32) if size.bit_length() % 8 == section.value)
        for size in (most + unit, unit // 2, unit + 1, *large):
            yield Probe(f"{section.name} of {size} bytes", Fault.SECTION, bytes={section: size},
                        thread=False)  # fmt: skip

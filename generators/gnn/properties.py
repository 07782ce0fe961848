"""What the gnn generator claims: a total decoder, a fair-minded arbiter, phases in their order."""

from __future__ import annotations

from functools import partial
from typing import Any

from amaranth.hdl import Const, Signal, Value

from ...hw.fabric.fifo import StreamFIFOParameters
from ...hw.gnn.decoder import OPERANDS, Decoder, Executor
from ...hw.gnn.instruction import INSTRUCTION, SCALAR, Opcode
from ...hw.gnn.interval_context import IntervalContext
from ...hw.gnn.parameters import GnnParameters
from ...hw.gnn.queue import Queue
from ...hw.gnn.read_arbiter import ReadArbiter, ReadArbiterParameters
from ...hw.gnn.records import PHASES
from ...hw.gnn.transfers import Client
from ..arbiter_claims import Contest, claims_one, claims_turn
from ..fabric_properties import stream_rules
from ..formal import Always, Claim, Property
from ..stream_claims import stays
from .config import GnnConfig

__all__ = ["arbitrates", "decodes", "grants", "opens_in_order", "properties"]

_TASKS = 5
"""Most tasks under way in the proof about phases."""
_BUS = 4
_FEW = 7
"""Rows, and shards of a round, of the intervals for which phases are proven without a bound."""


def properties(config: GnnConfig) -> list[Property]:
    """Return the properties of a design."""
    p = config.parameters()
    found = [
        Property(
            "decoder.known", "a word is an instruction only if its operation exists: all others "
            "are errors", Always(partial(_known, p)),
        ),
        Property(
            "decoder.total", "a word that is an instruction ends the task or names slots that it "
            "waits for, each of a space that it allows and none the scalar",
            Always(partial(decodes, p)),
        ),
        Property(
            "arbiter.one", "never are two requests taken at once, and none that is not passed on; "
            "one that waits stays, else the first in order goes", Always(partial(arbitrates, p)),
        ),
        Property(
            "arbiter.passes", "what is passed on is the request that is taken",
            Always(partial(grants, p)),
        ),
        Property(
            "arbiter.beats", "each beat that was read goes to the one that asked, and to no other",
            Always(partial(_delivers, p)),
        ),
        Property(
            "interval.phases", "no phase opens while a task of the one before is under way, and "
            f"none twice; intervals of up to {_FEW} rows and shards",
            Always(partial(opens_in_order, p, _FEW)),
        ),
        Property(
            "interval.phases-any", "the same for 40 cycles of intervals of any size",
            Always(partial(opens_in_order, p, None), bound=40),
        ),
        Property(
            "interval.ahead", "there is room for every record that was asked for",
            Always(partial(_reserves, p)),
        ),
    ]  # fmt: skip
    for depth in (2, 3):
        found += stream_rules(
            f"queue-{depth}", partial(Queue, StreamFIFOParameters(2, depth)), depth, 1
        )
    return found


def _decoder(p: GnnParameters, claim: Claim) -> tuple[Value, Any]:
    unit: Any = Decoder(p)
    claim.m.submodules.decoder = unit
    word = claim.free(64, "instruction_word")
    claim.m.d.comb += unit.word.eq(word)
    return word, unit.decoded


def _known(p: GnnParameters, claim: Claim) -> None:
    word, out = _decoder(p, claim)
    field = INSTRUCTION["op"]
    width = Value.cast(Signal(field.shape)).shape().width
    number = word[field.offset : field.offset + width]
    exists = Signal()
    with claim.m.Switch(number), claim.m.Case(*(op.value for op in Opcode)):
        claim.m.d.comb += exists.eq(1)
    claim.hold(~out.legal | exists)


def decodes(p: GnnParameters, claim: Claim) -> None:
    """Claim that no instruction would wait for ever, or reach what it must not."""
    _, out = _decoder(p, claim)
    ends = Value.cast(out.executor) == Executor.END.value
    claim.hold(~out.legal | (ends != out.present.any()))
    for index in range(len(OPERANDS)):
        used = out.legal & out.present[index]
        claim.hold(~used | (out.spaces[index].any() & (out.slots[index] < SCALAR)))
    claim.hold(~out.scalar | (Value.cast(out.op) == Opcode.SPSUM.value))


def _arbiter(p: GnnParameters, claim: Claim) -> tuple[Contest, Any]:
    # The data only pass through: the narrowest bus stands for all.
    unit: Any = ReadArbiter(ReadArbiterParameters(min(_BUS, p.bus_bytes)))
    m = claim.m
    m.submodules.arbiter = unit
    beat = Value.cast(unit.beats.payload)
    m.d.comb += [
        unit.beats.valid.eq(claim.free(1, "beats_valid")),
        beat.eq(claim.free(beat.shape(), "beats_payload")),
        unit.loader_beats.ready.eq(claim.free(1, "loader_ready")),
    ]  # fmt: skip
    ports = unit.loader, unit.dispatcher, unit.lists, unit.rows
    return Contest(claim, ports, unit.requests), unit


def arbitrates(p: GnnParameters, claim: Claim) -> None:
    """Claim that one request is taken if one is passed on, else none, each in its turn."""
    contest, _ = _arbiter(p, claim)
    claims_one(contest)
    claims_turn(contest, Const(0, 2))
    stays(claim, contest.out)


def grants(p: GnnParameters, claim: Claim) -> None:
    """Claim that what is passed on is the request that is taken."""
    contest, unit = _arbiter(p, claim)
    out = unit.requests.payload
    loader, dispatcher, lists, rows = contest.taken
    for taken, port in ((lists, unit.lists), (rows, unit.rows)):
        claim.hold(~taken | (Value.cast(out) == Value.cast(port.payload)))
    for taken, port, client in (
        (loader, unit.loader, Client.LOADER), (dispatcher, unit.dispatcher, Client.DISPATCHER),
    ):  # fmt: skip
        asked = port.payload
        claim.hold(~taken | (out.control & (out.job.thread == client)))
        claim.hold(~taken | (out.job.address == asked.address))
        claim.hold(~taken | (out.job.rows == asked.beats))


def _delivers(p: GnnParameters, claim: Claim) -> None:
    _, unit = _arbiter(p, claim)
    beats, loader = unit.beats, unit.loader_beats
    to_loader = beats.payload.client == Client.LOADER
    claim.hold(loader.valid == (beats.valid & to_loader))
    claim.hold(unit.record == (beats.valid & ~to_loader))
    claim.hold(~loader.valid | (loader.payload == beats.payload.data))
    claim.hold(~loader.valid | (beats.ready == loader.ready))
    claim.hold(~unit.record | (unit.record_beat == beats.payload.data))
    claim.hold(~unit.record | (unit.record_last == beats.payload.last))
    claim.hold(~unit.record | beats.ready)


def _context(p: GnnParameters, claim: Claim) -> Any:
    """An interval's context, in a pass whose phases have the code 1 to 5, or none."""
    unit: Any = IntervalContext(p)
    m = claim.m
    m.submodules.context = unit
    settings = unit.settings
    missing = claim.free(PHASES, "missing")
    steady, held = Signal(), Signal(PHASES)
    m.d.sync += [steady.eq(1), held.eq(missing)]
    claim.assume(~steady | (missing == held))
    for phase in range(PHASES):
        m.d.comb += settings.pc[phase].eq(
            (phase + 1) | missing[phase].replicate(16)
        )  # fmt: skip
    m.d.comb += [
        settings.chunk_rows.eq(4), settings.halves.eq(1), unit.step.eq(4),
        unit.take.eq(claim.free(1, "take") & unit.idle),
        Value.cast(unit.interval).eq(claim.free(Value.cast(unit.interval).shape(), "interval")),
        unit.wanted.ready.eq(claim.free(1, "wanted_ready")),
        unit.arrived.eq(claim.free(1, "arrived")),
        Value.cast(unit.shard).eq(claim.free(Value.cast(unit.shard).shape(), "shard")),
        unit.tasks.ready.eq(claim.free(1, "tasks_ready")),
        unit.ended.eq(claim.free(1, "ended")),
    ]  # fmt: skip
    return unit


def opens_in_order(p: GnnParameters, most: int | None, claim: Claim) -> None:
    """Claim that all tasks under way are of one phase, and phases come in ascending order."""
    unit = _context(p, claim)
    m = claim.m
    if most is not None:
        counts = unit.interval.rows, *(unit.interval.shards[k].count for k in range(2))
        for count in counts:
            claim.assume(~unit.take | (count <= most))
    running = Signal(range(_TASKS + 2))
    last, busy = Signal(16), Signal()
    started = unit.tasks.valid & unit.tasks.ready
    claim.assume(~unit.ended | running.any())
    claim.assume(~started | (running < _TASKS))
    m.d.sync += running.eq(running + started - unit.ended)
    pc = unit.tasks.payload.pc
    with m.If(started):
        m.d.sync += [last.eq(pc), busy.eq(1)]
    with m.If(unit.idle):
        m.d.sync += busy.eq(0)
    claim.hold(~started | ~running.any() | (pc == last))
    claim.hold(~started | ~busy | (pc >= last))
    claim.hold(~unit.idle | ~running.any())


def _reserves(p: GnnParameters, claim: Claim) -> None:
    """Claim that records asked for and not yet used never exceed the queue's places."""
    unit = _context(p, claim)
    m = claim.m
    asked = unit.wanted.valid & unit.wanted.ready
    used = unit.tasks.valid & unit.tasks.ready & unit.tasks.payload.shard
    out, owed = Signal(range(8)), Signal(range(8))
    claim.assume(~unit.arrived | owed.any())
    m.d.sync += [out.eq(out + asked - used), owed.eq(owed + asked - unit.arrived)]
    claim.hold(out <= 4)

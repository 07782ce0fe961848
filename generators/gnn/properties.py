"""What the gnn generator claims: a total decoder, a fair-minded arbiter, phases in their order."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from amaranth.hdl import Const, Signal, Value

from ...hw.fabric.fifo import StreamFIFOParameters
from ...hw.gnn.decoder import OPERANDS, Decoder, Executor
from ...hw.gnn.instruction import INSTRUCTION, SCALAR, Opcode
from ...hw.gnn.parameters import GnnParameters
from ...hw.gnn.queue import Queue
from ...hw.gnn.read_arbiter import ReadArbiter
from ...hw.gnn.transfers import Client
from ..arbiter_claims import Contest, claims_one, claims_turn
from ..fabric_properties import stream_rules
from ..formal import Always, Claim, Property
from ..stream_claims import stays
from .burst_claims import burst_properties
from .config import GnnConfig
from .dispatch_claims import dispatch_properties
from .interval_claims import interval_properties

__all__ = ["arbitrates", "decodes", "grants", "properties"]

_BUS = 4


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
    ]  # fmt: skip
    found += interval_properties(p)
    found += dispatch_properties(p)
    found += burst_properties(_BUS, p.row_beats)
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
    unit: Any = ReadArbiter(replace(p, bus_bytes=_BUS))
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

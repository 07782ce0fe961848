"""What the gnn generator claims of two intervals under way: neither's tasks are taken for the
other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from amaranth.hdl import Signal, Value

from ...hw.gnn.dispatcher import Dispatcher
from ...hw.gnn.parameters import GnnParameters
from ..formal import Always, Claim, Property
from .interval_claims import settle_phases

__all__ = ["dispatch_properties", "keeps_apart", "keeps_running"]

_TASKS = 3
"""Most tasks of a context under way."""
_RECORDS = 16
"""More than the records that are ever asked for and have not come."""


def dispatch_properties(p: GnnParameters) -> Iterator[Property]:
    """Yield the properties of the dispatcher, with a bus that carries a record in a beat."""
    wide = replace(p, lanes=max(32, p.lanes), bus_bytes=32)
    yield Property(
        "dispatcher.contexts", "of each of two intervals under way, no phase opens while a task "
        "that bears the interval's name is under way in the phase before",
        Always(partial(keeps_apart, wide)),
    )  # fmt: skip
    yield Property(
        "dispatcher.running", "a pass is not over while a task is under way or offered",
        Always(partial(keeps_running, wide)),
    )  # fmt: skip


def _dispatcher(p: GnnParameters, claim: Claim) -> tuple[Any, list[tuple[Value, Signal]]]:
    """Return a dispatcher in a pass with all phases, at work on two intervals.

    And of each context whether a task starts, and how many run.
    """
    m = claim.m
    unit: Any = Dispatcher(p)
    m.submodules.dispatcher = unit
    settle_phases(claim, unit.settings, 0)
    m.d.comb += [
        unit.settings.halves.eq(2), unit.step.eq(4),
        unit.run.eq(claim.free(1, "run") & ~unit.running),
    ]
    owed = Signal(range(_RECORDS), name="records_owed")
    asked = unit.requests.valid & unit.requests.ready
    context, ended = claim.free(1, "ended_context"), claim.free(1, "ended")
    m.d.comb += [
        unit.requests.ready.eq(claim.free(1, "requests_ready")),
        unit.arrived.eq(claim.free(1, "arrived") & owed.any()), unit.last.eq(1),
        unit.beat.eq(claim.free(8 * p.bus_bytes, "beat")), unit.ended_context.eq(context),
    ]
    m.d.sync += owed.eq(owed + asked - unit.arrived)
    ready, started = claim.free(1, "tasks_ready"), unit.tasks.valid & unit.tasks.ready
    counts: list[tuple[Value, Signal]] = []
    room, some = [], []
    for number in range(2):
        running = Signal(range(_TASKS + 1), name=f"running_{number}")
        mine = started & (unit.tasks.payload.context == number)
        over = unit.ended & (context == number)
        m.d.sync += running.eq(running + mine - over)
        counts.append((mine, running))
        room.append((unit.tasks.payload.context != number) | (running != _TASKS))
        some.append((context == number) & running.any())
    m.d.comb += [
        unit.tasks.ready.eq(ready & room[0] & room[1]), unit.ended.eq(ended & (some[0] | some[1])),
    ]
    return unit, counts


def keeps_apart(p: GnnParameters, claim: Claim) -> None:
    """Claim that tasks under way that bear one name are of one phase."""
    m = claim.m
    unit, counts = _dispatcher(p, claim)
    for number, (started, running) in enumerate(counts):
        last = Signal(3, name=f"last_{number}")
        with m.If(started):
            m.d.sync += last.eq(unit.tasks.payload.pc)
        claim.hold(~started | ~running.any() | (unit.tasks.payload.pc == last))


def keeps_running(p: GnnParameters, claim: Claim) -> None:
    """Claim that a pass with tasks is not over."""
    unit, counts = _dispatcher(p, claim)
    for _, running in counts:
        claim.hold(unit.running | ~running.any())
    claim.hold(unit.running | ~unit.tasks.valid)

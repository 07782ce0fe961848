"""What the gnn generator claims of the tasks of an interval: their order, and their records.

What a unit may be offered is made so, not assumed: a model checker finds an invariant for it
sooner.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from amaranth.hdl import Const, Mux, Signal, Value

from ...hw.gnn.interval_context import SHARDS_AHEAD, IntervalContext
from ...hw.gnn.parameters import GnnParameters
from ...hw.gnn.records import NO_CODE, PHASES, Phase
from ..formal import Always, Claim, Property

__all__ = [
    "PASSES", "interval_properties", "opens_in_order", "settle_phases", "spends_records",
    "uses_in_order",
]  # fmt: skip

PASSES = {"all": 0, "one-round": 0b11001, "gather-only": 0b11101, "apply-only": 0b11011}
"""Phases that are missing, bit by bit: of passes with attention, of others, of a pass without sums,
and of a layer without edges."""
_TASKS = 3
"""Most tasks under way in the proofs."""
_SHARDS = 3
"""Most shards of a round, where records are followed."""


def interval_properties(p: GnnParameters) -> Iterator[Property]:
    """Yield the properties of an interval's context."""
    says = (
        "no phase opens while a task of the one before is under way, and none twice; an interval "
        "ends when all its tasks have; intervals of any size"
    )
    for name, missing in PASSES.items():
        yield Property(
            f"interval.phases-{name}", says, Always(partial(opens_in_order, p, missing))
        )
    yield Property(
        "interval.phases-any", f"{says}; passes with any of the phases, for 40 cycles",
        Always(partial(opens_in_order, p, None), bound=40),
    )  # fmt: skip
    yield Property(
        "interval.ahead", "there is room for every record that was asked for",
        Always(partial(_reserves, p)),
    )  # fmt: skip
    yield Property(
        "interval.records", "each record that has come makes one task, in the order in which they "
        "came", Always(partial(uses_in_order, p)),
    )  # fmt: skip
    yield Property(
        "interval.spends", "of a pass with all phases, each shard of an interval is asked for once "
        f"and makes one task before the interval ends; rounds of up to {_SHARDS} shards",
        Always(partial(spends_records, p)),
    )  # fmt: skip


def settle_phases(claim: Claim, settings: Any, missing: int | None) -> None:
    """Give phases the code 1 to 5, but for those that are missing; None for any of them."""
    absent = claim.constant(PHASES, "missing") if missing is None else Const(missing, PHASES)
    for phase in range(PHASES):
        claim.m.d.comb += settings.pc[phase].eq((phase + 1) | absent[phase].replicate(16))
    claim.m.d.comb += settings.chunk_rows.eq(4)


def context(
    p: GnnParameters, claim: Claim, missing: int | None = 0, *, shards: int = 16, rows: int = 16,
) -> Any:  # fmt: skip
    """Return an interval's context, in a pass without the phases that are missing.

    Intervals come when it is idle, with as many rows and shards as so many bits can tell.
    """
    unit: Any = IntervalContext(p)
    m = claim.m
    m.submodules.context = unit
    settings = unit.settings
    settle_phases(claim, settings, missing)
    counts = [claim.free(shards, f"shards_{k}") for k in range(2)]
    # A pass is known long before its first interval is.
    known = Signal(name="pass_known")
    m.d.sync += known.eq(1)
    m.d.comb += [
        settings.halves.eq(1), unit.step.eq(4),
        unit.take.eq(claim.free(1, "take") & unit.idle & known),
        unit.interval.rows.eq(claim.free(rows, "rows")),
        *(unit.interval.shards[k].count.eq(count) for k, count in enumerate(counts)),
        unit.wanted.ready.eq(claim.free(1, "wanted_ready")),
    ]  # fmt: skip
    return unit


def run_tasks(claim: Claim, unit: Any) -> tuple[Value, Signal]:
    """Take tasks and end them, some at a time; return whether one starts, and how many run."""
    m = claim.m
    running = Signal(range(_TASKS + 1), name="tasks_running")
    started = Signal(name="task_started")
    m.d.comb += [
        unit.tasks.ready.eq(claim.free(1, "tasks_ready") & (running != _TASKS)),
        unit.ended.eq(claim.free(1, "ended") & running.any()),
        started.eq(unit.tasks.valid & unit.tasks.ready),
    ]
    m.d.sync += running.eq(running + started - unit.ended)
    return started, running


def deliver_records(claim: Claim, unit: Any) -> Value:
    """Let records come that were asked for; return whether one is asked for."""
    m = claim.m
    owed = Signal(range(SHARDS_AHEAD + 2), name="records_owed")
    asked = unit.wanted.valid & unit.wanted.ready
    m.d.comb += unit.arrived.eq(claim.free(1, "arrived") & owed.any())
    m.d.sync += owed.eq(owed + asked - unit.arrived)
    return asked


def _end_anywhere(claim: Claim, unit: Any) -> None:
    """Let any record be told to be the last one of its round."""
    claim.m.d.comb += unit.record.last.eq(claim.free(1, "record_last"))


def opens_in_order(p: GnnParameters, missing: int | None, claim: Claim) -> None:
    """Claim that all tasks under way are of one phase, and phases come in ascending order."""
    unit = context(p, claim, missing)
    m = claim.m
    m.d.comb += unit.arrived.eq(claim.free(1, "arrived"))
    _end_anywhere(claim, unit)
    started, running = run_tasks(claim, unit)
    last, busy = Signal(3), Signal()
    pc = unit.tasks.payload.pc
    with m.If(started):
        m.d.sync += [last.eq(pc), busy.eq(1)]
    with m.If(unit.idle):
        m.d.sync += busy.eq(0)
    claim.hold(~started | (pc <= PHASES))
    claim.hold(~started | ~running.any() | (pc == last))
    claim.hold(~started | ~busy | (pc >= last))
    claim.hold(~unit.idle | ~running.any())


def _reserves(p: GnnParameters, claim: Claim) -> None:
    """Claim that records asked for and not yet used never exceed the queue's places."""
    unit = context(p, claim)
    m = claim.m
    asked = deliver_records(claim, unit)
    _end_anywhere(claim, unit)
    started, _ = run_tasks(claim, unit)
    used = started & unit.tasks.payload.shard
    out = Signal(range(2 * SHARDS_AHEAD))
    m.d.sync += out.eq(out + asked - used)
    claim.hold(out <= SHARDS_AHEAD)


def uses_in_order(p: GnnParameters, claim: Claim) -> None:
    """Claim that a record that is chosen at will makes the task that is its turn."""
    unit = context(p, claim)
    m = claim.m
    deliver_records(claim, unit)
    _end_anywhere(claim, unit)
    started, _ = run_tasks(claim, unit)
    used = started & unit.tasks.payload.shard
    content = claim.free(2, "content")
    pick = claim.free(1, "watch")
    m.d.comb += unit.record.shard.source_block.eq(content)
    inside, ahead = (Signal(range(2 * SHARDS_AHEAD), name=name) for name in ("inside", "ahead"))
    seen, watched, expected = Signal(), Signal(), Signal(2)
    m.d.sync += inside.eq(inside + unit.arrived - used)
    with m.If(unit.arrived & pick & ~seen):
        m.d.sync += [seen.eq(1), watched.eq(1), expected.eq(content), ahead.eq(inside - used)]
    with m.Elif(watched & used):
        m.d.sync += [ahead.eq(ahead - 1), watched.eq(ahead != 0)]
    claim.hold(~used | inside.any())
    due = watched & used & (ahead == 0)
    claim.hold(~due | (unit.tasks.payload.source_block == expected))


def spends_records(p: GnnParameters, claim: Claim) -> None:
    """Claim that each shard is asked for once and makes one task before its interval ends.

    And that the last one of a round is asked for as such; so it comes.
    """
    unit = context(p, claim, shards=_SHARDS.bit_length(), rows=2)
    m = claim.m
    asked = deliver_records(claim, unit)
    started, _ = run_tasks(claim, unit)
    used = started & unit.tasks.payload.shard
    shards = unit.interval.shards
    due, first, wanted, come, made = (
        Signal(range(4 * _SHARDS), name=name) for name in ("due", "first", "wanted", "come", "made")
    )
    counts = [
        Mux(unit.settings.pc[phase.value] == NO_CODE, 0, shards[k].count[: _SHARDS.bit_length()])
        for k, phase in enumerate((Phase.GATHER0, Phase.GATHER1))
    ]
    with m.If(unit.take):
        m.d.sync += [
            due.eq(counts[0] + counts[1]), first.eq(counts[0]), wanted.eq(0), come.eq(0),
            made.eq(0),
        ]
    with m.Else():
        m.d.sync += [
            wanted.eq(wanted + asked), come.eq(come + unit.arrived), made.eq(made + used)
        ]

    def ends(number: Value) -> Value:
        return (number + 1 == first) | (number + 1 == due)

    m.d.comb += unit.record.last.eq(ends(come))
    claim.hold(~asked | (unit.wanted.payload.last == ends(wanted)))
    claim.hold(wanted <= due)
    claim.hold(made <= wanted)
    claim.hold(~unit.idle | (made == due))

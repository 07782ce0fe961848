"""Dispatcher: intervals of a pass, and a work queue of their tasks."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ..fabric.arbiter import PriorityArbiter, PriorityArbiterParameters
from ..unit import Unit
from .interval_context import SHARDS_AHEAD, TASKS_AHEAD, IntervalContext
from .parameters import GnnParameters
from .queue import add_queue
from .records import BLOCK_SHIFT, INTERVAL, INTERVAL_BYTES, SHARD, SHARD_BYTES
from .tasks import CONTROL_REQUEST, INTERVAL_TASKS, SETTINGS, waiting_task

__all__ = ["Dispatcher"]

_CONTEXTS = 2
_INTERVAL = 0
"""Kind of a request for an interval; kind 1 + n is for shards of context n."""


class Dispatcher(Unit):
    """Read intervals, and offer the next task of the oldest interval that has one.

    Members
    -------
    clear : In(1)
        Forget everything.
    settings : In(SETTINGS), image : In(40), step : In(extent_bits)
        Of the pass; where the image is; words of the accumulator memory of a chunk.
    run : In(1), running : Out(1)
        Begin with a pass, for one cycle; there are intervals left, or tasks under way.
    requests : Out(stream of CONTROL_REQUEST)
        Records of intervals and shards.
    arrived : In(1), beat : In(8 * bus_bytes), last : In(1)
        A beat of a record, in the order of requests.
    tasks : Out(stream of waiting_task)
        The work queue.
    ended : In(1), ended_context : In(1)
        A task of this context has ended.

    Notes
    -----
    The next interval is read while others are under way. ``halves`` of the pass are at work, each
    with its part of the accumulator memory; with 1, all of it is the first one's.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "clear": In(1), "settings": In(SETTINGS), "image": In(40), "step": In(p.extent_bits),
            "run": In(1), "running": Out(1), "requests": Out(stream.Signature(CONTROL_REQUEST)),
            "arrived": In(1), "beat": In(8 * p.bus_bytes), "last": In(1),
            "tasks": Out(stream.Signature(waiting_task(p))), "ended": In(1), "ended_context": In(1),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        p = self.p
        contexts = []
        for number in range(_CONTEXTS):
            m.submodules[f"context_{number}"] = context = IntervalContext(p)
            contexts.append(context)
            m.d.comb += [
                context.clear.eq(self.clear), context.settings.eq(self.settings),
                context.step.eq(self.step), context.base.eq(number * (p.accumulator_words // 2)),
                context.ended.eq(self.ended & (self.ended_context == number)),
            ]
        begun = Signal()
        reading = Signal()
        there = Signal()
        following = Signal(INTERVAL_TASKS, reset_less=True)
        more = Signal()
        newest = Signal()
        take = Signal(_CONTEXTS)
        both = Signal()
        m.d.sync += both.eq(self.settings.halves == 2)
        m.d.comb += [
            take[0].eq(there & contexts[0].idle),
            take[1].eq(there & ~take[0] & contexts[1].idle & both),
            self.running.eq(
                begun | reading | there | more | ~contexts[0].idle | ~contexts[1].idle
            ),
        ]
        for number, context in enumerate(contexts):
            m.d.comb += [context.take.eq(take[number]), context.interval.eq(following)]
        with m.If(take.any()):
            m.d.sync += [there.eq(0), newest.eq(take[1])]
        m.d.sync += begun.eq(self.run)
        complete, told, record, half = self._records(m, contexts, begun, reading, there, more)
        interval = data.View(INTERVAL, record)
        with m.If(complete & (told.kind == _INTERVAL)):
            m.d.sync += [
                following.first.eq(interval.first), following.rows.eq(interval.rows),
                *(
                    following.shards[k][name].eq(interval.shards[k][name])
                    for k in range(2) for name in ("first", "count")
                ),
                there.eq(1), reading.eq(0), more.eq(~interval.last),
            ]  # fmt: skip
        for number, context in enumerate(contexts):
            m.d.comb += [
                context.arrived.eq(complete & (told.kind == 1 + number)),
                context.record.shard.eq(half), context.record.last.eq(told.last),
            ]
        # Of the older interval, if it has a task.
        m.submodules.work = work = PriorityArbiter(PriorityArbiterParameters(waiting_task(p), 2))
        m.d.comb += work.first.eq(~newest)
        for number, context in enumerate(contexts):
            # So that a task is there while the context measures the next one.
            measured = add_queue(
                m, f"measured_{number}", waiting_task(p), TASKS_AHEAD, self.clear
            )
            connect(m, context.tasks, measured.i)
            connect(m, measured.o, work.i[number])
        connect(m, work.o, flipped(self.tasks))
        m.d.comb += self.tasks.payload.context.eq(work.chosen)
        return ResetInserter(self.clear)(m)

    def _records(
        self, m: Module, contexts: list[IntervalContext], begun: Value, reading: Signal,
        there: Value, more: Signal,
    ) -> tuple[Value, data.View, Value, Value]:
        """Ask for records; return whether one has come, what was asked for, and it as either kind.
        """
        bus = self.p.bus_bytes
        # Which half of a beat a shard's record is, where it is half of one.
        order = data.StructLayout({"kind": 2, "last": 1, "odd": int(bus > SHARD_BYTES)})
        orders = add_queue(m, "orders", order, _CONTEXTS * SHARDS_AHEAD + 1, self.clear)
        address = Signal(40)
        base = Signal(40)
        some = Signal()
        m.submodules.kinds = kinds = PriorityArbiter(
            PriorityArbiterParameters(CONTROL_REQUEST, 1 + _CONTEXTS)
        )
        interval, shards = kinds.i[_INTERVAL], [context.wanted for context in contexts]
        m.d.comb += [
            interval.valid.eq(some), interval.payload.address.eq(address),
            interval.payload.beats.eq(INTERVAL_BYTES // bus),
        ]  # fmt: skip
        m.d.sync += some.eq(more & ~there & ~reading)
        with m.If(interval.valid & interval.ready):
            m.d.sync += [some.eq(0), address.eq(address + INTERVAL_BYTES), reading.eq(1)]
        # A word of shards may be half a beat.
        beat_bits = max(0, bus.bit_length() - SHARD_BYTES.bit_length())
        for number, wanted in enumerate(shards):
            beat = wanted.payload.number >> beat_bits << beat_bits + SHARD_BYTES.bit_length() - 1
            place = kinds.i[1 + number]
            m.d.comb += [
                place.valid.eq(wanted.valid), wanted.ready.eq(place.ready),
                place.payload.address.eq(base + beat),
                place.payload.beats.eq(max(1, SHARD_BYTES // bus)),
            ]  # fmt: skip
        asked = add_queue(m, "asked", CONTROL_REQUEST, 2, self.clear)
        connect(m, asked.o, flipped(self.requests))
        # To the memory and into the order, which has a place for each record that is not there yet.
        m.d.comb += [
            asked.i.payload.eq(kinds.o.payload),
            asked.i.valid.eq(kinds.o.valid), kinds.o.ready.eq(asked.i.ready),
            orders.i.valid.eq(kinds.o.valid & asked.i.ready),
            orders.i.payload.kind.eq(kinds.chosen),
            orders.i.payload.odd.eq(
                Array([0, *(each.payload.number[0] for each in shards)])[kinds.chosen]
            ),
            orders.i.payload.last.eq(
                Array([0, *(each.payload.last for each in shards)])[kinds.chosen]
            ),
        ]
        settings = self.settings
        with m.If(begun):
            m.d.sync += [
                address.eq(self.image + (settings.interval_block << BLOCK_SHIFT)),
                base.eq(self.image + (settings.shard_block << BLOCK_SHIFT)),
                more.eq(1),
            ]
        record = Signal(INTERVAL.size, reset_less=True)
        complete = Signal()
        m.d.sync += complete.eq(self.arrived & self.last)
        with m.If(self.arrived):
            m.d.sync += record.eq(Cat(record, self.beat)[-INTERVAL.size :])
        told = orders.o.payload
        m.d.comb += orders.o.ready.eq(complete)
        low = (bus > SHARD_BYTES) & ~told.odd
        return complete, told, record, Mux(low, record[: SHARD.size], record[SHARD.size :])

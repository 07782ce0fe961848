"""Interval context: one interval goes through its phases, task by task."""

from __future__ import annotations

from amaranth.hdl import Array, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .parameters import GnnParameters
from .queue import Queue, add_queue
from .records import PHASES, Phase
from .tasks import INTERVAL_TASKS, SETTINGS, SHARD_NUMBER, SHARD_RECORD, waiting_task

__all__ = ["SHARDS_AHEAD", "TASKS_AHEAD", "IntervalContext"]

SHARDS_AHEAD = 4
"""Shard records that a context reads ahead of their tasks."""
TASKS_AHEAD = 2
"""Tasks of a context that wait for a thread, at most."""
_GATHERS = (Phase.GATHER0, Phase.GATHER1)


class IntervalContext(Unit):
    """Hand out the tasks of an interval.

    Members
    -------
    clear : In(1)
        Forget the interval.
    settings : In(SETTINGS), step : In(extent_bits), base : In(address_bits)
        Of the pass; words of the accumulator memory from a chunk to the next one; first word of
        this interval's part.
    idle : Out(1), take : In(1), interval : In(INTERVAL_TASKS)
        There is no interval; take this one.
    wanted : Out(stream of SHARD_NUMBER)
        Shards whose records are wanted; there is room for what was asked for.
    arrived : In(1), record : In(SHARD_RECORD)
        A record, in the order of the numbers.
    tasks : Out(stream of waiting_task)
        Tasks of the phase that is open.
    ended : In(1)
        A task of this interval has ended.

    Notes
    -----
    Records are read ahead, also those of the second round while phases of the first one run. A
    phase opens when the one before it has neither tasks left nor tasks under way.

    Cycles: a task in two cycles; three for a phase without tasks.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "clear": In(1), "settings": In(SETTINGS), "step": In(p.extent_bits),
            "base": In(p.address_bits), "idle": Out(1), "take": In(1),
            "interval": In(INTERVAL_TASKS), "wanted": Out(stream.Signature(SHARD_NUMBER)),
            "arrived": In(1), "record": In(SHARD_RECORD),
            "tasks": Out(stream.Signature(waiting_task(p))), "ended": In(1),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        first = Signal(32, reset_less=True)
        rows = Signal(16, reset_less=True)
        later = Signal(self.interval.shards[1].shape(), reset_less=True)
        gathers_first = Signal(reset_less=True)
        phase = Signal(3)
        running = Signal(range(self.p.threads + TASKS_AHEAD + 1))
        some = Signal()
        left = Signal(16, reset_less=True)
        place = Signal(32, reset_less=True)
        accumulator = Signal(self.p.extent_bits, reset_less=True)
        pc = Signal(range(self.p.instructions), reset_less=True)
        started = Signal()
        shards = self._read_ahead(m, later)
        shard = shards.o.payload.shard
        task = self.tasks.payload
        gathers = (phase == Phase.GATHER0) | (phase == Phase.GATHER1)
        gather = Signal()
        second = Signal()
        more = Signal()
        piece = Signal(16)
        size = self.settings.chunk_rows
        m.d.comb += [
            started.eq(self.tasks.valid & self.tasks.ready), shards.o.ready.eq(started & gather),
            task.shard.eq(gather), task.round.eq(second), task.pc.eq(pc), task.place.eq(place),
            task.rows.eq(Mux(gather, shard.sources, piece)),
            task.edges.eq(Mux(gather, shard.edges, 0)), task.accumulator.eq(accumulator),
            task.reach.eq(Mux(gather, rows, piece)),
            task.source_block.eq(shard.source_block), task.edge_block.eq(shard.edge_block),
            task.scalar_block.eq(shard.scalar_block),
        ]  # fmt: skip
        m.d.sync += running.eq(running + started - self.ended)
        with m.FSM(name="interval"):
            with m.State("none"):
                m.d.comb += self.idle.eq(1)
                m.d.sync += phase.eq(0)
                with m.If(self.take):
                    m.d.sync += [
                        first.eq(self.interval.first), rows.eq(self.interval.rows),
                        later.eq(self.interval.shards[1]),
                        gathers_first.eq(self.interval.shards[0].count.any()),
                    ]
                    m.next = "open"
            with m.State("open"):
                there = Mux(phase == Phase.GATHER0, gathers_first, later.count.any())
                code = Array(self.settings.pc)[phase]
                m.d.sync += [
                    pc.eq(code), some.eq((~gathers | there) & ~_is_absent(code)),
                    left.eq(rows), place.eq(first), accumulator.eq(self.base),
                    gather.eq(gathers), second.eq(phase == Phase.GATHER1),
                ]
                m.next = "measure"
            with m.State("measure"):
                # Before the task: comparisons so wide do not reach its handshake.
                m.d.sync += [
                    more.eq(some & (gather | left.any())),
                    piece.eq(Mux(left <= size, left, size)),
                ]
                m.next = "tasks"
            with m.State("tasks"):
                m.d.comb += self.tasks.valid.eq(more & (~gather | shards.o.valid))
                with m.If(started):
                    m.d.sync += [
                        some.eq(~gather | ~shards.o.payload.last), left.eq(left - piece),
                        place.eq(place + size),
                    ]
                    with m.If(~gather):
                        # No step is larger than what is beyond the memory: before this wraps, a
                        # chunk there has stopped the engine.
                        m.d.sync += accumulator.eq(accumulator + self.step)
                    m.next = "measure"
                with m.If(~more & ~running.any()):
                    m.d.sync += phase.eq(phase + 1)
                    m.next = "open"
                    with m.If(phase == PHASES - 1):
                        m.next = "none"
        return ResetInserter(self.clear)(m)

    def _read_ahead(self, m: Module, later: data.View) -> Queue:
        """Ask for the records of both rounds' shards, the second one's being kept; return the queue
        that they come into."""
        shards = add_queue(m, "shards", SHARD_RECORD, SHARDS_AHEAD, self.clear)
        counts = []
        for phase, of in zip(_GATHERS, (self.interval.shards[0], later), strict=True):
            absent = Signal(name=f"no_{phase.name.lower()}")
            m.d.sync += absent.eq(_is_absent(self.settings.pc[phase.value]))
            counts.append(Mux(absent, 0, of.count))
        number = Signal(32, reset_less=True)
        left = Signal(16)
        second = Signal(init=1)
        reserved = Signal(range(SHARDS_AHEAD + 1))
        asked = Signal()
        m.d.comb += [
            shards.i.valid.eq(self.arrived), shards.i.payload.eq(self.record),
            self.wanted.payload.number.eq(number), asked.eq(self.wanted.valid & self.wanted.ready),
        ]
        m.d.sync += [
            reserved.eq(reserved + asked - shards.o.ready),
            self.wanted.payload.last.eq(left == 1),
            # Two cycles for a number: whether one is wanted comes from a register.
            self.wanted.valid.eq(
                left.any() & (reserved != SHARDS_AHEAD) & ~asked & ~self.take
            ),
        ]
        with m.If(self.take):
            m.d.sync += [
                number.eq(self.interval.shards[0].first), left.eq(counts[0]), second.eq(0),
            ]
        with m.Elif(asked):
            m.d.sync += [number.eq(number + 1), left.eq(left - 1)]
        with m.Elif(~left.any() & ~second):
            m.d.sync += [number.eq(later.first), left.eq(counts[1]), second.eq(1)]
        return shards


def _is_absent(code: Value) -> Value:
    """Whether a phase has no code: what is neither in the code nor NO_CODE, the loader refused."""
    return code[-1]

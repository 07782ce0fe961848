"""Supervisor: start, end, error, and reset of an engine."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .faults import FAULT, fault
from .jobs import finished

__all__ = ["CLEARING", "Supervisor", "SupervisorParameters"]

CLEARING = 8
"""Cycles of ``clear``, and as many after it with nothing under way: it may reach each unit as many
cycles late, and there is one in which it has reached all."""


@dataclass(frozen=True)
class SupervisorParameters:
    """Parameters of :class:`Supervisor`: those who can tell of a fault, and units with jobs."""

    sources: int
    units: int


class Supervisor(Unit):
    """Run, stop at the first fault, and come back to rest.

    Members
    -------
    start, reset, forget_done : In(1)
        What software wants. A start counts at rest; a reset always.
    done : In(1)
        All passes have ended.
    faults : In(fault()) each, ``fault_0`` ...
        The first one counts; of several in a cycle the one with the lowest number.
    given, finished : In(1), In(finished()) for each unit, ``given_0`` ...
        A unit got a job, and has ended one.
    drained : In(1)
        No burst is on the way.
    begun : Out(1)
        Software has started the engine, for one cycle.
    halt : Out(1)
        Nothing new may begin.
    clear : Out(1)
        Everything goes back to its reset state; for ``CLEARING`` cycles.
    status : Out(3), fault : Out(FAULT)
        For software.
    running : Out(1)
        Cycles that count.

    Notes
    -----
    Units that hold jobs cannot be cleared; they end what they have. Bursts that began are carried
    to their end, as AXI wants. Then all the rest is cleared.
    """

    p: SupervisorParameters

    def __init__(self, p: SupervisorParameters) -> None:
        super().__init__(p, {
            "start": In(1), "reset": In(1), "forget_done": In(1), "done": In(1),
            **{f"fault_{number}": In(fault()) for number in range(p.sources)},
            **{f"given_{number}": In(1) for number in range(p.units)},
            **{f"finished_{number}": In(finished()) for number in range(p.units)},
            "drained": In(1), "begun": Out(1), "halt": Out(1), "clear": Out(1), "status": Out(3),
            "what": Out(FAULT), "running": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        found = Signal()
        first = Signal(FAULT)
        for number in reversed(range(self.p.sources)):
            source = getattr(self, f"fault_{number}")
            with m.If(source.valid):
                m.d.comb += [found.eq(1), first.eq(source.what)]
        at_work = Signal(self.p.units)
        for number in range(self.p.units):
            jobs = Signal(6, name=f"jobs_{number}")
            given, ended = Signal(name=f"given_job_{number}"), Signal(name=f"ended_job_{number}")
            m.d.sync += [
                given.eq(getattr(self, f"given_{number}")),
                ended.eq(getattr(self, f"finished_{number}").valid), jobs.eq(jobs + given - ended),
            ]  # fmt: skip
            m.d.comb += at_work[number].eq(jobs.any())
        busy = Signal()
        done = Signal()
        error = Signal()
        stopping = Signal()
        halted = Signal(3)
        quiet = Signal()
        clearing = Signal()
        count = Signal(range(2 * CLEARING + 1))
        none = data.Const(FAULT, 0)
        m.d.sync += [halted.eq(Cat(stopping, halted)), quiet.eq(self.drained & ~at_work.any())]
        m.d.comb += [
            self.running.eq(busy & ~stopping),
            self.begun.eq(self.start & ~busy & ~error & ~stopping),
            self.status.eq(Cat(busy, done, error)),
        ]  # fmt: skip
        with m.If(self.forget_done):
            m.d.sync += done.eq(0)
        with m.If(self.reset):
            m.d.sync += [stopping.eq(1), busy.eq(1), self.halt.eq(1)]
        with m.Elif(stopping):
            # ``quiet`` counts from the fourth cycle on: before, something may still have begun.
            with m.If(halted[2] & quiet & ~clearing):
                m.d.sync += [clearing.eq(1), self.clear.eq(1)]
            with m.If(clearing):
                m.d.sync += count.eq(count + 1)
            with m.If(count == CLEARING):
                m.d.sync += self.clear.eq(0)
            with m.If(count == 2 * CLEARING):
                m.d.sync += [
                    stopping.eq(0), busy.eq(0), done.eq(0), error.eq(0), self.what.eq(none),
                    self.halt.eq(0), clearing.eq(0), count.eq(0),
                ]
        with m.Elif(self.begun):
            m.d.sync += [busy.eq(1), done.eq(0)]
        with m.Elif(busy & found):
            m.d.sync += [busy.eq(0), error.eq(1), self.what.eq(first), self.halt.eq(1)]
        with m.Elif(busy & self.done):
            m.d.sync += [busy.eq(0), done.eq(1)]
        return m



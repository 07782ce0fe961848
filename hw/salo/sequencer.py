"""Sequencer: when tiles are loaded, and when the array takes which stage of them."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .engine_parameters import SaloEngineParameters
from .stages import Stage

__all__ = ["LOAD_LATENCY", "Sequencer"]

LOAD_LATENCY = 2
"""Cycles from the turn of a lane to its vector's being written."""


class Sequencer(Unit):
    """Tiles without a bubble: keys are loaded while the values of the tile before come out.

    Time is in tiles of ``dk + dv + 2`` cycles, in two phases, as lanes are loaded::

        phase            first, dv + 2 cycles             second, dk cycles
        loaded           queries and keys of a tile       values of that tile
        stages           EXP, SUM, VALUE of the last      FIRST, SCORE of that tile

    and stages reach the array two cycles later, as vectors reach their lanes.

    Members
    -------
    dk, dv : In(range)
        Elements, at least 1; steady while ``busy``.
    ready : In(1), take : Out(1)
        There is a tile to begin with, and nothing that it would have to wait for; it begins in the
        next cycle.
    turn : Out(range(loads + 1))
        Lanes of which turn are selected; ``loads``: none.
    write_keys, write_values : Out(loads)
        Lanes of which turn are written, one-hot, two cycles later.
    settle : Out(1)
        The cycle before FIRST: what a tile holds steady must be there from the next cycle on.
    stage : Out(Stage)
        To the array and to lanes.
    busy : Out(1)
        There is a tile.

    Notes
    -----
    Where no tile is ready when the first phase begins, it does without loading; so there are
    ``dv + 2`` cycles at least till the next tile begins.
    """

    p: SaloEngineParameters

    def __init__(self, p: SaloEngineParameters) -> None:
        super().__init__(p, {
            "dk": In(range(p.array.datapath.dk_max + 1)), "dv": In(range(p.dv_max + 1)),
            "ready": In(1), "take": Out(1), "turn": Out(range(p.loads + 1)),
            "write_keys": Out(p.loads), "write_values": Out(p.loads), "settle": Out(1),
            "stage": Out(Stage), "busy": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        active = Signal()
        second = Signal()
        ahead = Signal()
        behind = Signal()
        count = Signal(range(max(p.array.datapath.dk_max, p.dv_max + 2) + 1))
        ends = Signal()
        decide = Signal()
        first_ends = Signal()
        second_ends = Signal()
        m.d.comb += [
            ends.eq(count == Mux(second, self.dk - 1, self.dv + 1)),
            first_ends.eq(active & ~second & ends), second_ends.eq(active & second & ends),
            # A tile can begin: the second phase is over, or nothing is loaded or under way.
            decide.eq(~active | second_ends | (first_ends & ~ahead)),
            self.take.eq(decide & self.ready),
        ]
        with m.If(active):
            m.d.sync += count.eq(count + 1)
        with m.If(decide):
            m.d.sync += [
                active.eq(self.ready | second_ends), second.eq(0), count.eq(0),
                ahead.eq(self.ready), behind.eq(second_ends),
            ]  # fmt: skip
        with m.Elif(first_ends):
            m.d.sync += [second.eq(1), count.eq(0)]

        loading = Signal()
        stage = Signal(Stage)
        m.d.comb += [
            loading.eq(active & ahead & (count < p.loads)),
            self.turn.eq(Mux(loading, count, p.loads)),
        ]
        with m.If(active & second):
            m.d.comb += stage.eq(Mux(count == 0, Stage.FIRST, Stage.SCORE))
        with m.Elif(active & behind):
            m.d.comb += stage.eq(
                Mux(count == 0, Stage.EXP, Mux(count == 1, Stage.SUM, Stage.VALUE))
            )
        turn = Signal.like(self.turn, name="turn_1", init=p.loads)
        values = Signal(name="values_1")
        before = Signal(Stage, name="stage_1")
        m.d.sync += [
            turn.eq(self.turn), values.eq(second), before.eq(stage), self.stage.eq(before),
        ]
        for number in range(p.loads):
            written = turn == number
            m.d.sync += [
                self.write_keys[number].eq(written & ~values),
                self.write_values[number].eq(written & values),
            ]
        m.d.comb += [
            self.settle.eq(before == Stage.FIRST),
            self.busy.eq(active | (before != Stage.IDLE) | (self.stage != Stage.IDLE)),
        ]
        return m

"""Walk over a shard's edges, once for each word of a row, a step in each cycle."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..fabric.fifo import StreamFIFO, StreamFIFOParameters
from ..unit import Unit
from .jobs import MEMORY_LATENCY
from .parameters import GnnParameters
from .vector_ports import list_read

__all__ = ["EdgeWalker"]

_AHEAD = 8
"""Edges that may have been asked for and not used: more than the cycles until they come."""


def _edge(p: GnnParameters) -> data.StructLayout:
    """The edge's rows, as far as addresses need them."""
    return data.StructLayout({
        "source": range(max(p.max_sources, p.local_words)),
        "destination": range(p.accumulator_words),
    })  # fmt: skip


def _step(p: GnnParameters) -> data.StructLayout:
    """An edge, and the word of its rows. ``first`` of its run of
    equal destinations, for which it takes several ``turn``s; it ``fires`` in the last of them.
    There, it is the ``last`` of its run, or ``ends`` the list, or is the ``final`` one of the job.
    """
    return data.StructLayout({
        "edge": _edge(p), "word": p.chunk_bits, "turn": 2, "first": 1, "fires": 1, "last": 1,
        "ends": 1, "final": 1,
    })  # fmt: skip


class EdgeWalker(Unit):
    """Give a step for each word, for each edge, for each turn of the first edge of a run.

    Members
    -------
    start : In(1)
        Begin. Sizes are steady from here to the final step.
    edges, words : In, turns : In(2)
        Of the list, of rows, and of the first edges of runs, at least 1.
    list : Out(list_read(32))
        The shard's edges, ``destination << 16 | source``, equal destinations together.
    valid : Out(1), step : Out(one step)
        Steps.
    finished : Out(1)
        There is nothing to do, told in the cycle after ``start``.

    Notes
    -----
    Cycles: the first step 7 cycles after ``start``, then one in each, through all words. The end of
    a run is seen from the edge behind it, so that edges are read ahead.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "start": In(1), "edges": In(range(p.max_edges + 1)), "words": In(p.chunk_bits + 1),
            "turns": In(2), "list": Out(list_read(p.max_edges, 32)), "valid": Out(1),
            "step": Out(_step(p)), "finished": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.queue = queue = StreamFIFO(StreamFIFOParameters(_edge(p), _AHEAD))
        nothing = Signal()
        takes = Signal()
        m.d.comb += nothing.eq((self.edges == 0) | (self.words == 0))
        m.d.sync += self.finished.eq(self.start & nothing)
        # A row and a list fit their memories.
        last_edge = Signal(range(p.max_edges))
        last_word = Signal(p.chunk_bits)
        m.d.sync += [last_edge.eq(self.edges - 1), last_word.eq(self.words - 1)]

        fetching = Signal()
        fetch = Signal.like(last_edge)
        fetch_word = Signal.like(last_word)
        open_reads = Signal(range(_AHEAD + 1))
        asks = Signal()
        fetch_ends = Signal()
        m.d.comb += [
            asks.eq(fetching & (open_reads != _AHEAD)),
            self.list.enable.eq(asks), self.list.address.eq(fetch),
            fetch_ends.eq(fetch == last_edge),
        ]  # fmt: skip
        m.d.sync += open_reads.eq(open_reads + asks - takes)
        with m.If(asks):
            m.d.sync += fetch.eq(Mux(fetch_ends, 0, fetch + 1))
            with m.If(fetch_ends):
                m.d.sync += fetch_word.eq(fetch_word + 1)
                with m.If(fetch_word == last_word):
                    m.d.sync += [fetching.eq(0), fetch_word.eq(0)]
        with m.If(self.start & ~nothing):
            m.d.sync += fetching.eq(1)
        came = asks
        for k in range(MEMORY_LATENCY):
            after = Signal(name=f"came_{k}")
            m.d.sync += after.eq(came)
            came = after
        m.d.comb += [
            queue.i.valid.eq(came), queue.i.payload.source.eq(self.list.data[:16]),
            queue.i.payload.destination.eq(self.list.data[16:]),
        ]

        # The edge at work, whether it is the first of its run, and its number and word.
        held = Signal()
        edge = Signal(_edge(p))
        first = Signal()
        number = Signal.like(last_edge)
        word = Signal.like(last_word)
        turn = Signal(2)
        ends = Signal()
        final = Signal()
        fires = Signal()
        steps = Signal()
        beyond = Signal()
        at_last_word = Signal()
        m.d.comb += [
            beyond.eq(queue.o.payload.destination != edge.destination),
            final.eq(ends & at_last_word), steps.eq(held & (queue.o.valid | final)),
            fires.eq(steps & (~first | (turn == self.turns - 1))),
            takes.eq(queue.o.valid & (~held | fires)), queue.o.ready.eq(takes),
        ]  # fmt: skip
        with m.If(takes):
            m.d.sync += [held.eq(1), edge.eq(queue.o.payload), first.eq(~held | ends | beyond)]
        with m.Elif(fires):
            m.d.sync += held.eq(0)
        with m.If(fires):
            m.d.sync += [turn.eq(0), number.eq(Mux(ends, 0, number + 1))]
            with m.If(ends):
                m.d.sync += word.eq(Mux(final, 0, word + 1))
        with m.Elif(steps):
            m.d.sync += turn.eq(turn + 1)
        # What the edge and its word are last of, before they come: registers tell.
        for flag, place, last, advances in (
            (ends, number, last_edge, fires), (at_last_word, word, last_word, fires & ends),
        ):  # fmt: skip
            m.d.sync += flag.eq(place == last)
            with m.If(advances):
                m.d.sync += flag.eq(Mux(flag, last == 0, place + 1 == last))
        m.d.sync += [
            self.valid.eq(steps), self.step.edge.eq(edge),
            self.step.word.eq(word), self.step.turn.eq(turn), self.step.first.eq(first),
            self.step.fires.eq(fires), self.step.last.eq(ends | beyond),
            self.step.ends.eq(ends & fires), self.step.final.eq(final & fires),
        ]  # fmt: skip
        return m

"""Beats of rows, one after the other: where in local memory each belongs."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data
from amaranth.utils import ceil_log2

from .parameters import GnnParameters
from .queue import Queue

__all__ = ["RowWalk", "describe_rows", "rows_layout", "walk_rows"]


def rows_layout(p: GnnParameters) -> data.StructLayout:
    """Rows of a thread's local memory, ``stride`` words after each other; beats of a row, and rows,
    beyond the first one, and whether there are any; whether there is nothing to it.
    """
    return data.StructLayout({
        "thread": 4, "base": p.local_bits, "stride": p.local_bits, "more_beats": range(p.row_beats),
        "more_rows": 16, "one_beat": 1, "one_row": 1, "empty": 1,
    })  # fmt: skip


@dataclass(frozen=True)
class RowWalk:
    """The beat that a walk is at.

    Attributes
    ----------
    valid
        There is a job, maybe an empty one.
    job
        It, in registers: a view of the shape of ``jobs``.
    number
        Of the beat in its row.
    word
        Its word, from the first word of the first row.
    end
        It is the last beat of the last row.
    ended
        The job ends in this cycle.
    """

    valid: Signal
    job: data.View
    number: Signal
    word: Signal
    end: Signal
    ended: Signal


def describe_rows(rows: data.View, job: data.View, beats: Value, number: Value) -> list[Value]:
    """Return assignments to ``rows``: ``number`` rows of ``beats`` each, placed as ``job`` says."""
    return [
        rows.thread.eq(job.thread), rows.base.eq(job.base), rows.stride.eq(job.stride),
        rows.more_beats.eq(beats - 1), rows.more_rows.eq(number - 1), rows.one_beat.eq(beats == 1),
        rows.one_row.eq(number == 1), rows.empty.eq((number == 0) | (beats == 0)),
    ]  # fmt: skip


def walk_rows(m: Module, p: GnnParameters, jobs: Queue, step: Value) -> RowWalk:
    """Go through the beats of ``jobs``, one at each ``step``; their ``rows`` are `rows_layout`.

    A step is asked for where there is a beat: a job that is valid and not empty. A cycle after the
    last beat is for the next job; an empty one takes two.
    """
    in_word = ceil_log2(p.lanes // p.bus_bytes)
    valid = Signal(name="walk_valid")
    job = Signal(jobs.p.shape, reset_less=True, name="walk_job")
    rows = job.rows
    number = Signal(range(p.row_beats))
    word = Signal(p.local_bits)
    start = Signal(p.local_bits)
    # What a beat is last of is known before it comes: registers alone tell.
    beats = Signal(range(p.row_beats))
    others = Signal(16)
    row_end = Signal()
    last_row = Signal()
    end = Signal()
    ended = Signal()
    m.d.comb += [
        end.eq(row_end & last_row), ended.eq((step & end) | (valid & rows.empty)),
        jobs.o.ready.eq(~valid),
    ]  # fmt: skip
    with m.If(step):
        with m.If(row_end):
            m.d.sync += [
                number.eq(0), start.eq(start + rows.stride), word.eq(start + rows.stride),
                beats.eq(rows.more_beats), row_end.eq(rows.one_beat), others.eq(others - 1),
                last_row.eq(others == 1),
            ]  # fmt: skip
        with m.Else():
            m.d.sync += [
                number.eq(number + 1), word.eq(word + (number[:in_word] + 1)[in_word]),
                beats.eq(beats - 1), row_end.eq(beats == 1),
            ]
    with m.If(ended):
        m.d.sync += valid.eq(0)
    with m.If(~valid):
        coming = jobs.o.payload.rows
        m.d.sync += [
            valid.eq(jobs.o.valid), job.eq(jobs.o.payload), number.eq(0), start.eq(0), word.eq(0),
            beats.eq(coming.more_beats), row_end.eq(coming.one_beat), others.eq(coming.more_rows),
            last_row.eq(coming.one_row),
        ]  # fmt: skip
    return RowWalk(valid, job, number, word, end, ended)

"""Beats of rows, one after the other: where in local memory each belongs."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data
from amaranth.utils import ceil_log2

from .parameters import GnnParameters
from .transfers import BEAT_BITS

__all__ = ["RowWalk", "walk_rows"]


@dataclass(frozen=True)
class RowWalk:
    """The beat that a walk is at.

    Attributes
    ----------
    number
        Of the beat in its row.
    word
        Its word, from the first word of the first row.
    end
        It is the last beat of the last row.
    """

    number: Signal
    word: Signal
    end: Signal


def walk_rows(m: Module, p: GnnParameters, job: data.View, step: Value) -> RowWalk:
    """Go through ``job.last_row`` + 1 rows of ``job.last_beat`` + 1 beats, a beat at each ``step``.

    Rows begin ``job.stride`` words after each other. After the last beat comes the first of the
    next job.
    """
    in_word = ceil_log2(p.lanes // p.bus_bytes)
    number, row = Signal(BEAT_BITS), Signal(16)
    start, word = Signal(16), Signal(16)
    row_end, end = Signal(), Signal()
    m.d.comb += [
        row_end.eq(number == job.last_beat), end.eq(row_end & (row == job.last_row)),
    ]  # fmt: skip
    with m.If(step):
        with m.If(end):
            m.d.sync += [number.eq(0), row.eq(0), start.eq(0), word.eq(0)]
        with m.Elif(row_end):
            m.d.sync += [
                number.eq(0), row.eq(row + 1), start.eq(start + job.stride),
                word.eq(start + job.stride),
            ]
        with m.Else():
            m.d.sync += [
                number.eq(number + 1), word.eq(word + (number[:in_word] + 1)[in_word]),
            ]  # fmt: skip
    return RowWalk(number, word, end)

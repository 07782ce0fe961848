"""A row of processing elements, along which a query, its control and its sums travel."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .parameters import DatapathParameters
from .processing_element import ProcessingElement
from .stages import Stage

__all__ = ["Row", "RowParameters"]


@dataclass(frozen=True)
class RowParameters:
    """``cols`` elements with the formats ``datapath``.

    Raises
    ------
    ValueError
        A row has no element, or more than sums have bits for.
    """

    datapath: DatapathParameters
    cols: int

    def __post_init__(self) -> None:
        if not 1 <= self.cols <= self.datapath.keys:
            raise ValueError(f"cols must be in 1 to keys = {self.datapath.keys}, not {self.cols}")


class Row(Unit):
    """One query against a key for each column, by :class:`~.processing_element.ProcessingElement`.

    Members
    -------
    stage, shift, q : In
        Of the leftmost element; element j has them j cycles later.
    kv : In(array of signed(kv_bits)), allowed : In(cols)
        Of element j, j cycles after those of the leftmost.
    kv_next : Out
        ``kv`` of each element, a cycle later.
    stage_next : Out(Stage)
        Of the rightmost element.
    maximum, seen, saturated, sum : Out
        What the rightmost element passes on: ``2 + pipeline`` cycles after EXP was at its inputs
        the first three, SUM or VALUE the last.
    """

    p: RowParameters

    def __init__(self, p: RowParameters) -> None:
        formats = p.datapath
        words = data.ArrayLayout(signed(formats.kv_bits), p.cols)
        super().__init__(p, {
            "stage": In(Stage), "shift": In(formats.shift_bits), "q": In(signed(formats.q_bits)),
            "kv": In(words), "allowed": In(p.cols),
            "kv_next": Out(words), "stage_next": Out(Stage),
            "maximum": Out(signed(formats.exp_bits)), "seen": Out(1), "saturated": Out(1),
            "sum": Out(signed(formats.sum_bits)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        before: ProcessingElement | None = None
        for j in range(self.p.cols):
            element = ProcessingElement(self.p.datapath)
            m.submodules[f"element_{j}"] = element
            m.d.comb += [
                element.kv.eq(self.kv[j]), element.allowed.eq(self.allowed[j]),
                self.kv_next[j].eq(element.kv_next),
            ]  # fmt: skip
            if before is None:
                m.d.comb += [
                    element.stage.eq(self.stage), element.shift.eq(self.shift),
                    element.q.eq(self.q),
                ]  # fmt: skip
            else:
                m.d.comb += [
                    element.stage.eq(before.stage_next), element.shift.eq(before.shift_next),
                    element.q.eq(before.q_next), element.sum.eq(before.sum_next),
                    element.maximum.eq(before.maximum_next), element.seen.eq(before.seen_next),
                    element.saturated.eq(before.saturated_next),
                ]  # fmt: skip
            before = element
        m.d.comb += [
            self.stage_next.eq(before.stage_next), self.sum.eq(before.sum_next),
            self.maximum.eq(before.maximum_next), self.seen.eq(before.seen_next),
            self.saturated.eq(before.saturated_next),
        ]  # fmt: skip
        return m

"""Output-stationary systolic array: operands pass from element to element, sums stay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import or_
from typing import ClassVar

from amaranth.hdl import Const, Module, Value
from amaranth.lib import data
from amaranth.lib.wiring import Out

from ..arith.tree import reduce_tree
from ..unit import Unit
from .correction import RowCorrection
from .delay import delayed
from .operand_edge import edge_operand, row_negatives
from .output_stationary import (
    OutputStationary,
    OutputStationaryParameters,
    control_ports,
    take_step,
)
from .result_drain import ResultDrain

__all__ = ["SystolicGrid", "SystolicOs", "SystolicOsParameters"]


@dataclass(frozen=True, kw_only=True)
class SystolicOsParameters(OutputStationaryParameters):
    """Parameters of an output-stationary systolic array."""

    SKEWED: ClassVar[bool] = True


class SystolicGrid(Unit):
    """The elements with their operand registers, and gates to the ends of the columns.

    Members
    -------
    a : In(ArrayLayout(a_shape, M))
    b : In(ArrayLayout(b_shape, N))
        Operands of a step, all at the same time; they are encoded and skewed inside.
    first, last : In(1)
        The step is a tile's first, its last one; never set without a step.
    valid : In(1)
        There is a step. Only with back-pressure: without, a bubble is a step with ``a = 0``.
    advance : In(1)
        Nothing changes while it is 0; only with back-pressure.
    sum, carry : Out(ArrayLayout(A, N))
        Sums of row r at column j, ``2 + r + j`` cycles after the last step; ``carry`` only where
        there are pairs.
    correction : Out(A)
        Of row r, 2 + r cycles after the last step; only where rows have one.
    beat, beat_last : Out(1)
        Column 0 has the sums of a row, those of row M - 1.

    Notes
    -----
    Element (r, j) has its step ``r + j`` cycles after element (0, 0), so that in a column one row
    is done in each cycle, in order. Gates lead its sums to the end of the column in that very
    cycle: no element needs a second copy of its sums.
    """

    p: SystolicOsParameters

    def __init__(self, p: SystolicOsParameters) -> None:
        words = data.ArrayLayout(p.accumulator_width, p.cols)
        super().__init__(p, {
            **control_ports(p),
            "sum": Out(words),
            **({"carry": Out(words)} if p.carry_save else {}),
            **({"correction": Out(p.accumulator_width)} if p.row_correction else {}),
            "beat": Out(1), "beat_last": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        elements, done, corrections = self.elements(m)
        for j in range(self.p.cols):
            chosen = [row[j] for row in done]
            for port in ("sum", "carry") if self.p.carry_save else ("accumulator",):
                to = self.carry if port == "carry" else self.sum
                m.d.comb += to[j].eq(_select(chosen, [getattr(row[j], port) for row in elements]))
        starts = [row[0] for row in done]
        if corrections:
            m.d.comb += self.correction.eq(_select(starts, corrections))
        m.d.comb += [self.beat.eq(reduce_tree(or_, starts)), self.beat_last.eq(starts[-1])]
        return m

    def elements(self, m: Module) -> tuple[list[list[Unit]], list[list[Value]], list[Value]]:
        """Add the elements; those of each row, when their tiles are done, and the corrections."""
        p = self.p
        first: Value = self.first
        last: Value = self.last
        valid: Value = self.valid if p.back_pressure else Const(0, 0)
        down = [self._moved(m, self.b[j], f"b_skew_{j}", j + 1) for j in range(p.cols)]
        rows, done, corrections = [], [], []
        for r in range(p.rows):
            # Row r is r cycles behind row 0.
            first = self._moved(m, first, f"first_{r}")
            valid = self._moved(m, valid, f"valid_{r}")
            last = self._moved(m, last, f"last_{r}", reset=True)
            a = self._moved(m, edge_operand(m, p, self.a[r], f"{r}"), f"a_skew_{r}", r + 1)
            if p.row_correction is not None:
                m.submodules[f"correction_{r}"] = correction = RowCorrection(p.row_correction)
                m.d.comb += correction.negative.eq(row_negatives(m, p, a, f"{r}"))
                take_step(m, correction, first, valid, self._enable)
                corrections.append(correction.correction)
            row, ends = self._row(m, r, a, down, (first, valid, last))
            rows.append(row)
            done.append(ends)
            if r < p.rows - 1:
                down = [self._moved(m, b, f"b_{r}_{j}") for j, b in enumerate(down)]
        return rows, done, corrections

    def _row(
        self, m: Module, r: int, a: Value, down: list[Value], step: tuple[Value, Value, Value]
    ) -> tuple[list[Unit], list[Value]]:
        """The elements of a row, and for each whether its sums are those of a whole tile."""
        p = self.p
        first, valid, last = step
        row: list[Unit] = []
        done: list[Value] = []
        for j, b in enumerate(down):
            m.submodules[f"element_{r}_{j}"] = element = p.create_element()
            operand = element.digits if p.shared_encoder else element.a
            m.d.comb += [Value.cast(operand).eq(a), element.b.eq(b)]
            take_step(m, element, first, valid, self._enable)
            row.append(element)
            # Element (r, j) is done when element (r, j + 1) has the step.
            last = self._moved(m, last, f"done_{r}_{j}", reset=True)
            done.append(last)
            if j < p.cols - 1:
                a = self._moved(m, a, f"a_{r}_{j}")
                first = self._moved(m, first, f"first_{r}_{j}")
                valid = self._moved(m, valid, f"valid_{r}_{j}")
        return row, done

    @property
    def _enable(self) -> Value | None:
        return self.advance if self.p.back_pressure else None

    def _moved(
        self, m: Module, value: Value, name: str, cycles: int = 1, *, reset: bool = False
    ) -> Value:
        return delayed(m, value, name, cycles, reset=reset, enable=self._enable)


def _select(chosen: Iterable[Value], words: Iterable[Value]) -> Value:
    """The word whose bit is set, of at most one."""
    return reduce_tree(
        or_,
        (word & bit.replicate(len(word)) for bit, word in zip(chosen, words, strict=True)),
    )


class SystolicOs(OutputStationary):
    """An output-stationary array whose operands move by one element in each cycle."""

    p: SystolicOsParameters

    def grid(self, m: Module, drain: ResultDrain) -> SystolicGrid:
        grid = SystolicGrid(self.p)
        m.d.comb += [
            drain.beat.eq(grid.beat), drain.last.eq(grid.beat_last),
            Value.cast(drain.sum).eq(grid.sum.as_value()),
        ]
        if self.p.carry_save:
            m.d.comb += Value.cast(drain.carry).eq(grid.carry.as_value())
        if self.p.row_correction is not None:
            m.d.comb += drain.correction.eq(grid.correction)
        return grid

"""Weight-stationary systolic array: weights stay, operands and sums pass from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In

from ..arith.digit_encoder import DigitEncoder, Encoding
from ..unit import Unit
from .carry_save_step import CarrySaveStep
from .correction import Correction
from .delay import delayed
from .engine import engine_members, weight_control
from .moving_sum import MovingSum, MovingSumParameters, NumberStep
from .negative_sum import NegativeSum, NegativeSumParameters
from .operand_edge import edge_operand
from .partial_product import Row, booth_negatives, rows_of
from .result_drain import ResultDrain
from .streaming import StreamingParameters, connect_drain

__all__ = ["SystolicWs", "SystolicWsParameters"]


@dataclass(frozen=True, kw_only=True)
class SystolicWsParameters(StreamingParameters):
    """Parameters of a weight-stationary systolic array.

    They are those of :class:`~.streaming.StreamingParameters`.
    """

    SKEWED: ClassVar[bool] = True

    @property
    def step_layout(self) -> data.StructLayout:
        """Payload of the operands: a row of A."""
        row = data.ArrayLayout(self.operands.a_shape, self.depth)
        return data.StructLayout({"a": row, "last": 1})

    @property
    def weight_layout(self) -> data.ArrayLayout:
        """Payload of the weights: a column of them."""
        return data.ArrayLayout(self.operands.b_shape, self.depth)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Partial products of an element."""
        return rows_of(self.operands, self.encoding)

    @cached_property
    def bias(self) -> int:
        """What a column adds too much beside the digits' ``negative`` wires, a constant."""
        return self.depth * sum(row.bias for row in self.rows) if self.carry_save else 0

    @property
    def start(self) -> int:
        """What the sums of a column start from: ``2^(E-1)`` more than takes off the bias.

        That makes all exact sums positive: the sums of upper elements need not have all E bits,
        and the top bit, inverted, is the sign.
        """
        return ((1 << self.width - 1) - self.bias) % (1 << self.width)

    @property
    def negatives(self) -> NegativeSumParameters | None:
        """The sum of the ``negative`` wires of a row of A, where elements do not add them."""
        if self.correction is Correction.EXACT or not any(row.negative for row in self.rows):
            return None
        return NegativeSumParameters(self.rows, self.depth, self.width)

    @cached_property
    def steps(self) -> tuple[NumberStep | CarrySaveStep, ...]:
        """What the element of each k does to a sum.

        Sums are exact unless the E bits are too few: they count from 0, and so k + 1 products,
        each with its bias, and all negative wires yet to come off again, bound their width.
        """
        if not self.carry_save:
            widths = [self.operands.accumulator_width(k) for k in range(1, self.depth + 1)]
            widths = [0, *(min(width, self.width) for width in widths)]
            return tuple(map(NumberStep, widths, widths[1:]))
        words, times = MovingSumParameters.words(self.operands, self.level, self.encoding)
        product = self.operands.product_range[1] + self.bias // self.depth
        negatives = 0
        heights: tuple[int, ...] = ()
        if self.negatives is not None:
            negatives = self.negatives.largest
            heights = (1,) * self.negatives.width
        steps = []
        for k in range(self.depth):
            largest = self.start + (k + 1) * product + (self.depth - k - 1) * negatives
            columns = min(largest.bit_length(), self.width)
            step = CarrySaveStep(
                words, times, heights, columns, 0 if k else self.start, pace=(2,) * columns
            )
            steps.append(step)
            heights = step.after
        return tuple(steps)

    @property
    def carry_mask(self) -> int:
        """Bits of the carry word that are ever 1; 0 if there is none."""
        last = self.steps[-1]
        return 0 if isinstance(last, NumberStep) else last.carry_mask

    @property
    def latency(self) -> int:
        """Cycles from a row of A to its results, if nothing stalls.

        One into the operand register of element (0, 0), one into each of the K sums of column 0,
        then the drain's, which has the N - 1 cycles from column 0 to the last one.
        """
        return 1 + self.depth + self.drain.latency

    @property
    def load_cycles(self) -> int:
        """Cycles of the weights of a tile."""
        return self.cols

    @property
    def release_cycles(self) -> int:
        """Cycles from a tile's first row of A until weights after its own may go in.

        They take the place of its own, which element (k, 0) takes k cycles after element (0, 0).
        """
        return self.depth - 1

    def tile_cycles(self, rows: int) -> int:
        """Cycles from a tile of so many rows of A to the next, if nothing has to wait."""
        return max(rows, self.release_cycles + self.load_cycles)


class SystolicWs(Unit):
    """``c[m, n] = Σ_k a[m, k] w[k, n] (+ c_input[m, n])``, a row of results from a row of A.

    Members
    -------
    w : In(stream of p.weight_layout)
        Columns n = 0 to N - 1 of the weights of a tile, a column in each transfer. They go in
        while the tile before is at work.
    i : In(stream of p.step_layout)
        Rows of A, with ``last`` on the last one of a tile: the next row belongs to the next
        weights, and waits until all of them are there.
    c : In(stream of p.c_layout)
        A row for each row of results; only with a C input.
    o : Out(stream of p.output_layout)
        A row of results for each row of A, with the same ``last``.

    Notes
    -----
    Cycles: a row in each; its results leave ``p.latency`` cycles later; tiles of R rows take
    ``p.tile_cycles(R)``. ``i.ready`` comes from registers and ``o.ready`` alone;
    ``w.ready`` also from ``i.valid`` if K is 1, for the first row of a tile frees the weights.

    The correction of a row (its bias is a constant of K, and the sum of its ``negative`` wires is
    the same for all columns) is known when the row comes in, and the first element of a column has
    no sum to add: the sums start from the correction, which moves over the columns as operands do,
    and no unit at the end need know of it. All levels are bare sums there.
    """

    p: SystolicWsParameters

    def __init__(self, p: SystolicWsParameters) -> None:
        weights = In(stream.Signature(p.weight_layout))
        super().__init__(p, engine_members(p, p.output_layout, w=weights))

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.drain = drain = ResultDrain(p.drain)
        # Column n is free n cycles after column 0, when its weights come at the earliest.
        released = Signal()
        control = weight_control(m, self, drain, p.cols, released)
        enable = drain.advance if p.back_pressure else None
        # wave[d]: the first row of a tile has come to the elements that are d away from the first.
        wave = [control.swap]
        for place in range(1, p.depth + p.cols - 1):
            wave.append(delayed(m, wave[-1], f"swap_{place}", 1, reset=True, enable=enable))
        m.d.comb += released.eq(wave[p.depth - 1])
        beat = delayed(m, control.taken, "row", 1 + p.depth, reset=True, enable=enable)
        last = delayed(m, self.i.payload.last, "last", 1 + p.depth, enable=enable)
        m.d.comb += [drain.beat.eq(beat), drain.last.eq(last)]
        for n, (low, high) in enumerate(self._elements(m, wave, control.write, enable)):
            m.d.comb += drain.sum[n].eq(low)
            if p.carry_mask:
                m.d.comb += drain.carry[n].eq(high)
        connect_drain(m, drain, self.o, self.c if p.c_input else None)
        return m

    def _elements(
        self, m: Module, wave: list[Value], writes: Value, enable: Value | None
    ) -> list[tuple[Value, Value]]:
        """The elements; both words of the sums that leave each column."""
        p = self.p
        across = []
        for k in range(p.depth):
            a = delayed(m, self.i.payload.a[k], f"a_skew_{k}", k, enable=enable)
            across.append(edge_operand(m, p, a, f"{k}"))
        start = self._start(m)
        bottoms = []
        for n in range(p.cols):
            start = delayed(m, start, f"start_{n}", 1, enable=enable)
            total: Value = start
            for k, step in enumerate(p.steps):
                unit = MovingSum(MovingSumParameters(
                    operands=p.operands, level=p.level, encoding=p.encoding, step=step,
                    stallable=p.back_pressure,
                ))  # fmt: skip
                m.submodules[f"element_{k}_{n}"] = unit
                m.d.comb += [
                    Value.cast(unit.a).eq(across[k]), unit.weight.eq(self.w.payload[k]),
                    unit.write.eq(writes[n]), unit.swap.eq(wave[k + n]),
                ]
                if unit.p.bits_before:
                    m.d.comb += unit.partial.eq(total)
                if enable is not None:
                    m.d.comb += unit.advance.eq(enable)
                across[k] = Value.cast(unit.a_next)
                total = unit.partial_next
            bottoms.append(self._words(m, total, n))
        return bottoms

    def _words(self, m: Module, total: Value, column: int) -> tuple[Value, Value]:
        """The words of a sum, without what it started from too much."""
        last = self.p.steps[-1]
        if isinstance(last, NumberStep):
            return total, Const(0, 1)
        low, high = last.pair(total)
        return Cat(low[:-1], ~low[-1]), high

    def _start(self, m: Module) -> Value:
        """The ``negative`` wires of the row that comes in, added up; nothing if elements do it."""
        p = self.p
        if p.negatives is None:
            return Const(0, 0)
        m.submodules.negatives = negatives = NegativeSum(p.negatives)
        wires = [self._negatives(m, self.i.payload.a[k], k) for k in range(p.depth)]
        m.d.comb += negatives.negative.eq(Cat(*wires))
        return negatives.total

    def _negatives(self, m: Module, a: Value, k: int) -> Value:
        """Wires ``negative`` of a number as its elements have them.

        From an encoder of its own where elements share one: to keep digits for the k cycles until
        elements get them takes more than to encode twice.
        """
        p = self.p
        if p.encoding is Encoding.BOOTH and not p.shared_encoder:
            return booth_negatives(a, p.operands)
        m.submodules[f"negative_{k}"] = encoder = DigitEncoder(p.encoder)
        m.d.comb += encoder.operand.eq(a)
        return Cat(encoder.digits[index].negative for index in range(p.encoder.digits))

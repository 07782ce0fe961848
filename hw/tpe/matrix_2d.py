"""2D matrix: operands go to all elements of a row and of a column at once, sums stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib import data
from amaranth.lib.wiring import Out

from ..unit import Unit
from .array_parameters import ArrayParameters, Level
from .capture_chain import CaptureChain, CaptureChainParameters
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

__all__ = ["Matrix2d", "Matrix2dParameters", "MatrixGrid"]


@dataclass(frozen=True, kw_only=True)
class Matrix2dParameters(OutputStationaryParameters):
    """Parameters of a 2D matrix.

    Parameters
    ----------
    lanes
        K in parallel: pairs of operands that an element takes in a step; at least 2 with level
        OPT2, 1 with all others.

    The others are those of :class:`~.output_stationary.OutputStationaryParameters`.
    """

    LEVELS: ClassVar[tuple[Level, ...]] = (*ArrayParameters.LEVELS, Level.OPT2)
    SKEWED: ClassVar[bool] = False

    lanes: int = 1

    def __post_init__(self) -> None:
        if self.level is Level.OPT2 and self.lanes < 2:
            raise ValueError(f"lanes must be at least 2 for level opt2, not {self.lanes!r}")
        super().__post_init__()
        if self.level is not Level.OPT2 and self.lanes != 1:
            raise ValueError(f"lanes must be 1 for level {self.level.value}, not {self.lanes!r}")


class MatrixGrid(Unit):
    """The elements, the registers of the operands at their edge, and the rows' corrections.

    Members
    -------
    a : In(ArrayLayout(a_shape, M)), or an array of arrays of lanes
    b : In(ArrayLayout(b_shape, N)), or an array of arrays of lanes
    first, last : In(1)
        The step is a tile's first, its last one; never set without a step.
    valid : In(1)
        There is a step. Only with back-pressure: without, a bubble is a step with ``a = 0``.
    advance : In(1)
        Nothing changes while it is 0; only with back-pressure.
    sum, carry : Out(ArrayLayout(ArrayLayout(A, N), M))
        ``1 + p.element_latency`` cycles after a step; ``carry`` only where there are pairs.
    correction : Out(ArrayLayout(A, M))
        At the same time; only where rows have one.
    done : Out(1)
        Sums are those of a whole tile.
    """

    p: Matrix2dParameters

    def __init__(self, p: Matrix2dParameters) -> None:
        words = data.ArrayLayout(data.ArrayLayout(p.accumulator_width, p.cols), p.rows)
        corrections = data.ArrayLayout(p.accumulator_width, p.rows)
        super().__init__(p, {
            **control_ports(p),
            "sum": Out(words),
            **({"carry": Out(words)} if p.carry_save else {}),
            **({"correction": Out(corrections)} if p.row_correction else {}),
            "done": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        self._enable = self.advance if p.back_pressure else None
        first = self._kept(m, self.first, "first_step")
        valid = self._kept(m, self.valid if p.back_pressure else Const(0, 0), "valid_step")
        done = self._kept(m, self.last, "last_step", 1 + p.element_latency, reset=True)
        m.d.comb += self.done.eq(done)
        columns = [
            self._kept(m, Value.cast(self.b[n]), f"b_{n}") for n in range(p.cols)
        ]
        for r in range(p.rows):
            row = self._row(m, r)
            if p.row_correction is not None:
                self._correction(m, r, row, first, valid)
            for n, column in enumerate(columns):
                m.submodules[f"element_{r}_{n}"] = element = p.create_element()
                operand = element.digits if p.shared_encoder else element.a
                m.d.comb += [Value.cast(operand).eq(row), Value.cast(element.b).eq(column)]
                take_step(m, element, first, valid, self._enable)
                if p.level is Level.OPT2 and p.back_pressure:
                    m.d.comb += element.advance.eq(self.advance)
                if p.carry_save:
                    m.d.comb += [
                        self.sum[r][n].eq(element.sum), self.carry[r][n].eq(element.carry)
                    ]
                else:
                    m.d.comb += self.sum[r][n].eq(element.accumulator)
        return m

    def _kept(
        self, m: Module, value: Value, name: str, cycles: int = 1, *, reset: bool = False
    ) -> Value:
        return delayed(m, value, name, cycles, reset=reset, enable=self._enable)

    def _row(self, m: Module, r: int) -> Value:
        """What the elements of a row get: ``a``, or the digits of all lanes."""
        p = self.p
        lanes = [self.a[r][k] for k in range(p.lanes)] if p.lanes > 1 else [self.a[r]]
        operands = [edge_operand(m, p, a, f"{r}_{k}") for k, a in enumerate(lanes)]
        # A single ``a`` keeps its sign.
        joined = operands[0] if len(operands) == 1 else Cat(operands)
        return self._kept(m, joined, f"a_{r}")

    def _correction(self, m: Module, r: int, row: Value, first: Value, valid: Value) -> None:
        """What the row's elements have too much; a step when they take it into their sums."""
        p = self.p
        m.submodules[f"correction_{r}"] = correction = RowCorrection(p.row_correction)
        size = len(row) // p.lanes
        negative = Cat(
            row_negatives(m, p, row[k * size :][:size], f"{r}_{k}") for k in range(p.lanes)
        )
        late = p.element_latency - 1
        m.d.comb += [
            correction.negative.eq(self._kept(m, negative, f"negative_{r}", late)),
            self.correction[r].eq(correction.correction),
        ]
        first = self._kept(m, first, f"first_{r}", late)
        valid = self._kept(m, valid, f"valid_{r}", late)
        take_step(m, correction, first, valid, self._enable)


class Matrix2d(OutputStationary):
    """An output-stationary array without operand registers in the elements.

    All elements end a tile at once: its sums move to second buffers, and leave from there.
    """

    p: Matrix2dParameters

    def grid(self, m: Module, drain: ResultDrain) -> MatrixGrid:
        p = self.p
        grid = MatrixGrid(p)
        carries = [k for k in range(p.accumulator_width) if p.carry_mask >> k & 1]
        rows = []
        for r in range(p.rows):
            parts = [grid.sum[r].as_value()]
            parts += [grid.carry[r][n][k] for n in range(p.cols) for k in carries]
            parts += [grid.correction[r]] if p.row_correction else []
            rows.append(Cat(parts))
        chain = CaptureChain(CaptureChainParameters(p.rows, len(rows[0]), p.back_pressure))
        m.submodules.buffers = chain
        m.d.comb += [
            chain.capture.eq(grid.done), drain.beat.eq(chain.beat), drain.last.eq(chain.last),
            *(chain.rows[r].eq(row) for r, row in enumerate(rows)),
        ]
        if p.back_pressure:
            m.d.comb += chain.advance.eq(drain.advance)
        sums = p.accumulator_width * p.cols
        m.d.comb += Value.cast(drain.sum).eq(chain.row[:sums])
        for n in range(p.cols if p.carry_save else 0):
            start = sums + n * len(carries)
            m.d.comb += [
                drain.carry[n][k].eq(chain.row[start + index]) for index, k in enumerate(carries)
            ]
        if p.row_correction is not None:
            m.d.comb += drain.correction.eq(chain.row[-p.accumulator_width :])
        return grid

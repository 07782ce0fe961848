"""Array of Laconic-style elements, for comparison: all pairs of terms, in lock step.

Rows and columns have a generator of terms for each lane, shared by the elements of the row or
column; so all elements work on the same number of a term at the same time, and each lane goes
through as many pairs as the row with most terms and the column with most make.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, connect, flipped

from ..arith.digit_encoder import DigitEncoderParameters, Encoding
from ..unit import Unit
from .array_parameters import check_counts
from .delay import delayed
from .engine import engine_members
from .laconic import LATENCY as ELEMENT_LATENCY
from .laconic import Laconic, LaconicParameters
from .parameters import OperandParameters
from .resolve import ResolveParameters
from .result_drain import DrainParameters, ResultDrain
from .second_buffer import RowOrder, RowOrderParameters, buffer_ports, second_buffer
from .term_lane import TermLane, TermLaneParameters

__all__ = ["FILL", "LATENCY", "LaconicArray", "LaconicArrayParameters"]

LATENCY = 1 + ELEMENT_LATENCY
"""Cycles from that of a term to the sum that has it: a register at the edge, the element."""

FILL = 2
"""Cycles from the transfer that starts a tile to its first term, if nothing was there before."""


@dataclass(frozen=True, kw_only=True)
class LaconicArrayParameters:
    """Parameters of an array of Laconic-style elements.

    Parameters
    ----------
    operands
        ``a`` and ``b``, both of which are taken apart.
    rows, cols
        M and N, rows and columns of the result at a time, at least 1.
    lanes
        Pairs of operands of an element at a time, at least 1.
    encoding
        Of both operands.
    accumulator_width, result_width, saturate, resolve_stages, c_input, back_pressure
        As for :class:`~.array_parameters.ArrayParameters`. Sums are numbers, so that
        ``resolve_stages`` are those of the addition of C, or registers.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    operands: OperandParameters = field(default_factory=OperandParameters)
    rows: int = 4
    cols: int = 4
    lanes: int = 16
    encoding: Encoding = Encoding.NAF
    accumulator_width: int = 32
    result_width: int | None = None
    saturate: bool = False
    resolve_stages: int = 1
    c_input: bool = False
    back_pressure: bool = True

    def __post_init__(self) -> None:
        check_counts(self, "rows", "cols", "lanes")
        # These refuse the other fields.
        _ = self.element, self.resolve

    @property
    def a_lane(self) -> TermLaneParameters:
        """Terms of ``a``."""
        o = self.operands
        return TermLaneParameters(DigitEncoderParameters(self.encoding, o.a_width, o.a_signed))

    @property
    def b_lane(self) -> TermLaneParameters:
        """Terms of ``b``."""
        o = self.operands
        return TermLaneParameters(DigitEncoderParameters(self.encoding, o.b_width, o.b_signed))

    @cached_property
    def element(self) -> LaconicParameters:
        """Parameters of an element."""
        return LaconicParameters(
            accumulator_width=self.accumulator_width, lanes=self.lanes,
            a_exponents=self.a_lane.exponents, b_exponents=self.b_lane.exponents,
        )  # fmt: skip

    @property
    def step_layout(self) -> data.StructLayout:
        """Payload of the operands: as many k as there are lanes."""
        a, b = self.operands.a_shape, self.operands.b_shape
        return data.StructLayout({
            "a": data.ArrayLayout(data.ArrayLayout(a, self.rows), self.lanes),
            "b": data.ArrayLayout(data.ArrayLayout(b, self.cols), self.lanes),
            "first": 1, "last": 1,
        })  # fmt: skip

    @property
    def resolve(self) -> ResolveParameters:
        """How a result is cut or saturated, after C where there is one."""
        return ResolveParameters(
            width=self.accumulator_width, stages=self.resolve_stages,
            result_width=self.result_width, saturate=self.saturate,
        )  # fmt: skip

    @property
    def drain(self) -> DrainParameters:
        """Parameters of the way out."""
        plain = ResolveParameters(width=self.accumulator_width)
        return DrainParameters(
            plain if self.c_input else self.resolve, self.cols, 0, self.back_pressure, False,
            self.resolve if self.c_input else None, kept=False,
        )  # fmt: skip

    @property
    def c_layout(self) -> data.ArrayLayout:
        """A row of C."""
        return data.ArrayLayout(Shape(self.accumulator_width, True), self.cols)

    @property
    def row_order(self) -> RowOrderParameters:
        """Parameters of the order of results."""
        return RowOrderParameters(self.rows, LATENCY)

    @property
    def latency(self) -> int:
        """Cycles from a tile's last terms to its first row of results, if nothing stalls."""
        return self.row_order.clearance + self.drain.latency

    @property
    def spacing(self) -> int:
        """Least number of cycles between the ends of two tiles."""
        return self.rows + self.row_order.clearance


class LaconicCell(Unit):
    """An element with the second buffer of its sum."""

    p: LaconicArrayParameters

    def __init__(self, p: LaconicArrayParameters) -> None:
        super().__init__(p, {
            "a": In(data.ArrayLayout(p.element.a_term, p.lanes)),
            "b": In(data.ArrayLayout(p.element.b_term, p.lanes)), "first": In(1), "enable": In(1),
            **buffer_ports(p.accumulator_width, back_pressure=p.back_pressure),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        m.submodules.element = element = Laconic(self.p.element)
        m.d.comb += [
            element.a.eq(self.a), element.b.eq(self.b), element.first.eq(self.first),
            element.enable.eq(self.enable),
            self.kept.eq(second_buffer(m, self, element.accumulator, self.below)),
        ]  # fmt: skip
        return m


class LaconicArray(Unit):
    """``c[m, n] = Σ_k a[m, k] b[k, n] (+ c_input[m, n])``, a tile of M x N after another.

    Members
    -------
    i : In(stream of p.step_layout)
        As many k of a tile as there are lanes in each transfer: columns of A and rows of B, with 0
        where K is no multiple. ``first`` starts new sums, ``last`` sends them out.
    c : In(stream of p.c_layout)
        A row for each row of results; only with a C input.
    o : Out(stream of {c, last})
        Rows m = 0 to M - 1 of a tile, with ``last`` on the last one.

    Notes
    -----
    Cycles: a transfer takes as many as the lane with the largest product of terms of any ``a`` and
    terms of any ``b``, and at least one. ``golden.tpe.cycles`` has the model.

    S. Sharify et al., "Laconic deep learning inference acceleration" (ISCA 2019), from memory.
    """

    p: LaconicArrayParameters

    def __init__(self, p: LaconicArrayParameters) -> None:
        super().__init__(p, engine_members(p, p.drain.result_layout))

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.order = order = RowOrder(p.row_order)
        load, start, go, done = (Signal(name=n) for n in ("load", "start", "go", "done"))
        first = self._control(m, order, load, start, go, done)
        rows = [[TermLane(p.a_lane) for _ in range(p.lanes)] for _ in range(p.rows)]
        columns = [[TermLane(p.b_lane) for _ in range(p.lanes)] for _ in range(p.cols)]
        operands = self.i.payload
        for side, payload, lines in (("a", operands.a, rows), ("b", operands.b, columns)):
            for index, lanes in enumerate(lines):
                for number, lane in enumerate(lanes):
                    m.submodules[f"{side}_{index}_{number}"] = lane
                    m.d.comb += [
                        lane.operand.eq(payload[number][index]), lane.load.eq(load),
                        lane.start.eq(start),
                    ]  # fmt: skip
        through = [
            self._lane(m, number, start, go, [row[number] for row in rows],
                       [column[number] for column in columns])
            for number in range(p.lanes)
        ]  # fmt: skip
        m.d.comb += done.eq(Cat(last for _, last in through).all())
        words = [
            [
                delayed(m, Cat(
                    # A lane that is through adds nothing more.
                    Cat(lane.term.one & live, lane.term.as_value()[1:])
                    for lane, (live, _) in zip(lanes, through, strict=True)
                ), f"{side}_{index}", 1)
                for index, lanes in enumerate(lines)
            ]
            for side, lines in (("row", rows), ("column", columns))
        ]  # fmt: skip
        first = delayed(m, first, "first", 1)
        enable = delayed(m, go, "enable", 1, reset=True)
        below = [Value.cast(Const(0, p.accumulator_width))] * p.cols
        for row in reversed(range(p.rows)):
            for column in range(p.cols):
                m.submodules[f"element_{row}_{column}"] = element = LaconicCell(p)
                m.d.comb += [
                    Value.cast(element.a).eq(words[0][row]),
                    Value.cast(element.b).eq(words[1][column]),
                    element.first.eq(first), element.enable.eq(enable),
                    element.capture.eq(order.capture), element.below.eq(below[column]),
                ]  # fmt: skip
                if p.back_pressure:
                    m.d.comb += element.advance.eq(order.advance)
                below[column] = element.kept
        self._results(m, order, below)
        return m

    def _control(
        self, m: Module, order: RowOrder, load: Signal, start: Signal, go: Signal, done: Signal
    ) -> Value:
        """Order of transfers; whether a step starts new sums."""
        full, working, begin = (Signal(name=n) for n in ("full", "working", "begin"))
        flags = data.StructLayout({"first": 1, "last": 1})
        coming, current = (
            Signal(flags, name=name, reset_less=True) for name in ("coming", "current")
        )
        end = Signal(name="end")
        m.d.comb += [
            self.i.ready.eq(~full | start),
            load.eq(self.i.valid & self.i.ready),
            # The last step of a tile waits until the results before are out of the way.
            go.eq(working & (~(done & current.last) | order.free)),
            end.eq(go & done),
            order.finish.eq(end & current.last),
            start.eq(full & (~working | end)),
        ]
        m.d.sync += [
            full.eq(load | (full & ~start)),
            working.eq(start | (working & ~end)),
            begin.eq(start | (begin & ~go)),
        ]
        with m.If(load):
            m.d.sync += [
                coming.first.eq(self.i.payload.first), coming.last.eq(self.i.payload.last)
            ]
        with m.If(start):
            m.d.sync += current.eq(coming)
        return begin & current.first

    def _lane(
        self, m: Module, number: int, start: Value, go: Value, rows: list[TermLane],
        columns: list[TermLane],
    ) -> tuple[Value, Value]:
        """For each term of ``a`` all of ``b``: whether a lane works, and whether it is through."""
        through = Signal(name=f"through_{number}")
        step_a, last = Signal(name=f"step_a_{number}"), Signal(name=f"last_{number}")
        m.d.comb += [
            step_a.eq(Cat(column.last for column in columns).all()),
            last.eq(
                through | (step_a & Cat(row.last for row in rows).all())
                # Without a term on one side there is nothing to go through the other for.
                | ~Cat(row.term.one for row in rows).any()
                | ~Cat(column.term.one for column in columns).any()
            ),
        ]
        m.d.sync += through.eq(~start & (through | (go & last)))
        for row in rows:
            m.d.comb += [row.step.eq(go & step_a), row.rewind.eq(0)]
        for column in columns:
            m.d.comb += [column.step.eq(go), column.rewind.eq(go & step_a)]
        return ~through, last

    def _results(self, m: Module, order: RowOrder, kept: list[Value]) -> None:
        """From the second buffers of row 0 to the stream."""
        m.submodules.drain = drain = ResultDrain(self.p.drain)
        m.d.comb += [
            order.advance.eq(drain.advance), drain.beat.eq(order.beat), drain.last.eq(order.last),
            Value.cast(drain.sum).eq(Cat(kept)),
        ]  # fmt: skip
        if self.p.c_input:
            connect(m, flipped(self.c), drain.c)
        connect(m, drain.o, flipped(self.o))

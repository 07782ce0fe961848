"""Digit-serial grid: rows that share an edge which leaves out digits that are 0.

Organisation. Elements of a row share encoder, search and control; those of a column the operands b
of a tile, of which each row picks its own. Digits of different weights can be added up in three
ways; figures are of Nangate45 and of the cycle model, for NAF, int8, 16 x 16 elements of 4 lanes,
tiles of K = 32, operands of standard deviation 20 (and uniform):

- the digits of an operand one after another, with a shifter in each lane of each element: 0.67
  (0.86) cycles per k, as lanes wait for each other once in a tile; an element with its operand
  registers has 1314 um2, since the compressor gets wider by the shifts;
- one weight after another, the sums taken out at each: 0.74 (0.93) cycles, but D times the results
  to drain, which takes longer than the steps themselves;
- one weight after another, the highest first, and the sums multiplied by the radix in between
  (Horner's rule): the same cycles and 831 um2.

The third is built: with second buffers, choice of operands and a share of the edges (1940 um2 in
all), its area times cycles is 11 % (12 %) below that of the first. Its price is that a tile's
operands stay at the edges until the last weight is done, so that K of a tile is bounded; longer
products are added through ``c``. Elements gain from sums of so few products being narrow. Deeper
tiles have fewer cycles (0.68 at K = 64), but edges and the choice of operands grow with them; less
than K = 32 would leave too little time for 16 rows of results.

In elements every cycle is a step: the rows that wait add digits 0, and the row's correction has
that in its count, so that no register of an element has an enable.

Source: HPCA 2025, levels OPT4C and OPT4E; Horner's rule and the barrier per tile are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ..arith.digit_encoder import Encoding
from ..unit import Unit
from .array_parameters import ArrayParameters, Level, check_counts
from .correction import Correction
from .delay import delayed
from .digit_row import LATENCY, DigitRow, DigitRowParameters, DigitSource
from .digit_serial import DigitSerialParameters
from .engine import engine_members
from .resolve import ResolveParameters
from .result_drain import DrainParameters, ResultDrain
from .second_buffer import RowOrder, RowOrderParameters

__all__ = ["DigitSerialGrid", "DigitSerialGridParameters"]


@dataclass(frozen=True, kw_only=True)
class DigitSerialGridParameters(ArrayParameters):
    """Parameters of a digit-serial grid.

    Parameters
    ----------
    rows
        M, rows of the result at a time, at least 1.
    lanes
        L, digits of an element per cycle, and operands of each row and column that come in at a
        time: operand k of a tile is that of lane ``k mod L``. 1 for OPT4C.
    depth
        K of a tile at most, a multiple of ``lanes * group``.
    group
        G, operands of a lane among which a digit is looked for in a cycle, at least 1. With more
        than one group a tile, digits of a weight are gone through group by group.
    minimum
        Cycles of a group that has no digit of a weight, 0 or 1.
    source
        What comes in for ``a``: numbers, their digits, or a stream of digits that are not 0.

    The others are those of :class:`~.array_parameters.ArrayParameters`. Without a C input the sums
    have no more bits than those of ``depth`` products need.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    LEVELS = (Level.OPT4C, Level.OPT4E)

    level: Level = Level.OPT4E
    encoding: Encoding = Encoding.NAF
    rows: int = 4
    lanes: int = 4
    depth: int = 32
    group: int = 8
    minimum: int = 1
    source: DigitSource = DigitSource.OPERANDS

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "rows", "lanes", "depth", "group")
        if self.level is Level.OPT4C and self.lanes != 1:
            raise ValueError(f"lanes must be 1 for {self.level.value}, not {self.lanes!r}")
        if self.depth % (self.lanes * self.group):
            raise ValueError(
                f"depth must be a multiple of lanes * group = {self.lanes * self.group}, "
                f"not {self.depth!r}"
            )
        if self.minimum not in (0, 1):
            raise ValueError(f"minimum must be 0 or 1, not {self.minimum!r}")

    @property
    def tile_width(self) -> int:
        """Bits of an element's sum: exact for a tile, and never more than A."""
        return min(self.accumulator_width, self.operands.accumulator_width(self.depth))

    @property
    def slots(self) -> int:
        """Operands of a lane."""
        return self.depth // self.lanes

    @cached_property
    def row(self) -> DigitRowParameters:
        """Parameters of a row."""
        element = DigitSerialParameters(
            accumulator_width=self.tile_width, b_width=self.operands.b_width,
            b_signed=self.operands.b_signed, encoding=self.encoding, lanes=self.lanes,
            correction=Correction.ROW, free_running=True, weighted=True,
        )  # fmt: skip
        return DigitRowParameters(
            encoder=self.encoder, source=self.source, element=element, cols=self.cols,
            slots=self.slots, group=self.group, minimum=self.minimum,
            back_pressure=self.back_pressure,
        )  # fmt: skip

    @property
    def step_layout(self) -> data.StructLayout:
        """Payload of the operands: L rows of B, and columns of A unless digits are streamed."""
        digits = self.source is DigitSource.DIGITS
        a = data.ArrayLayout(self.encoder.layout if digits else self.operands.a_shape, self.rows)
        streamed = self.source is DigitSource.STREAM
        return data.StructLayout({
            **({} if streamed else {"a": data.ArrayLayout(a, self.lanes)}),
            "b": data.ArrayLayout(
                data.ArrayLayout(self.operands.b_shape, self.cols), self.lanes
            ),
            "last": 1,
        })  # fmt: skip

    @property
    def drain(self) -> DrainParameters:
        """Parameters of the way out: sums of a tile become numbers before they are extended."""
        bits = min(self.resolve.result_bits, self.tile_width)
        cut = {"result_width": bits, "saturate": self.saturate and bits < self.tile_width}
        resolve = ResolveParameters(
            width=self.tile_width, words=1, stages=min(self.resolve_stages, self.tile_width),
            **({} if self.c_input else cut),
        )  # fmt: skip
        return DrainParameters(
            resolve, self.cols, self.row.element.accumulator.carry_mask, self.back_pressure, False,
            self.resolve if self.c_input else None, kept=False,
        )  # fmt: skip

    @property
    def result_layout(self) -> data.StructLayout:
        """Payload of the results."""
        results = data.ArrayLayout(Shape(self.resolve.result_bits, True), self.cols)
        return data.StructLayout({"c": results, "last": 1})

    @property
    def latency(self) -> int:
        """Cycles from a tile's last digit to its first row of results, if nothing stalls.

        To the sum, one into the second buffers, and the drain.
        """
        return self.row_order.clearance + self.drain.latency

    @property
    def spacing(self) -> int:
        """Least number of cycles between the ends of two tiles.

        See :class:`~.second_buffer.RowOrderParameters`.
        """
        return self.rows + self.row_order.clearance

    @property
    def row_order(self) -> RowOrderParameters:
        """Parameters of the order of results."""
        return RowOrderParameters(self.rows, LATENCY)

    def load_cycles(self, depth: int) -> int:
        """Cycles from a tile's start in which the next one of that K comes in: L of K in each, and
        one to see that all are there."""
        return -(-depth // self.lanes) + 1


class OperandBuffer(Unit):
    """Operands b of one column: a tile at work, and the next one as it comes in.

    Members
    -------
    b : In(ArrayLayout(b_shape, L))
    write : In(S)
        The slot of the next tile that gets them; at most one.
    take : In(1)
        Go on with the next tile.
    operands : Out(p.column_layout)
    """

    p: DigitRowParameters

    def __init__(self, p: DigitRowParameters) -> None:
        super().__init__(p, {
            "b": In(data.ArrayLayout(p.element.b_shape, p.lanes)), "write": In(p.slots),
            "take": In(1), "operands": Out(p.column_layout),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        for lane in range(self.p.lanes):
            for slot in range(self.p.slots):
                place = f"{lane}_{slot}"
                b = self.b[lane].as_unsigned()
                loaded = delayed(m, b, f"loaded_{place}", 1, enable=self.write[slot])
                tile = delayed(m, loaded, f"tile_{place}", 1, enable=self.take)
                m.d.comb += self.operands[lane][slot].eq(tile)
        return m


class DigitSerialGrid(Unit):
    """``c[m, n] = Σ_k a[m, k] b[k, n] (+ c_input[m, n])``, a tile of M x N x K after another.

    Members
    -------
    i : In(stream of p.step_layout)
        L k of a tile in each transfer: columns of A (or their digits) and rows of B. ``last`` ends
        the tile, as does the transfer with which the ``depth`` of a tile is full. Where K is no
        multiple of L, the ``a`` that are too many are 0.
    digits : In(M streams of p.row.stream_layout)
        Digits of each row of A, in the order of ``generators.tpe.row_stream``; only where they are
        streamed, and ``i`` then has no ``a``. Rows take them at their own pace.
    c : In(stream of p.c_layout)
        A row for each row of results; only with a C input.
    o : Out(stream of {c, last})
        Rows m = 0 to M - 1 of a tile, with ``last`` on the last one.

    Notes
    -----
    Cycles: a row takes, for each weight, as many as its slowest lane has groups and digits, and at
    least one; rows wait for the slowest at the end of a tile, and the next one starts in the cycle
    after if it is there. ``golden.tpe.cycles`` has the model. ``i.ready`` is a register: a tile
    comes in while the one before is at work. Stalls at the output stop the second buffers alone.
    """

    p: DigitSerialGridParameters

    def __init__(self, p: DigitSerialGridParameters) -> None:
        digits = {"digits": In(stream.Signature(p.row.stream_layout)).array(p.rows)}
        streamed = digits if p.source is DigitSource.STREAM else {}
        super().__init__(p, engine_members(p, p.result_layout, **streamed))

    def body(self) -> Module:
        m = Module()
        p = self.p
        start, done = Signal(name="start"), Signal(name="done")
        m.submodules.order = order = RowOrder(p.row_order)
        write, filled, current = self._control(m, order, start, done)
        take = delayed(m, start, "take", 1, reset=True)
        columns = []
        for column in range(p.cols):
            m.submodules[f"operands_{column}"] = buffer = OperandBuffer(p.row)
            m.d.comb += [
                Value.cast(buffer.b).eq(
                    Cat(self.i.payload.b[lane][column] for lane in range(p.lanes))
                ),
                buffer.write.eq(write), buffer.take.eq(take),
            ]  # fmt: skip
            columns.append(buffer.operands.as_value())
        rows = [DigitRow(p.row) for _ in range(p.rows)]
        below: Value = Const(0, len(rows[0].kept))
        for index, row in reversed(list(enumerate(rows))):
            m.submodules[f"row_{index}"] = row
            if p.source is DigitSource.STREAM:
                connect(m, flipped(self.digits[index]), row.stream)
            else:
                a = Cat(self.i.payload.a[lane][index] for lane in range(p.lanes))
                m.d.comb += [
                    Value.cast(row.a).eq(a), row.write.eq(write), row.filled.eq(filled),
                    row.current.eq(current),
                ]  # fmt: skip
            m.d.comb += [
                row.start.eq(start), row.capture.eq(order.capture),
                Value.cast(row.b).eq(Cat(columns)), row.below.eq(below),
            ]  # fmt: skip
            if p.back_pressure:
                m.d.comb += row.advance.eq(order.advance)
            below = row.kept
        m.d.comb += done.eq(Cat(row.done for row in rows).all())
        self._results(m, order, below)
        return m

    def _control(
        self, m: Module, order: RowOrder, start: Signal, done: Signal
    ) -> tuple[Signal, Signal, Signal]:
        """Filling of slots and the barrier; slots that are written, filled, and at work."""
        p = self.p
        filled, current = Signal(p.slots, name="filled"), Signal(p.slots, name="current")
        place, write = Signal(p.slots, init=1, name="place"), Signal(p.slots, name="write")
        full, working = Signal(name="full"), Signal(name="working")
        taken = self.i.valid & ~full
        m.d.comb += [
            self.i.ready.eq(~full),
            write.eq(place & taken.replicate(p.slots)),
            order.finish.eq(working & done & order.free),
            start.eq(full & (~working | order.finish)),
        ]
        m.d.sync += working.eq(start | (working & ~order.finish))
        with m.If(start):
            m.d.sync += [full.eq(0), filled.eq(0), place.eq(1), current.eq(filled)]
        with m.Elif(taken):
            m.d.sync += [
                full.eq(self.i.payload.last | place[-1]), filled.eq(filled | place),
                place.eq(place << 1),
            ]  # fmt: skip
        return write, filled, current

    def _results(self, m: Module, order: RowOrder, kept: Value) -> None:
        """From the second buffers of row 0 to the stream."""
        p = self.p
        m.submodules.drain = drain = ResultDrain(p.drain)
        m.d.comb += order.advance.eq(drain.advance)
        m.d.comb += [
            drain.beat.eq(order.beat), drain.last.eq(order.last),
            drain.correction.eq(kept[p.row.kept_width * p.cols :]),
        ]
        for column in range(p.cols):
            total, carry = self._pair(kept.word_select(column, p.row.kept_width))
            m.d.comb += [drain.sum[column].eq(total), drain.carry[column].eq(carry)]
        if p.c_input:
            connect(m, flipped(self.c), drain.c)
        m.d.comb += [
            self.o.valid.eq(drain.o.valid), self.o.payload.last.eq(drain.o.payload.last),
        ]
        if p.back_pressure:
            m.d.comb += drain.o.ready.eq(self.o.ready)
        for column in range(p.cols):
            m.d.comb += self.o.payload.c[column].eq(drain.o.payload.c[column])

    def _pair(self, kept: Value) -> tuple[Value, Value]:
        """Sum and carry of what a second buffer has."""
        width, carries = self.p.tile_width, self.p.row.carries
        place = {k: kept[width + index] for index, k in enumerate(carries)}
        return kept[:width], Cat(place.get(k, Const(0, 1)) for k in range(width))

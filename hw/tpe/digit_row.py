"""A row of a digit-serial grid: its edge, which finds digits, and the elements that take them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from operator import or_

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Member, Out, connect, flipped

from ..arith.digit_encoder import DigitEncoder, DigitEncoderParameters
from ..arith.tree import reduce_tree
from ..unit import Unit
from .correction import RowCorrection
from .delay import delayed
from .digit_lane import DigitLane, DigitLaneParameters
from .digit_serial import DigitSerialParameters
from .opt4c import Opt4c
from .opt4e import Opt4e
from .second_buffer import buffer_ports, second_buffer

__all__ = [
    "LATENCY",
    "DigitEdge",
    "DigitElement",
    "DigitRow",
    "DigitRowParameters",
    "DigitSource",
]

LATENCY = 3
"""Cycles from that of a digit to the sum that has it: digit, operand b, sum."""


class DigitSource(Enum):
    """What comes in for ``a``.

    ``OPERANDS``: numbers, encoded at the edge. ``DIGITS``: all digits of each number. ``STREAM``:
    digits that are not 0, in the order in which elements take them, for a constant A; the edge has
    neither encoders nor a place for operands.
    """

    OPERANDS = "operands"
    DIGITS = "digits"
    STREAM = "stream"


@dataclass(frozen=True, kw_only=True)
class DigitRowParameters:
    """Parameters of a row.

    Attributes
    ----------
    encoder : DigitEncoderParameters
        The operand ``a``.
    source : DigitSource
        What comes in for ``a``.
    element : DigitSerialParameters
        Weighted, free-running, with row correction.
    cols : int
        N, elements.
    slots, group, minimum : int
        See :class:`~.digit_lane.DigitLaneParameters`.
    back_pressure : bool
        Whether sums on their way out can stand still.
    """

    encoder: DigitEncoderParameters
    source: DigitSource
    element: DigitSerialParameters
    cols: int
    slots: int
    group: int
    minimum: int
    back_pressure: bool

    @property
    def lanes(self) -> int:
        return self.element.lanes

    @property
    def operand_layout(self) -> data.ArrayLayout:
        """An ``a`` for each lane, or its digits."""
        digits = self.source is DigitSource.DIGITS
        a = self.encoder.layout if digits else self.encoder.operand_shape
        return data.ArrayLayout(a, self.lanes)

    @property
    def stream_layout(self) -> data.StructLayout:
        """A cycle of a row: a digit of each lane and its slot, and whether the weight is done."""
        lane = data.StructLayout({
            "digit": self.element.digit_layout, "slot": range(self.slots),
        })  # fmt: skip
        return data.StructLayout({"lanes": data.ArrayLayout(lane, self.lanes), "last": 1})

    @property
    def select_layout(self) -> data.ArrayLayout:
        """The slot of each lane, one bit of S."""
        return data.ArrayLayout(self.slots, self.lanes)

    @property
    def digits_layout(self) -> data.ArrayLayout:
        """A digit of each lane."""
        return data.ArrayLayout(self.element.digit_layout, self.lanes)

    @property
    def column_layout(self) -> data.ArrayLayout:
        """All operands ``b`` of a tile in one column, by lane and slot."""
        return data.ArrayLayout(data.ArrayLayout(self.element.b_shape, self.slots), self.lanes)

    @property
    def lane(self) -> DigitLaneParameters:
        return DigitLaneParameters(
            encoding=self.encoder.encoding, digits=self.encoder.digits, slots=self.slots,
            group=self.group, minimum=self.minimum,
        )  # fmt: skip

    @cached_property
    def carries(self) -> tuple[int, ...]:
        """Bits of the carry word that are ever 1."""
        mask = self.element.accumulator.carry_mask
        return tuple(k for k in range(self.element.accumulator_width) if mask >> k & 1)

    @property
    def kept_width(self) -> int:
        """Bits of an element's sum in its second buffer."""
        return self.element.accumulator_width + len(self.carries)


class DigitEdge(Unit):
    """Operands of a row in; a digit of each lane out in every cycle, with what the sums do.

    Members
    -------
    a : In(p.operand_layout)
    write, filled, current : In(S)
        As for :class:`~.digit_lane.DigitLane`, of all lanes alike.
    stream : In(stream of p.stream_layout)
        In place of these four, where digits come as a stream: from the highest weight to the
        lowest, at least one cycle each, with ``last`` in the last one.
    start : In(1)
        Go on with the next tile.
    done : Out(1)
        The row has no digit left for later cycles.
    select : Out(p.select_layout)
        Whose operand b is wanted, in the cycle after that of the digit.
    digits, first, shift : Out
        For the elements, two cycles after.
    """

    p: DigitRowParameters

    def __init__(self, p: DigitRowParameters) -> None:
        super().__init__(p, {
            **_edge_ports(p),
            "select": Out(p.select_layout), "digits": Out(p.digits_layout),
            "first": Out(1), "shift": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        count = p.encoder.digits
        running = Signal()
        begin = Signal(reset_less=True)
        weight = Signal(count, reset_less=True)
        step = Signal()
        through = Signal()
        go_on = Signal()
        m.d.comb += [
            go_on.eq(running & through & ~weight[0]),
            self.done.eq(~running | (through & weight[0])),
        ]
        m.d.sync += begin.eq(go_on | self.start | (begin & ~step))
        with m.If(self.start):
            m.d.sync += [running.eq(1), weight.eq(1 << count - 1)]
        with m.Elif(self.done):
            m.d.sync += running.eq(0)
        with m.Elif(go_on):
            m.d.sync += weight.eq(weight >> 1)
        if p.source is DigitSource.STREAM:
            lanes = self._streamed(m, running, step, through)
        else:
            m.d.comb += step.eq(running)
            lanes = self._searched(m, weight, go_on, through)
        for index, (digit, select) in enumerate(lanes):
            m.d.comb += [
                self.select[index].eq(delayed(m, select, f"select_{index}", 1)),
                Value.cast(self.digits[index]).eq(delayed(m, digit, f"digit_{index}", 2)),
            ]
        begins = step & begin
        m.d.comb += [
            self.first.eq(delayed(m, begins & weight[-1], "first", 2)),
            self.shift.eq(delayed(m, begins & ~weight[-1], "shift", 2)),
        ]
        return m

    def _searched(
        self, m: Module, weight: Signal, go_on: Signal, through: Signal
    ) -> list[tuple[Value, Value]]:
        """Digit and slot of each lane, which looks for digits itself."""
        p = self.p
        lanes = [DigitLane(p.lane) for _ in range(p.lanes)]
        m.d.comb += through.eq(Cat(lane.last for lane in lanes).all())
        for index, lane in enumerate(lanes):
            m.submodules[f"lane_{index}"] = lane
            a: Value = Value.cast(self.a[index])
            if p.source is DigitSource.OPERANDS:
                m.submodules[f"encoder_{index}"] = encoder = DigitEncoder(p.encoder)
                m.d.comb += encoder.operand.eq(a)
                a = encoder.digits.as_value()
            m.d.comb += [
                Value.cast(lane.operand).eq(a), lane.write.eq(self.write),
                lane.filled.eq(self.filled), lane.current.eq(self.current),
                lane.start.eq(self.start), lane.next.eq(go_on), lane.weight.eq(weight),
            ]  # fmt: skip
        return [(lane.digit.as_value(), lane.select) for lane in lanes]

    def _streamed(
        self, m: Module, running: Signal, step: Signal, through: Signal
    ) -> list[tuple[Value, Value]]:
        """Digit and slot of each lane as they come; a digit 0 when none does."""
        payload = self.stream.payload
        m.d.comb += [
            self.stream.ready.eq(running),
            step.eq(running & self.stream.valid),
            through.eq(step & payload.last),
        ]
        lanes = []
        for index in range(self.p.lanes):
            lane = payload.lanes[index]
            digit = lane.digit.as_value()
            select = Cat(lane.slot == slot for slot in range(self.p.slots))
            lanes.append((digit & step.replicate(len(digit)), select))
        return lanes


class DigitElement(Unit):
    """An element of a row: the choice of its operands b, its sum, and a second buffer of that.

    Members
    -------
    b : In(p.column_layout)
    select : In(p.select_layout)
        The operands that are taken in this cycle, for the digits of the next one.
    digits, first, shift : In
    capture : In(1)
        Put the sum into the second buffer.
    advance : In(1)
        Take what is in the second buffer of the element below, unless there is a capture; only
        with back-pressure, otherwise in every cycle.
    below, kept : In, Out(p.kept_width)
        The second buffers: of the element below, and the own.
    """

    p: DigitRowParameters

    def __init__(self, p: DigitRowParameters) -> None:
        super().__init__(p, {
            "b": In(p.column_layout), "select": In(p.select_layout), "digits": In(p.digits_layout),
            "first": In(1), "shift": In(1),
            **buffer_ports(p.kept_width, back_pressure=p.back_pressure),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        cls = Opt4c if p.lanes == 1 else Opt4e
        m.submodules.element = element = cls(p.element)
        operands = []
        for lane in range(p.lanes):
            chosen = self.select[lane]
            words = (
                self.b[lane][slot].as_unsigned() & chosen[slot].replicate(p.element.b_width)
                for slot in range(p.slots)
            )
            operands.append(delayed(m, reduce_tree(or_, words), f"b_{lane}", 1))
        digits = element.digit if p.lanes == 1 else element.digits
        m.d.comb += [
            Value.cast(digits).eq(self.digits.as_value()),
            Value.cast(element.b).eq(Cat(operands)),
            element.first.eq(self.first), element.shift.eq(self.shift),
        ]  # fmt: skip
        value = Cat(element.sum, *(element.carry[k] for k in p.carries))
        m.d.comb += self.kept.eq(second_buffer(m, self, value, self.below))
        return m


class DigitRow(Unit):
    """The edge, the elements and the correction of a row, and the second buffers of all sums.

    Members
    -------
    a, write, filled, current, stream, start, done
        As for :class:`DigitEdge`.
    b : In(ArrayLayout(p.column_layout, N))
        Operands of the tile at work, a cycle behind ``a``.
    capture, advance
        As for :class:`DigitElement`.
    below, kept : In, Out
        Second buffers of all elements, and above them that of the correction.
    """

    p: DigitRowParameters

    def __init__(self, p: DigitRowParameters) -> None:
        super().__init__(p, {
            **_edge_ports(p),
            "b": In(data.ArrayLayout(p.column_layout, p.cols)),
            **buffer_ports(
                p.kept_width * p.cols + p.element.accumulator_width, back_pressure=p.back_pressure
            ),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.edge = edge = DigitEdge(p)
        m.d.comb += [edge.start.eq(self.start), self.done.eq(edge.done)]
        if p.source is DigitSource.STREAM:
            connect(m, flipped(self.stream), edge.stream)
        else:
            m.d.comb += [
                Value.cast(edge.a).eq(self.a.as_value()), edge.write.eq(self.write),
                edge.filled.eq(self.filled), edge.current.eq(self.current),
            ]  # fmt: skip
        kept = []
        for column in range(p.cols):
            m.submodules[f"element_{column}"] = element = DigitElement(p)
            m.d.comb += [
                Value.cast(element.b).eq(self.b[column].as_value()),
                Value.cast(element.select).eq(edge.select.as_value()),
                Value.cast(element.digits).eq(edge.digits.as_value()),
                element.first.eq(edge.first), element.shift.eq(edge.shift),
                element.capture.eq(self.capture),
                element.below.eq(self.below.word_select(column, p.kept_width)),
            ]  # fmt: skip
            if p.back_pressure:
                m.d.comb += element.advance.eq(self.advance)
            kept.append(element.kept)
        assert p.element.row_correction is not None
        m.submodules.correction = correction = RowCorrection(p.element.row_correction)
        m.d.comb += [
            correction.negative.eq(Cat(digit.negative for digit in edge.digits)),
            correction.first.eq(edge.first), correction.shift.eq(edge.shift),
        ]  # fmt: skip
        width = p.kept_width * p.cols
        kept.append(second_buffer(m, self, correction.correction, self.below[width:]))
        m.d.comb += self.kept.eq(Cat(kept))
        return m


def _edge_ports(p: DigitRowParameters) -> dict[str, Member]:
    """Ports of operands and of the order of tiles."""
    operands = {
        "a": In(p.operand_layout), "write": In(p.slots), "filled": In(p.slots),
        "current": In(p.slots),
    }  # fmt: skip
    if p.source is DigitSource.STREAM:
        operands = {"stream": In(stream.Signature(p.stream_layout))}
    return {**operands, "start": In(1), "done": Out(1)}

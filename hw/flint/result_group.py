"""The top of a column group: from draining accumulators to rows of results."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..fabric.fifo import StreamFIFO, StreamFIFOParameters
from ..unit import Unit
from .parameters import ArrayParameters
from .requantizer import Requantizer
from .select import select_ports

__all__ = ["ResultGroup", "ResultGroupParameters"]


@dataclass(frozen=True)
class ResultGroupParameters:
    """The output of ``cols`` neighbouring columns of an array."""

    array: ArrayParameters
    cols: int


class ResultGroup(Unit):
    """Take the offsets off, requantise where asked, and queue.

    The queue never overflows: the controller decides no drain step without a free place. It holds
    at least the rows that the groups to its right hold, since it gets each row before them and
    all groups give it away in the same cycle.

    Members
    -------
    drain, command : In
        The columns drain in this cycle, and how.
    accumulators : In
        Top accumulators of the columns.
    scale : In
        Multiplier and shift of each column, in the cycle after the command; absent for raw output.
    taken : Out(1)
        The group reads the scales of its last row in this cycle; absent for raw output.
    o : Out(stream)
        Rows of results.
    """

    def __init__(self, p: ResultGroupParameters) -> None:
        array = p.array
        ports = {
            "drain": In(1),
            "command": In(array.command_layout),
            "accumulators": In(array.accumulator_bits * p.cols),
        }
        if array.result_formats is not None:
            ports |= {"scale": In(array.scale_bits * p.cols), "taken": Out(1)}
        ports["o"] = Out(stream.Signature(array.result_bits * p.cols))
        super().__init__(p, ports)

    def body(self) -> Module:
        m = Module()
        p = self.p.array
        command = self.command
        low = p.datapath.product_bits
        fifo = StreamFIFO(StreamFIFOParameters(p.result_bits * self.p.cols, p.result_depth))
        m.submodules.queue = fifo
        m.d.comb += [
            self.o.payload.eq(fifo.o.payload),
            self.o.valid.eq(fifo.o.valid),
            fifo.o.ready.eq(self.o.ready),
        ]
        valid = Signal()
        m.d.sync += valid.eq(self.drain & command.emit)
        if p.result_formats is not None:
            last = Signal()
            m.d.sync += last.eq(command.last)
            m.d.comb += self.taken.eq(valid & last)
            result = Signal.like(command.result, reset_less=True)
            relu = Signal(reset_less=True)
            m.d.sync += [result.eq(command.result), relu.eq(command.relu)]
        for col in range(self.p.cols):
            accumulator = Signal(signed(p.accumulator_bits), name=f"sum_{col}", reset_less=True)
            stored = self.accumulators.word_select(col, p.accumulator_bits)
            upper = stored[low:]
            if p.offset_bits:
                upper = (upper - command.offsets)[: p.offset_bits]
            m.d.sync += accumulator.eq(Cat(stored[:low], upper))
            result_col = fifo.i.payload.word_select(col, p.result_bits)
            if p.result_formats is None:
                m.d.comb += result_col.eq(accumulator)
                continue
            scale = self.scale.word_select(col, p.scale_bits)
            requantizer = Requantizer(p.requantizer)
            m.submodules[f"requantizer_{col}"] = requantizer
            m.d.comb += [
                requantizer.valid_in.eq(valid),
                requantizer.accumulator.eq(accumulator),
                Cat(requantizer.multiplier, requantizer.shift).eq(scale),
                requantizer.relu.eq(relu),
                result_col.eq(requantizer.code),
            ]
            for name in select_ports(p.result_formats):
                m.d.comb += getattr(requantizer, name).eq(result[name.removeprefix("is_")])
            if col == 0:
                m.d.comb += fifo.i.valid.eq(requantizer.valid_out)
        if p.result_formats is None:
            m.d.comb += fifo.i.valid.eq(valid)
        return m

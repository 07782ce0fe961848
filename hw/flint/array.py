"""The output-stationary array of adaptive-type processing elements."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ..unit import Unit
from .bias_group import BiasGroup, BiasGroupParameters
from .cluster_row import ClusterRow, ClusterRowParameters
from .controller import Controller
from .operand_border import OperandBorder, OperandBorderParameters, Side
from .parameters import ArrayParameters
from .result_group import ResultGroup, ResultGroupParameters
from .select import is_built, select_ports

__all__ = ["FlintArray"]


class FlintArray(Unit):
    """Multiply tiles: ``result[r, c] = bias[c] + sum_k activation[r, k] * weight[k, c]``.

    Codes enter at the left and top borders, are decoded there with the types of their tile, and
    travel as words through clusters of elements; sums stay in place and leave at the top, row 0
    first, as accumulators or as codes of the next tensor (Guo et al., "ANT", MICRO 2022, section
    on the systolic array; datapath, flow control and output stage are our own).

    Cycles: a tile of depth ``K`` takes ``K + rows + row_groups - 1`` in steady state (tiles
    shorter than ``result_latency`` may wait for biases, scales or places at the output), and its
    first row leaves ``K + row_groups + result_latency - 1`` cycles after its first beat went in.
    Types may change with every tile at no cost.

    Parameters
    ----------
    p : ArrayParameters
        Size, datapath and widths.

    Members
    -------
    tile : In(stream)
        ``depth`` and types of a tile; with result formats also result type and ReLU.
    activation : In(stream)
        ``rows`` codes, column ``k`` of the left operand; ``depth`` beats per tile.
    weight : In(stream)
        ``cols`` codes, row ``k`` of the right operand; ``depth`` beats per tile.
    bias : In(stream)
        ``cols`` signed integers, one beat per tile; absent without biases.
    scale : In(stream)
        ``cols`` multipliers and shifts, one beat per tile; absent for raw output.
    result : Out(stream)
        ``cols`` results, ``rows`` beats per tile.
    error : Out(1)
        Sticky: a tile named a type that was not built in (its operands count as 0), or a depth
        above ``max_depth``.
    """

    def __init__(self, p: ArrayParameters) -> None:
        codes = {
            "activation": data.ArrayLayout(p.datapath.activation.bits, p.rows),
            "weight": data.ArrayLayout(p.datapath.weight.bits, p.cols),
        }
        ports = {"tile": In(stream.Signature(p.tile_layout))}
        ports |= {name: In(stream.Signature(layout)) for name, layout in codes.items()}
        if p.bias_bits:
            ports["bias"] = In(stream.Signature(p.bias_layout))
        if p.result_formats is not None:
            ports["scale"] = In(stream.Signature(p.scale_layout))
        ports |= {"result": Out(stream.Signature(p.result_layout)), "error": Out(1)}
        super().__init__(p, ports)

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.controller = controller = Controller(p)
        connect(m, flipped(self.tile), controller.tile)
        m.d.comb += [
            controller.operands_valid.eq(self.activation.valid & self.weight.valid),
            controller.popped.eq(self.result.valid & self.result.ready),
            self.activation.ready.eq(controller.feed),
            self.weight.ready.eq(controller.feed),
            self.error.eq(controller.error),
        ]
        below = Signal(p.accumulator_bits * p.cols)
        top = self._elements(m, controller, below)
        self._columns(m, controller, below, top)
        return m

    def _border(self, m: Module, side: Side, lanes: int, valid: Value) -> Value:
        """Add the border of one operand; return the words of its lanes."""
        p = self.p
        border = OperandBorder(OperandBorderParameters(p.datapath, side, lanes, p.share))
        m.submodules[f"{side}_border"] = border
        codes = getattr(self, side).payload.as_value()
        formats, selected = getattr(p.datapath, side), self.tile.payload[side]
        # Decoders need not know of a type that has no select: its codes never reach them.
        is_signed = selected.signed if side == "activation" else None
        built = is_built(formats, selected.kind, is_signed)
        m.d.comb += [border.valid.eq(valid & built), border.codes.eq(codes)]
        for name in select_ports(formats):
            m.d.comb += getattr(border, name).eq(selected[name.removeprefix("is_")])
        return border.words

    def _elements(self, m: Module, controller: Controller, below: Value) -> Value:
        """Add the rows of clusters; return the accumulators of the top row."""
        p = self.p
        activations = self._border(m, "activation", p.rows, controller.feed)
        weights = self._border(m, "weight", p.cols, controller.feed)
        size = p.datapath.activation_word.size
        passing = Signal(p.row_groups * len(weights), name="weights", reset_less=True)
        m.d.sync += passing.eq(Cat(weights, passing))
        rows = []
        for group in range(p.row_groups):
            first = group * p.share
            count = min(p.share, p.rows - first)
            row = ClusterRow(ClusterRowParameters(p.pe, count, p.cols, p.share))
            m.submodules[f"row_{group}"] = row
            m.d.comb += [
                row.activations.eq(activations[first * size : (first + count) * size]),
                row.weights.eq(passing.word_select(group, len(weights))),
                row.drain.eq(controller.drain),
            ]
            rows.append(row)
        for row in reversed(rows):
            m.d.comb += row.below.eq(below)
            below = row.accumulators
        return below

    def _columns(self, m: Module, controller: Controller, below: Value, top: Value) -> None:
        """Add both ends of the columns, and the command that travels along them."""
        p = self.p
        results = self.result.payload.as_value()
        popped = self.result.valid & self.result.ready
        width = p.command_layout.size
        draining = Signal(p.col_groups)
        commands = Signal(p.col_groups * width, reset_less=True)
        m.d.sync += [
            draining.eq(Cat(controller.drain, draining)),
            commands.eq(Cat(controller.command, commands)),
        ]
        for index in range(p.col_groups):
            command = data.View(p.command_layout, commands.word_select(index, width))
            size = p.group_size(index)
            m.submodules[f"bias_group_{index}"] = bias = BiasGroup(BiasGroupParameters(p, size))
            m.submodules[f"result_group_{index}"] = result = ResultGroup(
                ResultGroupParameters(p, size)
            )
            m.d.comb += [
                bias.command.eq(command),
                p.columns(below, index).eq(bias.below),
                result.drain.eq(draining[index]),
                result.command.eq(command),
                result.accumulators.eq(p.columns(top, index)),
                result.o.ready.eq(popped),
                p.columns(results, index).eq(result.o.payload),
            ]
            if p.bias_bits:
                m.d.comb += bias.biases.eq(p.columns(self.bias.payload.as_value(), index))
            if p.result_formats is not None:
                m.d.comb += result.scale.eq(p.columns(self.scale.payload.as_value(), index))
        # A row leaves when its last column group has arrived, the latest of all.
        m.d.comb += self.result.valid.eq(result.o.valid)
        if p.bias_bits:
            done = draining[-1] & command.load & command.last
            m.d.comb += [
                controller.bias_valid.eq(self.bias.valid),
                controller.bias_done.eq(done),
                self.bias.ready.eq(done),
            ]
        if p.result_formats is not None:
            m.d.comb += [
                controller.scale_valid.eq(self.scale.valid),
                controller.scale_done.eq(result.taken),
                self.scale.ready.eq(result.taken),
            ]

"""The controller: which cycle feeds a beat, which drains a row."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .parameters import ArrayParameters
from .select import is_built

__all__ = ["Controller"]


class Controller(Unit):
    """Decide, cycle by cycle, what enters the array at its corner.

    A tile is: ``depth`` beats of operands; ``row_groups - 1`` cycles until the last row has seen
    the last beat; ``rows`` cycles in which every column shifts up by one element, results leave at
    the top and the biases of the next tile enter at the bottom. So tiles follow each other every

        depth + row_groups - 1 + rows    cycles.

    Nothing in the array ever waits. A cycle in which an operand is missing feeds zeros; a drain
    step is decided only when the output has a free place for its row (``result_depth`` places,
    counted here). So no enable or ready net crosses the array.

    Biases stay at the head of their stream while they are used: the beat is taken when the last
    column group has loaded its last bias. Likewise the scales. A tile whose bias is not there when
    the tile before drains is loaded later, in ``rows`` cycles of its own.

    Members
    -------
    tile : In(stream)
        Tile descriptors; taken with the last beat of operands.
    operands_valid : In(1)
        Both operands have a beat.
    feed : Out(1)
        Take both beats, and feed them.
    bias_valid, bias_done, scale_valid, scale_done : In(1)
        The stream has a beat; the last column group is done with it. Absent without the stream.
    popped : In(1)
        A row of results left the output.
    drain : Out(1)
        Column group 0 drains in the next cycle.
    command : Out
        How: meaningful while ``drain`` is set, except ``offsets``, which always is.
    error : Out(1)
        Sticky: a tile named a type that was not built in, or a depth above ``max_depth``.
    """

    def __init__(self, p: ArrayParameters) -> None:
        ports = {
            "tile": In(stream.Signature(p.tile_layout)),
            "operands_valid": In(1),
            "feed": Out(1),
            "popped": In(1),
            "drain": Out(1),
            "command": Out(p.command_layout),
            "error": Out(1),
        }
        if p.bias_bits:
            ports |= {"bias_valid": In(1), "bias_done": In(1)}
        if p.result_formats is not None:
            ports |= {"scale_valid": In(1), "scale_done": In(1)}
        super().__init__(p, ports)

    def body(self) -> Module:
        m = Module()
        p = self.p
        tile = self.tile.payload
        command = self.command

        loaded = Signal()  # the accumulators hold the biases of the tile to come
        emit = Signal()  # the drain gives results
        load = Signal()  # the drain loads biases
        beat = Signal(p.depth_shape)
        row = Signal(range(p.rows))
        waiting = Signal(range(p.result_depth + 1))  # rows decided that have not left the output

        bias_ready = Signal()
        scale_ready = Signal()
        start = Signal()  # the first step of a drain
        m.d.comb += [bias_ready.eq(1), scale_ready.eq(1)]
        if p.bias_bits:
            self._hold(m, "bias", bias_ready, start & bias_ready)
        if p.result_formats is not None:
            self._hold(m, "scale", scale_ready, start & emit)

        draining = Signal()
        settling = Signal()  # until the last row has seen the last beat
        busy = draining | settling if p.row_groups > 1 else draining
        feeding = Signal()
        step = Signal()
        last_row = Signal()
        loading = Signal()
        empty = tile.depth == 0
        last_beat = beat + 1 == tile.depth
        place = (waiting != p.result_depth) & ((row != 0) | scale_ready)
        m.d.comb += [
            feeding.eq(~busy & self.tile.valid & loaded),
            self.feed.eq(feeding & self.operands_valid & ~empty),
            self.tile.ready.eq(feeding & (empty | (self.operands_valid & last_beat))),
            step.eq(draining & (~emit | place)),
            start.eq(step & (row == 0)),
            last_row.eq(row == p.rows - 1),
            loading.eq(Mux(row == 0, bias_ready, load)),
        ]

        with m.If(self.feed):
            m.d.sync += beat.eq(beat + 1)
        with m.If(self.tile.ready):
            m.d.sync += [
                beat.eq(0),
                emit.eq(1),
                loaded.eq(0),
                (settling if p.row_groups > 1 else draining).eq(1),
            ]
        # Biases that came too late for the drain before: load them in a drain of their own.
        with m.If(~busy & self.tile.valid & ~loaded & bias_ready):
            m.d.sync += [emit.eq(0), draining.eq(1)]
        if p.row_groups > 1:
            wait = Signal(range(p.row_groups))
            with m.If(settling):
                m.d.sync += wait.eq(wait + 1)
                with m.If(wait == p.row_groups - 2):
                    m.d.sync += [wait.eq(0), settling.eq(0), draining.eq(1)]
        with m.If(step):
            m.d.sync += [row.eq(row + 1), load.eq(loading)]
            with m.If(last_row):
                m.d.sync += [row.eq(0), loaded.eq(loading), draining.eq(0)]

        with m.If(step & emit & ~self.popped):
            m.d.sync += waiting.eq(waiting + 1)
        with m.Elif(~(step & emit) & self.popped):
            m.d.sync += waiting.eq(waiting - 1)

        m.d.comb += [
            self.drain.eq(step),
            command.emit.eq(emit),
            command.load.eq(loading),
            command.last.eq(last_row),
        ]
        if p.offset_bits:
            offsets = Signal(p.offset_bits)
            with m.If(~step):
                m.d.sync += offsets.eq(offsets + 1)
            m.d.comb += command.offsets.eq(offsets)
        if p.result_formats is not None:
            result = Signal.like(tile.result)
            relu = Signal()
            with m.If(self.tile.ready):
                m.d.sync += [result.eq(tile.result), relu.eq(tile.relu)]
            m.d.comb += [command.result.eq(result), command.relu.eq(relu)]
        with m.If(self.tile.ready & ~self._legal()):
            m.d.sync += self.error.eq(1)
        return m

    def _hold(self, m: Module, name: str, ready: Signal, use: Value) -> None:
        """Drive ``ready`` while the stream has a beat that is not in use yet."""
        used = Signal(name=f"{name}_used")
        m.d.comb += ready.eq(getattr(self, f"{name}_valid") & ~used)
        with m.If(use):
            m.d.sync += used.eq(1)
        with m.Elif(getattr(self, f"{name}_done")):
            m.d.sync += used.eq(0)

    def _legal(self) -> Value:
        """Whether the tile names built types and a depth that cannot overflow."""
        p, tile = self.p, self.tile.payload
        legal = is_built(p.datapath.activation, tile.activation.kind, tile.activation.signed)
        legal &= is_built(p.datapath.weight, tile.weight.kind)
        if p.max_depth < (1 << p.depth_shape) - 1:
            legal &= tile.depth <= p.max_depth
        if p.result_formats is not None:
            legal &= is_built(p.result_formats, tile.result.kind, tile.result.signed)
        return legal

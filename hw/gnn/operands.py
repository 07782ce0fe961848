"""Operands: a slot, with where the rows of a task are, and whether it stays in its space."""

from __future__ import annotations

from amaranth.hdl import Array, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..unit import Unit
from .decoder import OPERANDS
from .faults import Fault
from .instruction import ElementType, Space
from .jobs import TILE_BITS, operands
from .parameters import GnnParameters
from .table_entry import SLOT_ENTRY
from .tasks import thread_task

__all__ = ["LOOKED_UP", "Operands"]

LOOKED_UP = data.StructLayout({
    "slot": SLOT_ENTRY, "index": 3, "there": 1, "spaces": 4, "once": 1, "rowwise": 1,
})  # fmt: skip
"""A slot as it comes from the table: operand number ``index``; whether it is ``there``; the spaces
that are allowed; whether row 0 alone is used, and whether the operation goes through rows."""


class Operands(Unit):
    """Turn slots into operands, and check them.

    Members
    -------
    clear : In(1)
        Forget that something was looked up.
    present : In(one bit for each operand)
        Which operands the instruction has.
    current : In(thread_task), strides : In(3 of address_bits), halves : In(8), bias : In(24)
        Of the thread and the pass; the first word of the bias.
    valid : In(1), looked_up : In(LOOKED_UP)
        A slot.
    operands : Out(operands), elements : Out
        As far as they were looked up; elements of a row of the job: those of d, or of the first of
        a, d and b that is there if the operation goes through edges.
    weight : Out(range(weight_words)), k_tiles, n_tiles : Out(TILE_BITS), bytes : Out
        Of the last slot: first word and tiles of weights; bytes of a row.
    checked : Out(1), code : Out(Fault)
        The slot of four cycles ago was checked; what is wrong, or NONE.

    Notes
    -----
    The last row of a slot must end in its space: with n rows of a stride, ``offset + (n - 1) *
    stride + words <= size``, in the accumulator memory in its interval's part. Accumulators are
    i32, elements of edges i16, weights i8, of 1 to 4,095 tiles in either direction. A chunk has no
    edges; and rows of accumulators are no rows of a shard.

    Cycles: 4 to ``checked``.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "clear": In(1), "present": In(len(OPERANDS)), "current": In(thread_task(p)),
            "strides": In(data.ArrayLayout(p.address_bits, 3)), "halves": In(8), "bias": In(24),
            "valid": In(1), "looked_up": In(LOOKED_UP),
            "operands": Out(data.StructLayout(operands(p))),
            "elements": Out(range(p.row_elements + 1)), "bytes": Out(range(p.row_bytes + 1)),
            "weight": Out(range(p.weight_words)), "k_tiles": Out(TILE_BITS),
            "n_tiles": Out(TILE_BITS), "checked": Out(1), "code": Out(Fault),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        slot, task = self.looked_up.slot, self.current
        index, once = self.looked_up.index, self.looked_up.once
        accumulator = slot.space == Space.ACCUMULATOR
        # A slot has 16 bits of an offset.
        base = Signal(max(16, self.p.extent_bits) + 1)
        stride = Array([*self.strides, 0])[slot.space.as_value()]
        m.d.comb += base.eq(slot.offset + Mux(accumulator, task.accumulator, 0))
        for number, name in enumerate(OPERANDS):
            operand = self.operands[name]
            values = {
                "space": slot.space, "type": slot.type, "base": base,
                "stride": Mux(once, 0, stride),
            }  # fmt: skip
            m.d.comb += operand.present.eq(self.present[number])
            with m.If(self.valid & (index == number)):
                m.d.sync += [
                    operand[field].eq(value) for field, value in values.items()
                    if field in operand.shape().members
                ]
        d, a, b = (OPERANDS.index(name) for name in "dab")
        of_edges = Mux(self.present[a], a, Mux(self.present[d], d, b))
        with m.If(self.valid & (index == Mux(self.looked_up.rowwise, d, of_edges))):
            m.d.sync += self.elements.eq(slot.elements)
        allowed = self.looked_up.spaces.bit_select(slot.space.as_value(), 1) & ~(
            ((slot.space == Space.EDGE) & ~task.shard)
            | (self.looked_up.rowwise & accumulator & task.shard)
        )
        self._check(m, base, allowed)
        return ResetInserter(self.clear)(m)

    def _check(self, m: Module, base: Value, allowed: Value) -> None:
        """Register the parts of the sum, then the sums; compare the one that counts."""
        p, slot = self.p, self.looked_up.slot
        length = Signal(18)
        typed = Signal()
        m.d.comb += length.eq(slot.elements << slot.type.as_value())
        with m.Switch(slot.space):
            for space, kind in (
                (Space.ACCUMULATOR, ElementType.I32), (Space.EDGE, ElementType.I16),
                (Space.WEIGHT, ElementType.I8),
            ):  # fmt: skip
                with m.Case(space):
                    m.d.comb += typed.eq(slot.type == kind)
            with m.Default():
                m.d.comb += typed.eq(slot.type.as_value() != 3)
        weight_slot = slot.space == Space.WEIGHT
        k_tiles = (slot.elements + p.rows - 1) >> ceil_log2(p.rows)
        n_tiles = (slot.columns + p.columns - 1) >> ceil_log2(p.columns)
        tiled = slot.columns.any() & ~(k_tiles[TILE_BITS:].any() | n_tiles[TILE_BITS:].any())
        sound = (
            typed & self.looked_up.there & slot.elements.any() & ~length[16:].any()
            & (tiled | ~weight_slot)
        )  # fmt: skip
        extents = Array([*self.current.extents, 0])
        sizes = [p.accumulator_words, p.local_words, p.edge_words, p.weight_words]
        half = (self.halves == 2) & ~self.current.context & (slot.space == Space.ACCUMULATOR)
        size = Signal(21)
        m.d.comb += size.eq(
            Mux(half, p.accumulator_words // 2, Array(sizes)[slot.space.as_value()])
        )
        extent = Mux(self.looked_up.once, 0, extents[slot.space.as_value()])
        registers = {
            # What is not there has no space: nothing but that is wrong with it.
            "valid": self.valid, "allowed": allowed | ~self.looked_up.there, "sound": sound,
            "start": base, "extent": extent, "size": size,
            # Of what is longer it does not count: that is not sound.
            "length": Mux(slot.space == Space.ACCUMULATOR, slot.elements, length[:16]),
            "weight": weight_slot,
        }  # fmt: skip
        first = {name: Signal(len(Value.cast(v)), name=f"first_{name}") for name, v in
                 registers.items()}  # fmt: skip
        m.d.sync += [first[name].eq(value) for name, value in registers.items()]
        with m.If(self.valid):
            m.d.sync += [
                self.weight.eq(slot.offset), self.k_tiles.eq(k_tiles), self.n_tiles.eq(n_tiles),
                self.bytes.eq(length),
            ]
        tiles = Signal(24)
        bias_end = Signal(25)
        start = Signal(len(base) + 1)
        words = Signal(16)
        there = Signal()
        weight = Signal()
        fine = Signal()
        second_sound = Signal()
        second_size = Signal(21)
        lanes = ceil_log2(p.lanes)
        m.d.sync += [
            there.eq(first["valid"]), fine.eq(first["allowed"]),
            second_sound.eq(first["sound"]), start.eq(first["start"] + first["extent"]),
            words.eq(first["length"][lanes:] + first["length"][:lanes].any()),
            tiles.eq(self.k_tiles * self.n_tiles), weight.eq(first["weight"]),
            bias_end.eq(self.bias + self.n_tiles), second_size.eq(first["size"]),
        ]  # fmt: skip
        # The third rank: where it ends, to compare with the size.
        last = Signal(28)
        third_size = Signal(21)
        third = Signal()
        spaced = Signal()
        third_sound = Signal()
        m.d.sync += [
            third.eq(there), spaced.eq(fine), third_size.eq(second_size),
            last.eq(start + Mux(weight, tiles << ceil_log2(p.rows), words)),
            third_sound.eq(second_sound & ~(weight & (bias_end > p.bias_words))),
        ]
        m.d.sync += [self.checked.eq(third), self.code.eq(Fault.NONE)]
        with m.If(~spaced):
            m.d.sync += self.code.eq(Fault.OPERAND)
        with m.Elif(~third_sound | (last > third_size)):
            m.d.sync += self.code.eq(Fault.SLOT)

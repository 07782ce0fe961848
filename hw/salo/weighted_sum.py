"""Weighted-sum module: the sums of a row's tiles merged into those of its block."""

from __future__ import annotations

from dataclasses import dataclass, field

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .alignment import align, rounded_sum, shift_bits
from .parameters import DatapathParameters
from .stages import Stage

__all__ = ["WeightedSum", "WeightedSumParameters"]


@dataclass(frozen=True, kw_only=True)
class WeightedSumParameters:
    """Parameters of a weighted-sum module.

    Parameters
    ----------
    datapath
        Formats of the tiles' sums.
    dv_max
        Most elements of a value, 1 to 256.
    block_keys
        Most keys that a query has in all, at least those of a tile.
    slots
        Blocks that are in work at once, 1 to 4096.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    datapath: DatapathParameters = field(default_factory=DatapathParameters)
    dv_max: int = 64
    block_keys: int = 4096
    slots: int = 1

    def __post_init__(self) -> None:
        for name, least, most in (
            ("dv_max", 1, 256), ("block_keys", self.datapath.keys, 1 << 24), ("slots", 1, 4096),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be in {least} to {most}, not {value}")

    @property
    def sum_bits(self) -> int:
        """Bits of a block's sums, signed: see :attr:`~.DatapathParameters.sum_bits`."""
        return self.datapath.sum_bits_of(self.block_keys)

    @property
    def total_bits(self) -> int:
        """Bits of the sum of mantissas of a block, unsigned."""
        return (
            self.block_keys * ((1 << self.datapath.mantissa_bits) - 1) << self.datapath.guard_bits
        ).bit_length()

    @property
    def words(self) -> int:
        """Words of a slot: the maximum, the sum of mantissas, and ``dv_max`` numerators."""
        return self.dv_max + 2


class WeightedSum(Unit):
    """``M' = max(M, m)``, ``L' = rs(L, M' - M) + rs(l, M' - m)``, and all elements of O like L.

    Members
    -------
    stage : In(Stage), maximum, seen, sum : In
        As an array's row gives them.
    slot : In(range(slots))
        Block that the tile belongs to; steady from the stage before EXP to the last VALUE. Only
        with several slots.
    first, last : In(1)
        The tile begins its block: M, L and O are cleared before; it ends it: the block's sums go
        out. Come with EXP.
    out_stage : Out(Stage), out : Out(signed(sum_bits))
        A cycle after those at the inputs, in a tile that is the last one of its block: with SUM
        ``out`` = L', with VALUE the next element of O'. IDLE at all other times.

    Notes
    -----
    Tiles may follow without a bubble; elements come in any number up to ``dv_max``, in the same
    order in each tile of a block. All state of a block is in a memory with a read and a write
    port; its word 0 is M (and whether there is one), word 1 is L, and from there O. A word is read
    a cycle before it is needed and written a cycle after it was computed; no word is read then,
    since ``T >= 4``.

    Source: brief `salo`, section 4.3; no division, where SALO has two for each tile (section 2.3).
    """

    p: WeightedSumParameters

    def __init__(self, p: WeightedSumParameters) -> None:
        formats = p.datapath
        super().__init__(p, {
            "stage": In(Stage), "maximum": In(signed(formats.exp_bits)), "seen": In(1),
            "sum": In(signed(formats.sum_bits)), "first": In(1), "last": In(1),
            **({"slot": In(range(p.slots))} if p.slots > 1 else {}),
            "out_stage": Out(Stage), "out": Out(signed(p.sum_bits)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        comparing = Signal()
        merging = Signal()
        m.d.comb += [
            comparing.eq(self.stage == Stage.EXP),
            merging.eq((self.stage == Stage.SUM) | (self.stage == Stage.VALUE)),
        ]
        m.submodules.state = state = memory.Memory(
            shape=p.sum_bits, depth=p.slots * p.words, init=[]
        )
        read, write = state.read_port(), state.write_port()
        word = Signal(range(p.words + 1))
        m.d.sync += word.eq(Mux(comparing | merging, word + 1, 0))
        slot = self.slot * p.words if p.slots > 1 else 0
        upcoming = Signal(range(p.words + 2))
        m.d.comb += [
            upcoming.eq(Mux(comparing | merging, word + 1, 0)),
            read.addr.eq(slot + upcoming), read.en.eq(1),
        ]  # fmt: skip

        maximum = Signal(signed(p.datapath.exp_bits))
        seen = Signal()
        empty = Signal()
        last = Signal()
        m.d.comb += [
            maximum.eq(Mux(self.first, 0, read.data)),
            seen.eq(read.data[p.datapath.exp_bits] & ~self.first),
        ]  # fmt: skip
        found = align(m, maximum, seen, self.maximum, self.seen, shift_bits(p.sum_bits))
        swap = Signal(name="held_swap", reset_less=True)
        amount = Signal.like(found.amount, name="held_amount", reset_less=True)
        with m.If(comparing):
            m.d.sync += [
                swap.eq(found.other_larger), amount.eq(found.amount),
                empty.eq(self.first), last.eq(self.last),
            ]  # fmt: skip
        old = Signal(signed(p.sum_bits))
        tile = Signal(signed(p.sum_bits))
        m.d.comb += [old.eq(Mux(empty, 0, read.data)), tile.eq(self.sum)]
        merged = rounded_sum(m, Mux(swap, tile, old), Mux(swap, old, tile), amount)

        result = Signal(p.sum_bits, reset_less=True)
        m.d.sync += [
            result.eq(Mux(comparing, Cat(found.maximum, seen | self.seen), merged)),
            write.en.eq(comparing | merging), write.addr.eq(slot + word),
            self.out_stage.eq(Mux(merging & last, self.stage, Stage.IDLE)),
        ]  # fmt: skip
        m.d.comb += [write.data.eq(result), self.out.eq(result)]
        return m

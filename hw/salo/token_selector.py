"""Token selector: which token each lane of a tile has, a few of them in each cycle."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .engine_parameters import Slot

__all__ = ["SOURCE", "TokenSelector", "TokenSelectorParameters"]

SOURCE = data.StructLayout({
    "listed": 1, "given": 1, "base": signed(24), "step": 17, "low": 8, "high": 9,
})  # fmt: skip
"""Tokens of a part of the array: ``base + step * p`` for positions, or entries of a list, of
``low`` to ``high - 1``; none if not ``given``."""


@dataclass(frozen=True)
class TokenSelectorParameters:
    """Parameters of a token selector.

    Parameters
    ----------
    slots
        Lanes in the order in which they are loaded.
    entries
        Entries of the list of each source; at least 1 in all.
    tokens
        Most tokens.
    reads
        Lanes in a cycle.
    apart
        The first source whose tokens are in the upper half of the memory; None if there is none.

    Raises
    ------
    ValueError
        There is nothing to select.
    """

    slots: tuple[Slot, ...]
    entries: tuple[int, ...]
    tokens: int
    reads: int
    apart: int | None = None

    def __post_init__(self) -> None:
        if not self.slots or sum(self.entries) < 1:
            raise ValueError("slots and entries must be at least one each")
        if self.reads < 1:
            raise ValueError(f"reads must be at least 1, not {self.reads}")

    @property
    def turns(self) -> int:
        return -(-len(self.slots) // self.reads)

    @property
    def depth(self) -> int:
        """Words of the memory that tokens are in."""
        return self.tokens if self.apart is None else 2 * self.tokens

    def place(self, source: int) -> int:
        """Where the list of a source begins."""
        return sum(self.entries[:source])


class TokenSelector(Unit):
    """Address, and presence, of the token of lane ``turn * reads + r`` for each r.

    Members
    -------
    sources : In(sources of SOURCE), limit : In(17)
        Of the tile; and how many tokens there are: those of a progression that are not 0 to
        ``limit - 1`` do not exist.
    entry_write : In(1), entry_place : In(range), entry : In(32)
        An entry of the next tile's lists, as a program has it: bit 31 set if there is none.
    swap : In(1)
        From the next cycle on the lists are those of the next tile.
    turn : In(range)
        What is selected; may be beyond the last one.
    address : Out(reads of range(depth)), present : Out(lanes)
        A cycle later: where the tokens are; and of all lanes, whether they have one, settled two
        cycles after their turn.
    tokens : Out(reads of 17 bits), taken : Out(range)
        Beside ``address``: the token, and on top whether there is one; and whose turn it is.

    Notes
    -----
    One multiplier for each read; a list is in one of two halves of a memory, so that the next
    tile's can be written meanwhile.
    """

    p: TokenSelectorParameters

    def __init__(self, p: TokenSelectorParameters) -> None:
        layout = data.ArrayLayout
        super().__init__(p, {
            "sources": In(layout(SOURCE, len(p.entries))), "limit": In(17),
            "entry_write": In(1), "entry_place": In(range(max(2, sum(p.entries)))),
            "entry": In(32), "swap": In(1), "turn": In(range(p.turns + 1)),
            "address": Out(layout(range(p.depth), p.reads)), "present": Out(len(p.slots)),
            "tokens": Out(layout(17, p.reads)), "taken": Out(range(p.turns + 1), init=p.turns),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        size = sum(p.entries)
        m.submodules.lists = lists = memory.Memory(shape=17, depth=2 * size, init=[])
        bank = Signal()
        with m.If(self.swap):
            m.d.sync += bank.eq(~bank)
        write = lists.write_port()
        m.d.comb += [
            write.en.eq(self.entry_write),
            write.addr.eq(self.entry_place + (~bank).replicate(1) * size),
            write.data.eq(Cat(self.entry[:16], ~self.entry[31])),
        ]
        m.d.sync += self.taken.eq(self.turn)
        for r in range(p.reads):
            read = lists.read_port(domain="comb")
            source = Signal(SOURCE, name=f"source_{r}")
            position, entry = Signal(8, name=f"position_{r}"), Signal(8, name=f"entry_{r}")
            place, apart = Signal(range(max(2, size)), name=f"place_{r}"), Signal(name=f"apart_{r}")
            mine = p.slots[r :: p.reads]
            with m.Switch(self.turn):
                for turn, slot in enumerate(mine):
                    at = p.place(slot.source) + slot.entry if p.entries[slot.source] else 0
                    with m.Case(turn):
                        m.d.comb += [
                            source.eq(self.sources[slot.source]), position.eq(slot.position),
                            entry.eq(slot.entry), place.eq(at),
                        ]  # fmt: skip
                        if p.apart is not None:
                            m.d.comb += apart.eq(slot.source >= p.apart)
            m.d.comb += read.addr.eq(place + bank * size)
            token = Signal(signed(27), name=f"token_{r}")
            index, there = Signal(8, name=f"index_{r}"), Signal(name=f"there_{r}")
            inside, exists = Signal(name=f"inside_{r}"), Signal(name=f"exists_{r}")
            number = Signal(16, name=f"number_{r}")
            m.d.comb += [
                token.eq(source.base + source.step * position),
                index.eq(source.listed.replicate(8) & entry | ~source.listed.replicate(8)
                         & position),
                inside.eq(source.given & (index >= source.low) & (index < source.high)),
            ]  # fmt: skip
            with m.If(source.listed):
                m.d.comb += [exists.eq(read.data[16]), number.eq(read.data[:16])]
            with m.Else():
                m.d.comb += [
                    exists.eq((token >= 0) & (token < self.limit)), number.eq(token[:16]),
                ]
            m.d.comb += there.eq(inside & exists)
            m.d.sync += [
                self.address[r].eq(number + (p.tokens * apart)),
                self.tokens[r].eq(Cat(number, there)),
            ]
            for turn in range(len(mine)):
                with m.If(self.taken == turn):
                    m.d.sync += self.present[turn * p.reads + r].eq(self.tokens[r][16])
        return m

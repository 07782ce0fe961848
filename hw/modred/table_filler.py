"""The engine that fills writable tables of residues from a modulus, with one adder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = [
    "Base", "TableFiller", "TableFillerParameters", "WritableTable", "modulus_ports",
    "writable_table",
]


class Base(Enum):
    """Residue of index 1: 2^(n-1), 2^n mod M, or what follows the entries of the table before."""

    HALF = "half"
    WHOLE = "whole"
    NEXT = "next"


@dataclass(frozen=True)
class WritableTable:
    """A table to fill: its entries, the residue of index 1, and whether indices are signed.

    Signed ones have four entries or more.
    """

    entries: int
    base: Base
    signed: bool = False

    @property
    def address_bits(self) -> int:
        return (self.entries - 1).bit_length()


@dataclass(frozen=True, kw_only=True)
class TableFillerParameters:
    """Parameters of :class:`TableFiller`.

    Parameters
    ----------
    modulus
        What the tables are filled for after reset; its n bits are those of every other modulus.
    tables
        Tables, in the order in which they are filled.
    less_modulus
        Entries are residues less M (but entry 0 is 0), in n + 1 bits, rather than residues.
    """

    modulus: int
    tables: tuple[WritableTable, ...]
    less_modulus: bool

    @property
    def modulus_bits(self) -> int:
        return self.modulus.bit_length()

    @property
    def address_bits(self) -> int:
        return max(table.address_bits for table in self.tables)

    @property
    def data_bits(self) -> int:
        return self.modulus_bits + self.less_modulus


class TableFiller(Unit):
    """Write the residues of each index, ``T[v] = T[v-1] + T[1]``, less M where that is not below M.

    A modulus is taken when nothing is on its way through the reducer. From 2^(n-1) + 1 to 2^n - 1
    it is in force from then on, and the tables are filled for it. Any other leaves the one before
    in force, and sets ``error``.

    Members
    -------
    modulus : In(stream)
        n bits.
    busy : In(1)
        An operand is inside the reducer.
    filled : Out(1)
        Operands may come: the tables are those of ``value``, and no other modulus waits.
    value : Out(n)
        Modulus in force.
    write : Out(1 for each table), address, data : Out
        Write ports of the tables.
    error : Out(1)
        Sticky: a modulus was out of range.

    Notes
    -----
    The adder holds the entry less M, from -M to -1, so that its sign tells whether to subtract
    again. Indices below zero follow with M - T[1] in place of T[1].

    Cycles: three for each entry, and up to five more for each table.

    Source: brief, section 8.3.
    """

    p: TableFillerParameters

    def __init__(self, p: TableFillerParameters) -> None:
        super().__init__(
            p,
            {
                "modulus": In(stream.Signature(p.modulus_bits)),
                "busy": In(1),
                "filled": Out(1),
                "value": Out(p.modulus_bits),
                "write": Out(len(p.tables)),
                "address": Out(p.address_bits),
                "data": Out(p.data_bits),
                "error": Out(1),
            },
        )

    def body(self) -> Module:
        m = Module()
        p = self.p
        n = p.modulus_bits
        value = Signal(n, init=p.modulus)
        error = Signal()
        weight = Signal(n, reset_less=True)  # T[1]
        entry = Signal(n + 1, reset_less=True)
        table = Signal(range(len(p.tables)))
        index = Signal(p.address_bits + 1)
        below = Signal()  # indices below zero

        # The one adder: entry plus or minus weight or M.
        use_modulus = Signal()
        minus = Signal()
        keep = Signal()
        clear = Signal()
        total = Signal(n + 1)
        addend = Mux(use_modulus, value, weight) ^ minus.replicate(n)
        m.d.comb += total.eq((Cat(minus, entry) + Cat(minus, addend, minus))[1:])
        with m.If(clear):
            m.d.sync += entry.eq(0)
        with m.Elif(~keep):
            m.d.sync += entry.eq(total)

        m.d.comb += [
            keep.eq(1),
            self.value.eq(value),
            self.error.eq(error),
            self.address.eq(index),
            self.data.eq(entry if p.less_modulus else total),
        ]
        chosen = [table == number for number in range(len(p.tables))]

        def write() -> list:
            return [self.write[number].eq(each) for number, each in enumerate(chosen)]

        def select(values: list[int | bool]) -> Value:
            result = C(0, 1 + max(int(each).bit_length() for each in values))
            for each, here in zip(values, chosen, strict=True):
                result = Mux(here, int(each), result)
            return result

        # After the last entry comes the weight of the next table, if that follows.
        follows = [*(t.base is Base.NEXT for t in p.tables[1:]), False]
        last = select(
            [
                t.entries // 2 - 1 if t.signed else t.entries - 1 + follow
                for t, follow in zip(p.tables, follows, strict=True)
            ]
        )
        with m.FSM(init="begin"):
            with m.State("filled"):
                wanted = self.modulus.payload
                m.d.comb += [
                    self.filled.eq(~self.modulus.valid),
                    self.modulus.ready.eq(~self.busy),
                ]
                m.d.sync += table.eq(0)
                with m.If(self.modulus.valid & ~self.busy):
                    with m.If(wanted[-1] & wanted[:-1].any()):
                        m.d.sync += value.eq(wanted)
                        m.next = "begin"
                    with m.Else():
                        m.d.sync += error.eq(1)
            with m.State("begin"):
                m.d.comb += clear.eq(1)
                m.d.sync += [index.eq(0), below.eq(0)]
                m.next = "weigh"
            with m.State("weigh"):
                # The entry is 0 here: that of index 0, and 2^n - M is what M wants to 2^n.
                m.d.comb += [use_modulus.eq(1), minus.eq(1)]
                with m.If(select([t.base is Base.WHOLE for t in p.tables])):
                    m.d.sync += weight.eq(total)
                with m.If(select([t.base is Base.HALF for t in p.tables])):
                    m.d.sync += weight.eq(1 << (n - 1))
                if p.less_modulus:
                    m.d.comb += write()
                m.next = "start"
            with m.State("start"):
                m.d.comb += [use_modulus.eq(1), minus.eq(1), keep.eq(0)]
                m.d.sync += index.eq(Mux(below, select([t.entries - 1 for t in p.tables]), 1))
                m.next = "add" if p.less_modulus else "zero"
            if not p.less_modulus:
                with m.State("zero"):
                    m.d.comb += [use_modulus.eq(1), self.address.eq(0), *write()]
                    m.next = "add"
            with m.State("add"):
                m.d.comb += keep.eq(0)
                m.next = "fix"
            with m.State("fix"):
                m.d.comb += [use_modulus.eq(1), minus.eq(1), keep.eq(entry[-1])]
                m.next = "write"
            with m.State("write"):
                m.d.comb += [use_modulus.eq(1), *write()]
                m.d.sync += index.eq(Mux(below, index - 1, index + 1))
                m.next = "add"
                lowest = index == select([t.entries // 2 for t in p.tables])
                with m.If(below & lowest):
                    m.next = "done"
                with m.Elif(~below & (index == last)):
                    m.next = "done"
                    with m.If(select(follows)):
                        # One beyond the table: nothing to write but the next weight.
                        m.d.comb += self.write.eq(0)
                        m.d.sync += weight.eq(total)
                    with m.If(select([t.signed for t in p.tables])):
                        m.next = "clear"
            with m.State("clear"):
                m.d.comb += clear.eq(1)
                m.next = "raise"
            with m.State("raise"):
                m.d.comb += [use_modulus.eq(1), keep.eq(0)]
                m.next = "negate"
            with m.State("negate"):
                m.d.comb += [minus.eq(1), clear.eq(1)]
                m.d.sync += [weight.eq(total), below.eq(1)]
                m.next = "start"
            with m.State("done"):
                with m.If(table == len(p.tables) - 1):
                    m.next = "filled"
                with m.Else():
                    m.d.sync += table.eq(table + 1)
                    m.next = "begin"
        return m


def modulus_ports(bits: int) -> dict[str, wiring.Member]:
    """Return the ports of a reducer whose modulus can change: ``modulus`` and ``error``."""
    return {"modulus": In(stream.Signature(bits)), "error": Out(1)}


def writable_table(m: Module, name: str, filler: TableFiller, number: int) -> Memory:
    """Return the memory of a table that ``filler`` fills."""
    memory = Memory(shape=filler.p.data_bits, depth=filler.p.tables[number].entries, init=[])
    m.submodules[name] = memory
    port = memory.write_port()
    m.d.comb += [
        port.en.eq(filler.write[number]),
        port.addr.eq(filler.address),
        port.data.eq(filler.data),
    ]
    return memory

"""A table of residues that is known when the hardware is built."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .reducer import Store

__all__ = ["ResidueTable", "ResidueTableParameters"]


@dataclass(frozen=True)
class ResidueTableParameters:
    """Parameters of :class:`ResidueTable`.

    Parameters
    ----------
    contents
        Entry of each address, at least one; each is 0 to ``2^width - 1``.
    width
        Bits of an entry, at least 1.
    store
        ``LOGIC`` or ``BLOCK_RAM``.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    contents: tuple[int, ...]
    width: int
    store: Store = Store.LOGIC

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        if not self.contents:
            raise ValueError("contents must hold at least one entry, not none")
        for entry in (min(self.contents), max(self.contents)):
            if entry < 0 or entry >> self.width:
                raise ValueError(f"contents must be from 0 to 2^{self.width} - 1, not {entry}")
        if self.store is Store.WRITABLE:
            raise ValueError("store must be LOGIC or BLOCK_RAM, not WRITABLE")

    @property
    def address_bits(self) -> int:
        return max(1, (len(self.contents) - 1).bit_length())


class ResidueTable(Unit):
    """``data = contents[address]``; what lies beyond the last entry is undefined.

    Members
    -------
    address : In(address_bits)
    enable : In(1)
        ``BLOCK_RAM`` only: read; while it is clear, ``data`` holds.
    data : Out(width)

    Cycles: none in ``LOGIC``. In ``BLOCK_RAM`` the entry comes one cycle after its address.

    Notes
    -----
    In logic, a tree of selections between constants. A memory with an asynchronous port, or a
    ``case`` that Yosys makes one of, would swallow the register of the address where that comes
    straight from one: with its enable the functions of four inputs become some of six and more, and
    the tables of a pipelined reducer of 128 bits take three times the area. With a synchronous port
    the tools choose block RAM if the table is large enough to be worth one (from 32 entries of 128
    bits on ECP5), and tables before registers else.
    """

    p: ResidueTableParameters

    def __init__(self, p: ResidueTableParameters) -> None:
        enable = {"enable": In(1)} if p.store is Store.BLOCK_RAM else {}
        super().__init__(p, {"address": In(p.address_bits), **enable, "data": Out(p.width)})

    def body(self) -> Module:
        m = Module()
        p = self.p
        if p.store is Store.LOGIC:
            m.d.comb += self.data.eq(self._selected(m))
            return m
        m.submodules.residues = residues = Memory(
            shape=p.width, depth=len(p.contents), init=list(p.contents),
            attrs={"ram_style": "block"},
        )
        port = residues.read_port(domain="sync")
        m.d.comb += [
            port.addr.eq(self.address), port.en.eq(self.enable), self.data.eq(port.data),
        ]
        return m

    def _selected(self, m: Module) -> Value:
        """The entry of the address, by one bit of it after the other."""
        entries: list[Value] = [Const(entry, self.p.width) for entry in self.p.contents]
        for bit in range(self.p.address_bits):
            paired = entries[: len(entries) & ~1]
            selected = []
            for index, (even, odd) in enumerate(zip(paired[::2], paired[1::2], strict=True)):
                entry = Signal(self.p.width, name=f"entry_{bit}_{index}")
                m.d.comb += entry.eq(Mux(self.address[bit], odd, even))
                selected.append(entry)
            entries = selected + entries[len(paired) :]
        return entries[0]

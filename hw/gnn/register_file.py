"""Register file: the AXI4-Lite slave that software talks to."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .axi import axi_lite
from .faults import FAULT
from .records import BLOCK_SHIFT, VERSION
from .registers import (
    ADDRESS_BITS,
    CONTROL_RESET,
    CONTROL_START,
    IDENTITY,
    REGISTERS,
    STATUS_DONE,
    Counter,
    register,
)

__all__ = ["RegisterFile", "RegisterFileParameters"]

_OKAY, _SLVERR = 0, 2


@dataclass(frozen=True)
class RegisterFileParameters:
    """Parameters of :class:`RegisterFile`: the digest that PARAMETERS tells."""

    digest: int

    def __post_init__(self) -> None:
        if not 0 <= self.digest < 1 << 32:
            raise ValueError(f"digest must be in 0..{(1 << 32) - 1}, not {self.digest}")


class RegisterFile(Unit):
    """Registers of ``registers.py`` on AXI4-Lite.

    Members
    -------
    bus : In(axi_lite)
        Whole words: write strobes are of whole registers. An address without a register is
        answered with SLVERR, as is writing a register that cannot be written.
    start, reset, forget_done : Out(1)
        Software wants it, for one cycle.
    image : Out(40), pass_block : Out(32), passes : Out(32)
        As they were written.
    status : In(3), fault : In(FAULT)
        STATUS, and the ERROR registers.
    counter : Out(5), count : In(32)
        A counter, three cycles after its number.

    Notes
    -----
    Cycles: 7 from an address to its data; 2 from the later of address and data to the response.
    """

    p: RegisterFileParameters

    def __init__(self, p: RegisterFileParameters) -> None:
        super().__init__(p, {
            "bus": In(axi_lite(ADDRESS_BITS)), "start": Out(1), "reset": Out(1),
            "forget_done": Out(1), "image": Out(40), "pass_block": Out(32), "passes": Out(32),
            "status": In(3), "fault": In(FAULT), "counter": Out(5), "count": In(32),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        self._write(m)
        self._read(m)
        return m

    def _write(self, m: Module) -> None:
        bus = self.bus
        go, known = Signal(name="write"), Signal(name="write_known")
        place = bus.awaddr[2:]
        m.d.comb += [
            go.eq(bus.awvalid & bus.wvalid & ~bus.bvalid), bus.awready.eq(go), bus.wready.eq(go),
        ]
        with m.Switch(place):
            for each in REGISTERS:
                if each.writable:
                    with m.Case(each.offset // 4):
                        m.d.comb += known.eq(1)
        m.d.sync += [self.start.eq(0), self.reset.eq(0), self.forget_done.eq(0)]
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(go):
            m.d.sync += [bus.bvalid.eq(1), bus.bresp.eq(Mux(known, _OKAY, _SLVERR))]
            low = self.image[BLOCK_SHIFT:32]
            targets = {
                "CONTROL": [
                    (self.start, bus.wdata[CONTROL_START]), (self.reset, bus.wdata[CONTROL_RESET]),
                ],
                "STATUS": [(self.forget_done, bus.wdata[STATUS_DONE])],
                "IMAGE_LOW": [(low, bus.wdata[BLOCK_SHIFT:])],
                "IMAGE_HIGH": [(self.image[32:], bus.wdata)],
                "PASS_BLOCK": [(self.pass_block, bus.wdata)],
                "PASSES": [(self.passes, bus.wdata)],
            }  # fmt: skip
            with m.If(bus.wstrb == 0xF), m.Switch(place):
                for name, parts in targets.items():
                    with m.Case(register(name).offset // 4):
                        m.d.sync += [target.eq(value) for target, value in parts]

    def _read(self, m: Module) -> None:
        bus = self.bus
        place = Signal(ADDRESS_BITS - 2)
        word = Signal(32)
        known = Signal(name="read_known")
        is_counter = Signal()
        held = Signal(32, reset_less=True)
        counts = Signal(reset_less=True)
        values = self._values()
        first = register(Counter.CYCLES.name).offset // 4
        m.d.comb += self.counter.eq(place - first)
        with m.Switch(place):
            for each in REGISTERS:
                with m.Case(each.offset // 4):
                    m.d.comb += known.eq(1)
                    if each.name in values:
                        m.d.comb += word.eq(values[each.name])
                    else:
                        m.d.comb += is_counter.eq(1)
        with m.FSM(name="read"):
            with m.State("address"):
                m.d.comb += bus.arready.eq(1)
                m.d.sync += place.eq(bus.araddr[2:])
                with m.If(bus.arvalid):
                    m.next = "counter"
            with m.State("counter"):
                m.d.sync += [
                    held.eq(word), bus.rresp.eq(Mux(known, _OKAY, _SLVERR)), counts.eq(is_counter),
                ]
                m.next = "part"
            with m.State("part"):
                m.next = "count"
            with m.State("count"):
                m.next = "word"
            with m.State("word"):
                m.d.sync += [bus.rvalid.eq(1), bus.rdata.eq(Mux(counts, self.count, held))]
                m.next = "data"
            with m.State("data"), m.If(bus.rready):
                m.d.sync += bus.rvalid.eq(0)
                m.next = "address"

    def _values(self) -> dict[str, Value | int]:
        fault = self.fault
        return {
            "ID": IDENTITY, "VERSION": VERSION, "PARAMETERS": self.p.digest, "CONTROL": 0,
            "STATUS": self.status, "IMAGE_LOW": self.image[:32], "IMAGE_HIGH": self.image[32:],
            "PASS_BLOCK": self.pass_block, "PASSES": self.passes,
            "ERROR": fault.code.as_value() | (fault.thread << 8),
            "ERROR_PC": fault.pc, "ERROR_ADDRESS_LOW": fault.address[:32],
            "ERROR_ADDRESS_HIGH": fault.address[32:],
        }  # fmt: skip

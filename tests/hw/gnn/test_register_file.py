"""Registers as software sees them: the map, what can be written, and answers."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.sim import Simulator

from gatewright.hw.gnn.faults import Fault
from gatewright.hw.gnn.records import VERSION
from gatewright.hw.gnn.register_file import RegisterFile, RegisterFileParameters
from gatewright.hw.gnn.registers import (
    ADDRESS_BITS,
    CONTROL_RESET,
    CONTROL_START,
    IDENTITY,
    REGISTERS,
    STATUS_DONE,
    Counter,
    register,
)

DIGEST = 0x89ABCDEF
SLVERR = 2


class Software:
    """Reads and writes registers; counts pulses."""

    def __init__(self) -> None:
        self.unit = RegisterFile(RegisterFileParameters(DIGEST))
        self.pulses = dict.fromkeys(("start", "reset", "forget_done"), 0)

    def run(self, script: Any) -> None:
        simulator = Simulator(self.unit)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._watch, background=True)
        simulator.add_testbench(script)
        simulator.run()

    async def _watch(self, ctx: Any) -> None:
        # The counters, as their unit tells them: a cycle after the number.
        while True:
            *_, number = await ctx.tick().sample(self.unit.counter)
            ctx.set(self.unit.count, 1000 + number)
            for name in self.pulses:
                self.pulses[name] += ctx.get(getattr(self.unit, name))

    async def write(
        self, ctx: Any, address: int, word: int, late: int = 0, strobe: int = 15
    ) -> int:
        bus = self.unit.bus
        first, second = (bus.awvalid, bus.wvalid) if late >= 0 else (bus.wvalid, bus.awvalid)
        for port, value in ((bus.awaddr, address), (bus.wdata, word), (bus.wstrb, strobe)):
            ctx.set(port, value)
        ctx.set(first, 1)
        for _ in range(abs(late)):
            *_, ready = await ctx.tick().sample(bus.awready)
            assert not ready
        ctx.set(second, 1)
        await ctx.tick().until(bus.awready & bus.wready)
        ctx.set(bus.awvalid, 0)
        ctx.set(bus.wvalid, 0)
        await ctx.tick()
        assert ctx.get(bus.bvalid)
        ctx.set(bus.bready, 1)
        answer: int = ctx.get(bus.bresp)
        await ctx.tick()
        ctx.set(bus.bready, 0)
        assert not ctx.get(bus.bvalid)
        return answer

    async def read(self, ctx: Any, address: int) -> tuple[int, int]:
        bus = self.unit.bus
        ctx.set(bus.araddr, address)
        ctx.set(bus.arvalid, 1)
        await ctx.tick().until(bus.arready)
        ctx.set(bus.arvalid, 0)
        while not ctx.get(bus.rvalid):
            await ctx.tick()
        await ctx.tick().repeat(2)
        ctx.set(bus.rready, 1)
        told = ctx.get(bus.rdata), ctx.get(bus.rresp)
        await ctx.tick()
        ctx.set(bus.rready, 0)
        assert not ctx.get(bus.rvalid)
        return told


def test_the_map_has_no_overlap() -> None:
    offsets = [each.offset for each in REGISTERS]
    assert len(set(offsets)) == len(offsets) and len({each.name for each in REGISTERS}) == len(
        offsets
    )
    assert all(offset % 4 == 0 and offset < 1 << ADDRESS_BITS for offset in offsets)
    assert all(each.meaning for each in REGISTERS)


def test_every_register_is_read() -> None:
    software = Software()
    expected = {
        "ID": IDENTITY, "VERSION": VERSION, "PARAMETERS": DIGEST, "CONTROL": 0, "STATUS": 5,
        "IMAGE_LOW": 0x76543200, "IMAGE_HIGH": 0xAB, "PASS_BLOCK": 17, "PASSES": 3,
        "ERROR": Fault.SLOT.value | 9 << 8, "ERROR_PC": 321, "ERROR_ADDRESS_LOW": 0xFEDCBA98,
        "ERROR_ADDRESS_HIGH": 0x42, **{each.name: 1000 + each.value for each in Counter},
    }  # fmt: skip

    async def script(ctx: Any) -> None:
        unit = software.unit
        ctx.set(unit.status, 5)
        fault = {"code": Fault.SLOT, "thread": 9, "pc": 321, "address": 0x42FEDCBA98}
        ctx.set(unit.fault, fault)
        for name, word in (
            ("IMAGE_LOW", 0x7654321F), ("IMAGE_HIGH", 0x123456AB), ("PASS_BLOCK", 17),
            ("PASSES", 3),
        ):  # fmt: skip
            assert await software.write(ctx, register(name).offset, word, len(name) % 5 - 2) == 0
        found = {}
        for each in REGISTERS:
            found[each.name], answer = await software.read(ctx, each.offset)
            assert answer == 0, each
        assert found == expected
        assert ctx.get(unit.image) == 0xAB76543200

    software.run(script)


def test_pulses() -> None:
    software = Software()

    async def script(ctx: Any) -> None:
        control, status = register("CONTROL").offset, register("STATUS").offset
        await software.write(ctx, control, 1 << CONTROL_START)
        await software.write(ctx, control, 0)
        await software.write(ctx, control, 1 << CONTROL_START, strobe=1)
        assert software.pulses == {"start": 1, "reset": 0, "forget_done": 0}
        await software.write(ctx, control, 1 << CONTROL_RESET)
        await software.write(ctx, status, 1 << STATUS_DONE)
        await ctx.tick()
        assert software.pulses == {"start": 1, "reset": 1, "forget_done": 1}

    software.run(script)


def test_addresses_without_a_register_are_refused() -> None:
    software = Software()
    known = {each.offset for each in REGISTERS}
    unknown = sorted(set(range(0, 1 << ADDRESS_BITS, 4)) - known)

    async def script(ctx: Any) -> None:
        for address in unknown:
            assert await software.read(ctx, address) == (0, SLVERR)
            assert await software.write(ctx, address, 1) == SLVERR
        for each in REGISTERS:
            if not each.writable:
                assert await software.write(ctx, each.offset, 1) == SLVERR

    software.run(script)


@pytest.mark.parametrize("digest", [-1, 1 << 32])
def test_a_digest_of_other_than_32_bits_is_refused(digest: int) -> None:
    with pytest.raises(ValueError, match=r"digest must be in 0\.\.4294967295, not"):
        RegisterFileParameters(digest)

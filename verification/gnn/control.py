"""The registers of an engine on its AXI4-Lite bus."""

from __future__ import annotations

from typing import Any

from ...generators.gnn.formats import CONTROL_RESET, CONTROL_START, register
from ..bench import Bench
from .memory import OKAY

__all__ = ["Control"]

_ARRIVAL = {"aw": "address first", "w": "data first", "": "together"}

_PATIENCE = 200
"""Cycles in which a register must answer."""


class Control:
    """Reads and writes registers by name; pauses at random before it takes answers."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.taken_at = 0
        """Cycle in which the last write was taken."""

    def _port(self, name: str) -> Any:
        return getattr(self._bench.dut, f"control__{name}")

    async def _until(self, *names: str) -> None:
        """Wait until each of some channels has moved, and lower its valid or ready."""
        left = set(names)
        for _ in range(_PATIENCE):
            await self._bench.step()
            for channel in sorted(left):
                if self._port(f"{channel}valid").value and self._port(f"{channel}ready").value:
                    left.discard(channel)
                    mine = "ready" if channel == "b" else "valid"
                    self._port(f"{channel}{mine}").value = 0
                    if channel == "w":
                        self._leave_data()
            if not left:
                return
        self._bench.check("registers answer", True, False, channels=sorted(left))

    def _offer(self, channel: str, value: int) -> None:
        if channel == "w":
            self._port("wdata").value = value
            self._port("wstrb").value = 15
        self._port(f"{channel}valid").value = 1

    def _leave_data(self) -> None:
        """Put any data on the bus that nobody says are valid."""
        for name, bits in (("wdata", 32), ("wstrb", 4)):
            self._port(name).value = self._bench.rng.getrandbits(bits)

    async def write(self, name: str, value: int) -> None:
        """Write a register; address and data come in either order."""
        early = self._bench.rng.choice(tuple(_ARRIVAL))
        self._bench.coverage.hit("register write", _ARRIVAL[early])
        self._port("awaddr").value = register(name).offset
        if early:
            self._offer(early, value)
            await self._bench.step(self._bench.rng.randrange(3))
        for channel in ("aw", "w"):
            if channel != early:
                self._offer(channel, value)
        await self._until("aw", "w")
        self.taken_at = self._bench.cycle
        await self._bench.step(self._bench.rng.randrange(3))
        self._port("bready").value = 1
        await self._until("b")

    async def read(self, name: str) -> int:
        """Return what a register holds."""
        value, answer = await self.fetch(register(name).offset)
        self._bench.check("answer of a register", OKAY, answer, register=name)
        return value

    async def fetch(self, address: int) -> tuple[int, int]:
        """Return what is at an address, and the bus' answer."""
        self._port("araddr").value = address
        self._port("arvalid").value = 1
        await self._until("ar")
        self._port("rready").value = 1
        for _ in range(_PATIENCE):
            await self._bench.step()
            if self._port("rvalid").value:
                found = int(self._port("rdata").value), int(self._port("rresp").value)
                self._port("rready").value = 0
                return found
        self._bench.check("registers answer", True, False, address=hex(address))
        return 0, OKAY

    async def start(self, base: int, pass_block: int, passes: int) -> None:
        """Start a run of an image."""
        await self.write("IMAGE_LOW", base & 0xFFFFFFFF)
        await self.write("IMAGE_HIGH", base >> 32)
        await self.write("PASS_BLOCK", pass_block)
        await self.write("PASSES", passes)
        await self.write("CONTROL", 1 << CONTROL_START)

    async def reset(self) -> None:
        """Bring the engine to rest."""
        await self.write("CONTROL", 1 << CONTROL_RESET)

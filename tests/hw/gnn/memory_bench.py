"""A memory behind the read and write channels of a unit, in Amaranth's simulator."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewright.hw.gnn.axi import BOUNDARY, LONGEST_BURST


@dataclass
class MemoryBench:
    """Bytes with a latency and pauses.

    Attributes
    ----------
    unit
        With the channels as members.
    data
        Bytes from address 0.
    latency, pause
        Cycles to an answer, at most; probability that a channel pauses.
    errors
        Responses by the address of a beat.
    bursts
        Addresses and beats of reads and of writes, in their order.
    most
        Most read bursts that were on the way at a time.
    """

    unit: Any
    data: bytearray
    rng: np.random.Generator
    latency: int = 5
    pause: float = 0.0
    errors: dict[int, int] = field(default_factory=dict)
    bursts: list[tuple[int, int]] = field(default_factory=list)
    most: int = 0
    beats: list[int] = field(default_factory=list)
    """Cycles in which beats were read."""

    @property
    def bus(self) -> int:
        data = self.unit.rdata if hasattr(self.unit, "rdata") else self.unit.wdata
        return len(data) // 8

    def _go(self) -> bool:
        return bool(self.rng.random() >= self.pause)

    def _burst(self, address: int, length: int, size: int, kind: int) -> tuple[int, int]:
        assert 1 << size == self.bus and kind == 1 and address % self.bus == 0
        assert length < LONGEST_BURST
        assert address // BOUNDARY == (address + (length + 1) * self.bus - 1) // BOUNDARY
        self.bursts.append((address, length + 1))
        return address, length + 1

    async def reads(self, ctx: Any) -> None:
        """Answer reads for ever."""
        unit, bus = self.unit, self.bus
        queue: deque[tuple[int, int, int]] = deque()
        cycle = number = 0
        shown = False
        while True:
            ctx.set(unit.arready, self._go())
            if not shown and queue and queue[0][2] <= cycle and self._go():
                address, beats, _ = queue[0]
                at = address + number * bus
                ctx.set(unit.rdata, int.from_bytes(self.data[at : at + bus], "little"))
                ctx.set(unit.rresp, self.errors.get(at, 0))
                ctx.set(unit.rlast, number + 1 == beats)
                shown = True
            ctx.set(unit.rvalid, shown)
            names = ("arvalid", "arready", "araddr", "arlen", "arsize", "arburst", "rready")
            *_, valid, ready, address, length, size, kind, take = await ctx.tick().sample(
                *(getattr(unit, name) for name in names)
            )
            if shown and take:
                shown = False
                self.beats.append(cycle)
                number += 1
                if number == queue[0][1]:
                    number = 0
                    queue.popleft()
            if valid and ready:
                due = cycle + int(self.rng.integers(1, self.latency + 1))
                queue.append((*self._burst(address, length, size, kind), due))
                self.most = max(self.most, len(queue))
            cycle += 1

    async def writes(self, ctx: Any) -> None:
        """Take writes for ever."""
        unit, bus = self.unit, self.bus
        queue: deque[tuple[int, int]] = deque()
        answers: deque[tuple[int, int]] = deque()
        cycle = number = response = 0
        shown = False
        while True:
            ctx.set(unit.awready, self._go())
            ctx.set(unit.wready, bool(queue) and self._go())
            if not shown and answers and answers[0][0] <= cycle and self._go():
                ctx.set(unit.bresp, answers.popleft()[1])
                shown = True
            ctx.set(unit.bvalid, shown)
            names = (
                "awvalid", "awready", "awaddr", "awlen", "awsize", "awburst", "wvalid", "wready",
                "wdata", "wstrb", "wlast", "bready",
            )  # fmt: skip
            sampled = await ctx.tick().sample(*(getattr(unit, name) for name in names))
            now = dict(zip(names, sampled[-len(names) :], strict=True))
            if shown and now["bready"]:
                shown = False
            if now["wvalid"] and now["wready"]:
                address, beats = queue[0]
                at = address + number * bus
                assert now["wstrb"] == (1 << bus) - 1
                self.data[at : at + bus] = now["wdata"].to_bytes(bus, "little")
                response = max(response, self.errors.get(at, 0))
                number += 1
                assert now["wlast"] == (number == beats)
                if number == beats:
                    answers.append(
                        (cycle + int(self.rng.integers(1, self.latency + 1)), response)
                    )
                    queue.popleft()
                    number = response = 0
            if now["awvalid"] and now["awready"]:
                queue.append(
                    self._burst(now["awaddr"], now["awlen"], now["awsize"], now["awburst"])
                )
            cycle += 1


async def send(ctx: Any, port: Any, payload: dict[str, Any]) -> None:
    """Give a payload to a stream."""
    ctx.set(port.payload, payload)
    ctx.set(port.valid, 1)
    await ctx.tick().until(port.ready)
    ctx.set(port.valid, 0)

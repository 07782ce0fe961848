"""Random traffic through a unit with a stream ``i`` and a stream ``o`` of 16 bits."""

from __future__ import annotations

import random
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from gatewright.hw.unit import Unit

__all__ = ["simulate", "transfer"]

Moved = tuple[int, int]
"""The cycle in which a payload moved, and the payload."""


def simulate(dut: Unit, bench: Any) -> None:
    m = Module()
    m.submodules.dut = dut
    m.d.sync += Signal().eq(1)  # the clock domain is there without a register too
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def transfer(
    dut: Any, capacity: int, idle: float, back_pressure: float, *, seed: str, cycles: int = 300
) -> tuple[list[Moved], list[Moved]]:
    """Return what went in and what came out; check the stream rules, and what may be inside."""
    rng = random.Random(f"{seed} {idle} {back_pressure}")
    sent: list[Moved] = []
    received: list[Moved] = []

    async def bench(ctx: Any) -> None:
        held = None
        for cycle in range(cycles):
            # A source keeps its payload until it is taken.
            if not ctx.get(dut.i.valid) and rng.random() >= idle:
                ctx.set(dut.i.valid, 1)
                ctx.set(dut.i.payload, rng.randrange(1 << 16))
            ctx.set(dut.o.ready, int(rng.random() >= back_pressure))
            offered = ctx.get(dut.o.payload) if ctx.get(dut.o.valid) else None
            assert held is None or offered == held, "an offered payload was withdrawn"
            held = offered if not ctx.get(dut.o.ready) else None
            taken = ctx.get(dut.i.valid) and ctx.get(dut.i.ready)
            if taken:
                sent.append((cycle, ctx.get(dut.i.payload)))
            if offered is not None and ctx.get(dut.o.ready):
                received.append((cycle, offered))
            assert 0 <= len(sent) - len(received) <= capacity
            await ctx.tick()
            if taken:
                ctx.set(dut.i.valid, 0)

    simulate(dut, bench)
    return sent, received

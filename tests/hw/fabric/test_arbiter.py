"""PriorityArbiter: nothing lost, each stream in order, the most urgent first, in any traffic."""

from __future__ import annotations

import random

import pytest
from amaranth.sim import Simulator

from gatewright.hw.fabric.arbiter import PriorityArbiter, PriorityArbiterParameters

WIDTH = 16


@pytest.mark.parametrize("back_pressure", [0, 0.5])
@pytest.mark.parametrize("ports", [2, 3, 5])
def test_any_traffic(ports, back_pressure):
    dut = PriorityArbiter(PriorityArbiterParameters(WIDTH, ports))
    rng = random.Random(f"{ports} {back_pressure}")
    sent: list[list[int]] = [[] for _ in range(ports)]
    received: list[list[int]] = [[] for _ in range(ports)]

    async def bench(ctx):
        held = None
        for _ in range(400):
            for port in dut.i:
                if not ctx.get(port.valid) and rng.random() < 0.3:
                    ctx.set(port.valid, 1)
                    ctx.set(port.payload, rng.randrange(1 << WIDTH))
            first = rng.randrange(ports)
            ctx.set(dut.first, first)
            ctx.set(dut.o.ready, int(rng.random() >= back_pressure))
            offering = [n for n in range(ports) if ctx.get(dut.i[n].valid)]
            taken = [n for n in offering if ctx.get(dut.i[n].ready)]
            assert ctx.get(dut.o.valid) == bool(offering)
            if held is not None:
                due = held
            elif offering:
                due = min(offering, key=lambda n: (n - first) % ports)
            held = None
            if offering:
                assert ctx.get(dut.chosen) == due
                assert ctx.get(dut.o.payload) == ctx.get(dut.i[due].payload)
                if ctx.get(dut.o.ready):
                    assert taken == [due]
                    sent[due].append(ctx.get(dut.i[due].payload))
                    received[ctx.get(dut.chosen)].append(ctx.get(dut.o.payload))
                else:
                    assert taken == []
                    held = due
            await ctx.tick()
            for number in taken:
                ctx.set(dut.i[number].valid, 0)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert received == sent
    assert all(len(one) > 20 for one in received)


@pytest.mark.parametrize("ports", [0, 1])
def test_one_stream_needs_no_arbiter(ports):
    with pytest.raises(ValueError, match="ports must be at least 2"):
        PriorityArbiterParameters(WIDTH, ports)

"""StreamFIFO: order, stream rules and throughput under any stalls, and a bounded proof."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data
from amaranth.sim import Simulator

from gatewright.hw.fabric.fifo import StreamFIFO, StreamFIFOParameters
from gatewright.tests.hw.formal import Claim, prove

DEPTHS = [1, 2, 3, 4, 5, 8]


def transfer(depth: int, idle: float, back_pressure: float, cycles: int = 300) -> tuple[int, int]:
    """Run random traffic; return how many payloads went in and came out."""
    dut = StreamFIFO(StreamFIFOParameters(16, depth))
    rng = random.Random(f"{depth} {idle} {back_pressure}")
    sent: list[int] = []
    received: list[int] = []

    async def bench(ctx):
        held = None
        for _ in range(cycles):
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
                sent.append(ctx.get(dut.i.payload))
            if offered is not None and ctx.get(dut.o.ready):
                received.append(offered)
            assert 0 <= len(sent) - len(received) <= depth
            await ctx.tick()
            if taken:
                ctx.set(dut.i.valid, 0)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert received == sent[: len(received)]
    return len(sent), len(received)


@pytest.mark.parametrize("back_pressure", [0, 0.25, 0.75])
@pytest.mark.parametrize("idle", [0, 0.25, 0.75])
@pytest.mark.parametrize("depth", DEPTHS)
def test_stall_matrix(depth, idle, back_pressure):
    sent, received = transfer(depth, idle, back_pressure)
    assert received > 40
    if idle == back_pressure == 0:
        assert (sent, received) == (300, 299)


@pytest.mark.parametrize("depth", DEPTHS)
def test_capacity_and_paths(depth):
    dut = StreamFIFO(StreamFIFOParameters(data.StructLayout({"a": 3, "b": 5}), depth))

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        for count in range(depth):
            assert ctx.get(dut.i.ready) == 1
            ctx.set(dut.i.payload, {"a": 2, "b": count})
            assert ctx.get(dut.o.valid) == (count > 0), "o.valid depends on i.valid"
            await ctx.tick()
        assert ctx.get(dut.i.ready) == 0
        ctx.set(dut.o.ready, 1)
        assert ctx.get(dut.i.ready) == (depth == 1)
        ctx.set(dut.i.valid, 0)
        for count in range(depth):
            assert ctx.get(dut.o.valid) == 1
            assert (ctx.get(dut.o.payload.a), ctx.get(dut.o.payload.b)) == (2, count)
            await ctx.tick()
        assert ctx.get(dut.o.valid) == 0

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_equals_a_shift_register_for_every_input(depth):
    """For 2 * depth + 4 cycles after reset, whatever arrives and leaves."""
    claim = Claim()
    m: Module = claim.m
    m.submodules.dut = dut = StreamFIFO(StreamFIFOParameters(2, depth))
    m.d.comb += [
        dut.i.valid.eq(claim.free(1, "i_valid")),
        dut.i.payload.eq(claim.free(2, "i_payload")),
        dut.o.ready.eq(claim.free(1, "o_ready")),
    ]
    entries = [Signal(2, name=f"entry_{index}") for index in range(depth)]
    count = Signal(range(depth + 1))
    push, pop = dut.i.valid & dut.i.ready, dut.o.valid & dut.o.ready
    after_pop = Signal(range(depth + 1))
    m.d.comb += after_pop.eq(count - pop)
    m.d.sync += count.eq(after_pop + push)
    with m.If(pop):
        m.d.sync += Cat(entries).eq(Cat(entries[1:]))
    for index, entry in enumerate(entries):
        with m.If(push & (after_pop == index)):
            m.d.sync += entry.eq(dut.i.payload)
    room = count != depth
    claim.conditions += [
        dut.o.valid == (count != 0),
        ~dut.o.valid | (dut.o.payload == entries[0]),
        dut.i.ready == ((room | dut.o.ready) if depth == 1 else room),
    ]
    prove(claim, f"-seq {2 * depth + 4} -set-init-zero -set rst 0")


def test_the_proof_sees_a_queue_fill_up():
    """The wrong claim that depth 3 is always ready fails, and no earlier than it should."""
    def claim() -> Claim:
        claim = Claim()
        claim.m.submodules.dut = dut = StreamFIFO(StreamFIFOParameters(1, 3))
        claim.m.d.comb += dut.i.valid.eq(claim.free(1, "i_valid"))
        claim.conditions.append(dut.i.ready)
        return claim

    prove(claim(), "-seq 3 -set-init-zero -set rst 0")
    with pytest.raises(AssertionError):
        prove(claim(), "-seq 4 -set-init-zero -set rst 0")


@pytest.mark.parametrize("depth", [0, -1])
def test_depth_refused(depth):
    with pytest.raises(
        ValueError, match=rf"^StreamFIFOParameters\.depth must be at least 1, not {depth}$"
    ):
        StreamFIFOParameters(8, depth)

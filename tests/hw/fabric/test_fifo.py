"""StreamFIFO: order, stream rules and throughput under any stalls, and a bounded proof."""

from __future__ import annotations

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data

from gatewright.hw.fabric.fifo import StreamFIFO, StreamFIFOParameters
from gatewright.tests.hw.formal import Claim, prove

from .traffic import simulate, transfer

DEPTHS = [1, 2, 3, 4, 5, 8]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("back_pressure", [0, 0.25, 0.75])
@pytest.mark.parametrize("idle", [0, 0.25, 0.75])
@pytest.mark.parametrize("depth", DEPTHS)
def test_stall_matrix(depth, idle, back_pressure):
    dut = StreamFIFO(StreamFIFOParameters(16, depth))
    sent, received = transfer(dut, depth, idle, back_pressure, seed=str(depth))
    assert len(received) > 40
    came = [payload for _, payload in received]
    assert came == [payload for _, payload in sent][: len(came)]
    if idle == back_pressure == 0:
        assert (len(sent), len(received)) == (300, 299)


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

    simulate(dut, bench)


@pytest.mark.one_in(2)
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

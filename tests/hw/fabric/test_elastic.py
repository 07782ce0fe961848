"""ElasticPipeline: order, stream rules and throughput under any stalls."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from gatewright.generators.emission import emit
from gatewright.hw.fabric.elastic import ElasticPipeline
from gatewright.hw.unit import Unit


@dataclass(frozen=True)
class RanksParameters:
    wanted: tuple[bool, ...]


class Ranks(Unit):
    """Add 1 before each cut, whether it is a rank of registers or wires."""

    def __init__(self, p: RanksParameters) -> None:
        super().__init__(p, {"i": In(stream.Signature(16)), "o": Out(stream.Signature(16))})
        self.ranks = 0

    def body(self) -> Module:
        m = Module()
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        value = self.i.payload
        for index, wanted in enumerate(self.p.wanted):
            value = pipe.cut(f"rank_{index}", wanted=wanted, sum=(value + 1)[:16]).sum
        pipe.finish(valid=self.o.valid, ready=self.o.ready)
        m.d.comb += self.o.payload.eq(value)
        self.ranks = pipe.ranks
        return m


SHAPES = [(), (False,), (True,), (True, True), (True, False, True, True), (True,) * 7]


def simulate(dut: Ranks, bench) -> None:
    m = Module()
    m.submodules.dut = dut
    m.d.sync += Signal().eq(1)  # the clock domain is there without a rank too
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def transfer(
    wanted: tuple[bool, ...], idle: float, back_pressure: float, cycles: int = 300
) -> tuple[int, list[int]]:
    """Run random traffic; return how many went in, and the latency of those that left."""
    dut = Ranks(RanksParameters(wanted))
    rng = random.Random(f"{wanted} {idle} {back_pressure}")
    sent: list[tuple[int, int]] = []
    latencies: list[int] = []

    async def bench(ctx):
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
                began, payload = sent[len(latencies)]
                assert offered == (payload + len(wanted)) % (1 << 16)
                latencies.append(cycle - began)
            assert 0 <= len(sent) - len(latencies) <= sum(wanted)
            await ctx.tick()
            if taken:
                ctx.set(dut.i.valid, 0)

    simulate(dut, bench)
    assert dut.ranks == sum(wanted)
    return len(sent), latencies


@pytest.mark.parametrize("back_pressure", [0, 0.25, 0.75])
@pytest.mark.parametrize("idle", [0, 0.25, 0.75])
@pytest.mark.parametrize("wanted", SHAPES)
def test_stall_matrix(wanted, idle, back_pressure):
    sent, latencies = transfer(wanted, idle, back_pressure)
    assert len(latencies) > 25
    if not back_pressure:
        assert set(latencies) == {sum(wanted)}
    if idle == back_pressure == 0:
        assert (sent, len(latencies)) == (300, 300 - sum(wanted))


def test_bubbles_close_up():
    dut = Ranks(RanksParameters((True, True, True)))

    async def bench(ctx):
        taken = 0
        for cycle in range(9):
            ctx.set(dut.i.valid, int(cycle % 2 == 0))
            taken += ctx.get(dut.i.valid) and ctx.get(dut.i.ready)
            await ctx.tick()
        assert taken == 3, "every rank holds a payload, though they came with gaps"

    simulate(dut, bench)


def test_every_rank_has_an_enable_of_its_own():
    text = emit(Ranks(RanksParameters((True, True)))).verilog
    assert "if (i__ready) rank_0_sum <=" in text
    assert "if (rank_0_ready) o__payload <=" in text

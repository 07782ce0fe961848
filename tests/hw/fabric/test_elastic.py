"""ElasticPipeline: order, stream rules and throughput under any stalls."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from gatewright.generators.emission import emit
from gatewright.hw.fabric.elastic import ElasticPipeline
from gatewright.hw.unit import Unit

from .traffic import simulate, transfer


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


@pytest.mark.one_in(5)
@pytest.mark.parametrize("back_pressure", [0, 0.25, 0.75])
@pytest.mark.parametrize("idle", [0, 0.25, 0.75])
@pytest.mark.parametrize("wanted", SHAPES)
def test_stall_matrix(wanted, idle, back_pressure):
    dut, ranks = Ranks(RanksParameters(wanted)), sum(wanted)
    sent, received = transfer(dut, ranks, idle, back_pressure, seed=str(wanted))
    assert dut.ranks == ranks
    assert len(received) > 25
    due = [(payload + len(wanted)) % (1 << 16) for _, payload in sent]
    assert [payload for _, payload in received] == due[: len(received)]
    if not back_pressure:
        pairs = zip(sent, received, strict=False)
        assert {last - first for (first, _), (last, _) in pairs} == {ranks}
    if idle == back_pressure == 0:
        assert (len(sent), len(received)) == (300, 300 - ranks)


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

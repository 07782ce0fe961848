from __future__ import annotations

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from gatewright.hw.fabric.pipeline import Pipeline


@pytest.mark.parametrize("cuts", [(), ("first",), ("second",), ("first", "second")])
def test_registers_stand_at_the_chosen_cuts(cuts):
    m = Module()
    valid, number, result_valid, result = Signal(), Signal(4), Signal(), Signal(4)
    cut = Pipeline(m, cuts)
    at = cut("first", valid=valid, number=number)
    at = cut("second", valid=at.valid, number=at.number)
    m.d.comb += [result_valid.eq(at.valid), result.eq(at.number)]
    m.d.sync += Signal().eq(1)
    seen = []

    async def bench(ctx):
        for cycle in range(8):
            ctx.set(valid, cycle % 2)
            ctx.set(number, cycle)
            seen.append((ctx.get(result_valid), ctx.get(result)))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    delay = len(cuts)
    assert seen[delay:] == [(cycle % 2, cycle) for cycle in range(8 - delay)]

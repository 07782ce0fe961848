"""Stages without a bubble; and all lanes loaded after their last use and before their next."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from amaranth.sim import Simulator

from gatewright.hw.salo.sequencer import LOAD_LATENCY, Sequencer
from gatewright.hw.salo.stages import Stage
from gatewright.tests.hw.salo.engine_bench import engine_parameters

P = engine_parameters(4, 1, 0, reads=2, head=9)
LOADS = P.loads


@dataclass
class Trace:
    """What the sequencer does in each cycle, and at which tiles begin."""

    stages: list[Stage] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)


def trace(dk: int, dv: int, tiles: int, patience: float, seed: int) -> Trace:
    """``patience`` is how likely a tile is ready in a cycle."""
    sequencer, seen, rng = Sequencer(P), Trace(), random.Random(seed)

    async def bench(ctx: Any) -> None:
        ctx.set(sequencer.dk, dk)
        ctx.set(sequencer.dv, dv)
        cycle, left = 0, 3 * (dk + dv + 2)
        while left:
            ctx.set(sequencer.ready, len(seen.taken) < tiles and rng.random() < patience)
            for name in ("stage", "turn", "busy"):
                getattr(seen, f"{name}s" if name != "busy" else name).append(
                    ctx.get(getattr(sequencer, name))
                )
            seen.keys.append(ctx.get(sequencer.write_keys))
            seen.values.append(ctx.get(sequencer.write_values))
            if ctx.get(sequencer.settle):
                seen.settled.append(cycle)
            if ctx.get(sequencer.take):
                seen.taken.append(cycle)
            if len(seen.taken) == tiles:
                left -= 1
            cycle += 1
            await ctx.tick()

    simulator = Simulator(sequencer)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


HEADS = [(LOADS, LOADS), (LOADS, 9), (9, LOADS), (7, 6)]


@pytest.mark.parametrize(("dk", "dv"), HEADS)
@pytest.mark.parametrize("patience", [1.0, 0.3, 0.04])
def test_stages_and_loads(dk: int, dv: int, patience: float) -> None:
    tiles, length = 6, dk + dv + 2
    seen = trace(dk, dv, tiles, patience, dk)
    firsts = [cycle for cycle, stage in enumerate(seen.stages) if stage == Stage.FIRST]
    one = [Stage.FIRST, *[Stage.SCORE] * (dk - 1), Stage.EXP, Stage.SUM, *[Stage.VALUE] * dv]
    expected = [Stage.IDLE] * len(seen.stages)
    for first in firsts:
        expected[first : first + length] = one
    assert seen.stages == expected and len(firsts) == tiles
    assert seen.settled == [first - 1 for first in firsts]
    gaps = [b - a for a, b in itertools.pairwise(firsts)]
    assert min(gaps) == length if patience == 1.0 else min(gaps) >= length
    if patience == 1.0:
        assert max(gaps) == length
    # A tile begins one cycle after it was taken, and after dv + 2 cycles its first stage.
    assert firsts == [taken + 1 + dv + 2 + LOAD_LATENCY for taken in seen.taken]
    assert not any(seen.busy[: seen.taken[0] + 1]) and not seen.busy[-1]
    for taken, first in zip(seen.taken, firsts, strict=True):
        assert all(seen.busy[taken + 1 : first + length])
    for writes, use, last_use in (
        (seen.keys, 0, dk - 1), (seen.values, dk + 2, dk + 2 + dv - 1)
    ):  # fmt: skip
        cycles = [cycle for cycle, lanes in enumerate(writes) if lanes]
        assert [writes[cycle] for cycle in cycles] == [1 << n for n in range(LOADS)] * tiles
        assert all(seen.turns[cycle - LOAD_LATENCY] == writes[cycle].bit_length() - 1
                   for cycle in cycles)  # fmt: skip
        for number, first in enumerate(firsts):
            mine = cycles[number * LOADS : (number + 1) * LOADS]
            assert mine[-1] < first + use
            if number:
                assert mine[0] >= firsts[number - 1] + last_use

"""The controller against the rules of its docstring, in random surroundings."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from amaranth.sim import Simulator

from gatewright.hw.flint.controller import Controller
from gatewright.hw.flint.datapath import PlainDatapath
from gatewright.hw.flint.parameters import ArrayParameters
from gatewright.hw.flint.types import OperandFormats, TypeKind

INT = OperandFormats.of([TypeKind.INT], 4)
BASE = ArrayParameters(
    datapath=PlainDatapath(INT, INT), rows=3, cols=2, share=2, max_depth=9, accumulator_bits=12,
    bias_bits=5, result_formats=None, multiplier_bits=8, requantizer_stages=2, result_depth=2,
)  # fmt: skip
CASES = {
    "two row groups": BASE,
    "one row": replace(BASE, rows=1, share=1, result_depth=1),
    "many groups": replace(BASE, rows=7, share=1, cols=5, result_depth=9),
    "codes, no bias": replace(BASE, bias_bits=0, result_formats=INT),
    "codes": replace(BASE, result_formats=INT, rows=4, result_depth=3),
}


def run(p: ArrayParameters, depths: list[int], pace: float, seed: int) -> list[dict[str, Any]]:
    """Return what happened in each cycle; each input is there with probability ``pace``."""
    rng = random.Random(seed)
    controller = Controller(p)
    trace: list[dict[str, Any]] = []

    async def surroundings(ctx: Any) -> None:
        tiles, waiting = deque(depths), 0
        done: dict[str, deque[int]] = {"bias": deque(), "scale": deque()}
        offered = {"tile": False, "bias": False, "scale": False}
        for cycle in range(4000):
            for name in offered:
                offered[name] = offered[name] or rng.random() < pace
            ctx.set(controller.tile.valid, bool(tiles) and offered["tile"])
            if tiles:
                ctx.set(controller.tile.payload.depth, tiles[0])
                ctx.set(controller.tile.payload.activation.signed, 1)
                if p.result_formats is not None:
                    ctx.set(controller.tile.payload.result.signed, 1)
            ctx.set(controller.operands_valid, rng.random() < pace)
            popped = waiting > 0 and rng.random() < pace
            ctx.set(controller.popped, popped)
            finished = {name: bool(at) and at[0] == cycle for name, at in done.items()}
            for name, there in (("bias", p.bias_bits), ("scale", p.result_formats)):
                if there:
                    ctx.set(getattr(controller, f"{name}_valid"), offered[name])
                    ctx.set(getattr(controller, f"{name}_done"), finished[name])
            command = {name: ctx.get(controller.command[name]) for name in ("emit", "load", "last")}
            command["drain"] = ctx.get(controller.drain)
            if p.offset_bits:
                command["offsets"] = ctx.get(controller.command.offsets)
            beat = {"feed": ctx.get(controller.feed), "taken": ctx.get(controller.tile.ready)}
            trace.append({
                **command, **beat, "operands": ctx.get(controller.operands_valid),
                "tile": ctx.get(controller.tile.valid), "popped": popped,
                "error": ctx.get(controller.error), "bias": offered["bias"],
            })  # fmt: skip
            if command["drain"] and command["last"]:
                if command["load"] and p.bias_bits:
                    done["bias"].append(cycle + p.col_groups)
                if command["emit"]:
                    done["scale"].append(cycle + p.col_groups + 1)
            for name, ended in finished.items():
                if ended:
                    done[name].popleft()
                    offered[name] = False
            if beat["taken"] and trace[-1]["tile"]:
                tiles.popleft()
                offered["tile"] = False
            waiting += (command["drain"] and command["emit"]) - popped
            if not tiles and not waiting and not trace[-1]["drain"] and cycle % 64 == 63:
                return
            await ctx.tick()
        raise AssertionError("the controller must come to an end")

    simulator = Simulator(controller)
    simulator.add_clock(1e-6)
    simulator.add_testbench(surroundings)
    simulator.run()
    return trace


@pytest.mark.one_in(8)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("pace", [1.0, 0.7, 0.25])
def test_rules(case: str, pace: float) -> None:
    p = CASES[case]
    rng = random.Random(case)
    depths = [rng.choice([0, 1, 2, 5, 9]) for _ in range(20)]
    trace = run(p, depths, pace, seed=7)
    tiles, fed, waiting, offsets = iter(depths), 0, 0, 0
    loaded, drained, load, since = False, 0, False, None
    finished: list[int] = []
    for cycle, now in enumerate(trace):
        if p.offset_bits:
            assert now["offsets"] == offsets
            offsets = (offsets + (not now["drain"])) % (1 << p.offset_bits)
        assert not (now["feed"] and now["drain"])
        if now["feed"]:
            assert now["operands"] and now["tile"], "a beat must be there"
            assert loaded, "biases must be loaded before the first beat"
            fed += 1
        if now["taken"] and now["tile"]:
            assert fed == next(tiles), "a tile must take as many beats as it says"
            fed, loaded, since = 0, False, cycle
        if now["drain"]:
            if drained == 0:
                load = bool(now["load"])
                if now["emit"]:
                    assert since is not None and cycle - since >= p.row_groups
            assert bool(now["load"]) == load, "a drain must load in all of its steps or in none"
            drained += 1
            assert bool(now["last"]) == (drained == p.rows)
            if drained == p.rows:
                drained, loaded = 0, load
                if now["emit"]:
                    finished.append(cycle)
                    since = None
        waiting += (now["drain"] and now["emit"]) - now["popped"]
        assert 0 <= waiting <= p.result_depth, "no row may be drained without a place for it"
        assert not now["error"]
    assert len(finished) == len(depths)


def test_cycles_without_stalls() -> None:
    p = replace(BASE, rows=5, share=2, result_depth=5)
    depths = [9, 8, 9, 9, 7]
    trace = run(p, depths, 1.0, seed=0)
    taken = [cycle for cycle, now in enumerate(trace) if now["taken"] and now["tile"]]
    gaps = [later - earlier for earlier, later in pairwise(taken)]
    assert gaps == [depth + p.rows + p.row_groups - 1 for depth in depths[1:]]


def test_a_depth_above_the_largest_is_an_error() -> None:
    trace = run(BASE, [9, 10, 3], 1.0, seed=0)
    errors = [now["error"] for now in trace]
    taken = [cycle for cycle, now in enumerate(trace) if now["taken"] and now["tile"]]
    assert not any(errors[: taken[1] + 1]) and all(errors[taken[1] + 1 :])

"""Results that wait: nothing is lost or repeated, and the order is that of the program."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from gatewright.hw.salo.results import (
    ResultBuffer,
    ResultMerge,
    ResultMergeParameters,
    ResultParameters,
)

Row = tuple[int, int, int]
"""Whether there is a row, its query, and a value."""


def simulate(unit: Any, *benches: Any) -> None:
    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


def rows_of(payload: Any) -> list[Row]:
    return [(row.there, row.query, row.value) for row in payload.rows]


async def drain(ctx: Any, port: Any, beats: int, rng: random.Random, ready: float) -> list[Any]:
    """Take so many beats; one that waits must stay. Also tells in which cycles they were taken."""
    taken: list[Any] = []
    waits: Any = None
    cycle = 0
    while len(taken) < beats:
        now = rng.random() < ready
        ctx.set(port.ready, now)
        payload = ctx.get(port.payload) if ctx.get(port.valid) else None
        assert waits is None or payload == waits
        waits = None if now else payload
        if now and payload is not None:
            taken.append((cycle, payload))
        cycle += 1
        assert cycle < 5000
        await ctx.tick()
    ctx.set(port.ready, 0)
    return taken


@pytest.mark.parametrize(("p", "dv"), [
    (ResultParameters(4, 2, 16, 5, 2), 5), (ResultParameters(4, 2, 16, 5, 2), 1),
    (ResultParameters(3, 1, 9, 4, 3), 3), (ResultParameters(1, 1, 16, 1, 1), 1),
    (ResultParameters(6, 6, 20, 7, 1), 6),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("ready", [1.0, 0.5, 0.1])
def test_buffer(p: ResultParameters, dv: int, ready: float) -> None:
    """Blocks come as soon as there is room, each a while after it was reserved."""
    rng = random.Random(dv)
    blocks = 7
    queries = [[rng.getrandbits(17) for _ in range(p.rows)] for _ in range(blocks)]
    top = 1 << p.bits - 1
    values = [
        [[rng.randrange(-top, top) for _ in range(p.lanes)] for _ in range(p.turns * dv)]
        for _ in range(blocks)
    ]
    buffer = ResultBuffer(p)
    under_way = [0]
    taken: list[Any] = []

    async def fill(ctx: Any) -> None:
        ctx.set(buffer.dv, dv)
        for block in range(blocks):
            while not ctx.get(buffer.room):
                assert under_way[0] == p.blocks
                await ctx.tick()
            # The other bench counts a block down in the cycle in which there is room.
            assert under_way[0] <= p.blocks
            under_way[0] += 1
            ctx.set(buffer.reserve, 1)
            await ctx.tick()
            ctx.set(buffer.reserve, 0)
            ctx.set(buffer.queries_write, 1)
            ctx.set(buffer.queries, queries[block])
            await ctx.tick()
            ctx.set(buffer.queries_write, 0)
            ctx.set(buffer.valid, 1)
            for beat in values[block]:
                ctx.set(buffer.values, beat)
                await ctx.tick()
            ctx.set(buffer.valid, 0)

    async def take(ctx: Any) -> None:
        assert ctx.get(buffer.empty)
        for block in range(blocks):
            beats = await drain(ctx, buffer.o, p.turns * dv, random.Random(block), ready)
            under_way[0] -= 1
            taken.extend(payload for _, payload in beats)
            cycles = [cycle for cycle, _ in beats]
            if ready == 1.0:
                assert cycles == list(range(cycles[0], cycles[0] + len(cycles)))
            assert [payload.last for _, payload in beats] == [0] * (len(beats) - 1) + [1]
        assert ctx.get(buffer.empty) and not ctx.get(buffer.o.valid)

    simulate(buffer, fill, take)

    def row(query: int, value: int) -> Row:
        return (1, query & 0xFFFF, value) if query >> 16 else (0, 0, 0)

    expected = [
        (element, [
            row(queries[block][turn * p.lanes + lane], values[block][turn * dv + element][lane])
            for lane in range(p.lanes)
        ])
        for block in range(blocks) for turn in range(p.turns) for element in range(dv)
    ]  # fmt: skip
    assert [(payload.element, rows_of(payload)) for payload in taken] == expected


@pytest.mark.parametrize("others", [0, 1, 3])
@pytest.mark.parametrize("speed", [1.0, 0.3])
def test_merge(others: int, speed: float) -> None:
    """Sources come whenever they like; blocks leave in the order in which they were told."""
    results = ResultParameters(4, 2, 8, 3, 2)
    p = ResultMergeParameters(results, others)
    rng = random.Random(others)
    told = [rng.randrange(1, 1 << p.sources) for _ in range(12)]
    merge = ResultMerge(p)
    sources = [merge.i, *(merge.others if others else [])]
    blocks = [
        [(number, event, element) for event, ends in enumerate(told) if ends >> number & 1
         for element in range(3)]
        for number in range(p.sources)
    ]  # fmt: skip
    space = [0]
    taken: list[Any] = []

    async def tell(ctx: Any) -> None:
        for event, ends in enumerate(told):
            while space[0] >= results.blocks:
                await ctx.tick()
            space[0] += 1
            ctx.set(merge.push, 1)
            ctx.set(merge.ends, ends)
            ctx.set(merge.last_tile, event == len(told) - 1)
            await ctx.tick()
            ctx.set(merge.push, 0)
            await ctx.tick().repeat(rng.randrange(1, 4))

    def source(number: int) -> Any:
        async def send(ctx: Any) -> None:
            mine = random.Random(number)
            port = sources[number]
            lanes = 1 if number else results.lanes
            for which, event, element in blocks[number]:
                while mine.random() >= speed:
                    await ctx.tick()
                ctx.set(port.valid, 1)
                ctx.set(port.payload, {
                    "element": element, "last": element == 2,
                    "rows": [{"there": 1, "query": 100 * event + lane, "value": which}
                             for lane in range(lanes)],
                })  # fmt: skip
                await ctx.tick().until(port.ready)
                ctx.set(port.valid, 0)
        return send

    async def take(ctx: Any) -> None:
        for ends in told:
            beats = await drain(ctx, merge.o, 3 * ends.bit_count(), rng, speed)
            space[0] -= 1
            taken.extend(payload for _, payload in beats)
        assert not ctx.get(merge.o.valid)

    # Benches run in this order in each cycle: beats are looked at when all of them are there.
    simulate(merge, tell, *(source(number) for number in range(p.sources)), take)
    expected = [
        (element, [
            (1, 100 * event + lane, number) if lane == 0 or number == 0 else (0, 0, 0)
            for lane in range(results.lanes)
        ])
        for event, ends in enumerate(told) for number in range(p.sources) if ends >> number & 1
        for element in range(3)
    ]  # fmt: skip
    assert [(payload.element, rows_of(payload)) for payload in taken] == expected
    assert [payload.last for payload in taken] == [0] * (len(taken) - 1) + [1]

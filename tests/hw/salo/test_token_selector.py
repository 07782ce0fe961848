"""Tokens of lanes: progressions, lists, and what does not exist; sizes up to the largest."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.sim import Simulator

from gatewright.hw.salo.engine_parameters import Slot
from gatewright.hw.salo.token_selector import TokenSelector, TokenSelectorParameters

SMALL = TokenSelectorParameters(
    slots=(*(Slot(0, n, n % 3) for n in range(5)), *(Slot(1, n, n) for n in range(4)),
           Slot(2, 0, 0), Slot(2, 1, 0)),
    entries=(3, 4, 0), tokens=20, reads=4, apart=2,
)  # fmt: skip
LARGE = TokenSelectorParameters(
    slots=(*(Slot(0, n, n % 128) for n in (0, 1, 127, 128, 200, 254)),
           *(Slot(s, n, n) for s in range(1, 9) for n in (0, 127))),
    entries=(128,) * 9, tokens=1 << 16, reads=5,
)  # fmt: skip
ONE = TokenSelectorParameters(slots=(Slot(0, 0, 0),), entries=(1,), tokens=2, reads=3)


@dataclass
class Tile:
    sources: list[dict[str, int]]
    lists: dict[int, int]
    limit: int


def tile(p: TokenSelectorParameters, rng: random.Random) -> Tile:
    top = 1 << 23
    sources = [
        {
            "listed": int(entries > 0 and rng.random() < 0.5), "given": int(rng.random() < 0.8),
            "base": rng.choice([-top, top - 1, -3, 0, rng.randrange(p.tokens)]),
            "step": rng.choice([0, 1, 3, 65535, (1 << 17) - 1]),
            "low": rng.choice([0, 0, 1, 127]), "high": rng.choice([255, 256, 2, 128]),
        }
        for entries in p.entries
    ]  # fmt: skip
    lists = {
        place: rng.choice([1 << 31, rng.randrange(p.tokens), p.tokens - 1])
        for place in range(sum(p.entries))
    }
    return Tile(sources, lists, rng.choice([p.tokens, p.tokens // 2, 1]))


def selected(p: TokenSelectorParameters, tile: Tile) -> list[int | None]:
    """Address of the token of each lane, None if it has none."""
    found: list[int | None] = []
    for slot in p.slots:
        source = tile.sources[slot.source]
        token = source["base"] + source["step"] * slot.position
        index, exists = slot.position, 0 <= token < tile.limit
        if source["listed"]:
            token = tile.lists[p.place(slot.source) + slot.entry]
            index, exists = slot.entry, token < 1 << 31
        there = source["given"] and exists and source["low"] <= index < source["high"]
        apart = p.tokens if p.apart is not None and slot.source >= p.apart else 0
        found.append(token + apart if there else None)
    return found


@pytest.mark.one_in(4)
@pytest.mark.parametrize("p", [SMALL, LARGE, ONE], ids=["small", "large", "one"])
def test_tokens(p: TokenSelectorParameters) -> None:
    """The lists of the next tile are written while the current one is selected, twice over."""
    rng = random.Random(4)
    selector = TokenSelector(p)
    tiles = [tile(p, rng) for _ in range(40 if p is not LARGE else 12)]

    async def write(ctx: Any, lists: dict[int, int]) -> None:
        for place, entry in lists.items():
            ctx.set(selector.entry_write, 1)
            ctx.set(selector.entry_place, place)
            ctx.set(selector.entry, entry)
            await ctx.tick()
        ctx.set(selector.entry_write, 0)

    async def bench(ctx: Any) -> None:
        ctx.set(selector.turn, p.turns)
        await write(ctx, tiles[0].lists)
        for now, after in zip(tiles, [*tiles[1:], tiles[0]], strict=True):
            ctx.set(selector.swap, 1)
            await ctx.tick()
            ctx.set(selector.swap, 0)
            ctx.set(selector.sources, now.sources)
            ctx.set(selector.limit, now.limit)
            expected = selected(p, now)
            await write(ctx, after.lists)
            found: list[int | None] = []
            for turn in range(p.turns):
                ctx.set(selector.turn, turn)
                await ctx.tick()
                assert ctx.get(selector.taken) == turn
                for read in range(min(p.reads, len(p.slots) - turn * p.reads)):
                    there = ctx.get(selector.tokens[read]) >> 16
                    found.append(ctx.get(selector.address[read]) if there else None)
            ctx.set(selector.turn, p.turns)
            await ctx.tick()
            assert found == expected
            present = ctx.get(selector.present)
            assert [present >> n & 1 for n in range(len(p.slots))] == [
                int(token is not None) for token in expected
            ]

    simulator = Simulator(selector)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()

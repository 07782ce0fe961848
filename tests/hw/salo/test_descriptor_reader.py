"""Descriptors with their lists and masks, in as many cycles as they say; largest arrays too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.generators.salo.program import write_program
from gatewright.generators.salo.program_words import BLOCK, GATHER, RIDER, SEGMENT, unpack
from gatewright.hw.salo.descriptor_reader import DescriptorReader
from gatewright.hw.salo.engine import SaloEngineParameters
from gatewright.tests.hw.salo.engine_bench import engine_parameters
from gatewright.tests.hw.salo.engine_jobs import decode_cycles, program_of, random_tiles

CASES: list[tuple[SaloEngineParameters, int]] = [
    (engine_parameters((1, 1), gather=0), 4), (engine_parameters((3, 4), 2, 2, "1"), 9),
    (engine_parameters((9, 8), 1, 0, "2p"), 6),
    (engine_parameters((128, 96), 1, 8, "4p", program_words=1 << 16), 3),
    (engine_parameters((128, 96), 96, 1, "1", program_words=1 << 16), 2),
]  # fmt: skip


class Expected:
    """A tile as the bytes of the program tell it."""

    def __init__(self, p: SaloEngineParameters, raw: np.ndarray, places: dict[str, int],
                 tile: int) -> None:  # fmt: skip
        a = p.array
        size = p.descriptor_words
        self.words = raw[8 + tile * size : 8 + (tile + 1) * size]
        entries = raw[places["lists"] :].view("<u4")
        gathers, segments = 1 + a.gather, 1 + a.gather + a.segments
        self.queries: dict[int, int] = {}
        self.keys: dict[int, int] = {}
        block = _fields(BLOCK, self.words[:1])[0]
        if block["listed"]:
            self.queries = dict(enumerate(entries[block["base"] :][: a.rows].tolist()))
        for x, word in enumerate(_fields(GATHER, self.words[1:gathers])):
            if word["mode"] == 2:
                listed = entries[word["base"] :][: a.rows].tolist()
                self.keys |= dict(enumerate(listed, a.cols + x * a.rows))
        self.masks: dict[int, int] = {}
        for s, word in enumerate(_fields(SEGMENT, self.words[gathers:segments])):
            if word["kind"] == 2:
                listed = entries[word["base"] :][: word["step"]].tolist()
                self.keys |= dict(enumerate(listed, s * a.segment_cols))
            if word["mask"] == 2:
                self.masks[s] = _mask(
                    raw, places["masks"] + word["number"] * p.element_mask_words,
                    a.rows * a.segment_cols,
                )
        self.rider_masks = {
            g: _mask(raw, places["rider_masks"] + word["number"] * p.rider_mask_words, a.cols)
            for g, word in enumerate(_fields(RIDER, self.words[segments:])) if word["mask"] == 3
        }


def _fields(layout: Any, words: np.ndarray) -> list[dict[str, int]]:
    columns = unpack(layout, words)
    return [{name: int(values[n]) for name, values in columns.items()} for n in range(len(words))]


def _mask(raw: np.ndarray, place: int, bits: int) -> int:
    return int.from_bytes(raw[place : place + -(-bits // 64)].tobytes(), "little")


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("p", "tiles"), CASES, ids=lambda x: str(getattr(x, "loads", x)))
def test_tiles(p: SaloEngineParameters, tiles: int) -> None:
    a = p.array
    made, queries = random_tiles(
        p, np.random.default_rng(tiles), tiles=tiles, blocks=max(1, tiles // 2), keys=700
    )
    program = write_program(program_of(p, made, queries, 8, 8, 5))
    raw = np.frombuffer(program, "<u8")
    header = np.frombuffer(program[:64], "<u4").tolist()
    lists = 8 + tiles * p.descriptor_words
    masks = lists + -(-header[12] // 2)
    places = {
        "tiles": tiles, "lists": lists, "masks": masks,
        "rider_masks": masks + header[13] * p.element_mask_words,
    }  # fmt: skip
    reader = DescriptorReader(p)
    cycles = decode_cycles(p, raw, tiles)
    assert max(cycles) <= p.decode_cycles

    async def memory(ctx: Any) -> None:
        async for _, _, address in ctx.tick().sample(reader.address):
            ctx.set(reader.word, int(raw[address]) if address < len(raw) else 0)

    async def bench(ctx: Any) -> None:
        ctx.set(reader.places, places)
        for _ in range(2):
            assert ctx.get(reader.ended)
            ctx.set(reader.start, 1)
            await ctx.tick()
            ctx.set(reader.start, 0)
            for tile in range(tiles):
                expected = Expected(p, raw, places, tile)
                found: dict[str, dict[int, int]] = {"query": {}, "key": {}}
                waited = 1
                while not ctx.get(reader.ready):
                    for kind, entries in found.items():
                        if ctx.get(getattr(reader, f"{kind}_write")):
                            entries[ctx.get(reader.place)] = ctx.get(reader.entry)
                    waited += 1
                    await ctx.tick()
                assert waited == cycles[tile]
                assert found == {"query": expected.queries, "key": expected.keys}
                assert list(ctx.get(reader.next_words)) == expected.words.tolist()
                assert ctx.get(reader.last_tile) == (tile == tiles - 1)
                await ctx.tick().repeat(tile + 1)
                ctx.set(reader.take, 1)
                await ctx.tick()
                ctx.set(reader.take, 0)
                assert list(ctx.get(reader.words)) == expected.words.tolist()
                for s, bits in expected.masks.items():
                    assert ctx.get(reader.masks[s]) == bits
                for g, bits in expected.rider_masks.items():
                    assert ctx.get(reader.rider_masks[g]) == bits
            assert ctx.get(reader.ended)

    simulator = Simulator(reader)
    simulator.add_clock(1e-6)
    simulator.add_testbench(memory, background=True)
    simulator.add_testbench(bench)
    simulator.run()
    assert a.rows * a.cols < 100 or cycles[0] > 500


def test_lists_of_a_wrong_program() -> None:
    """A circulant of no keys, or of far too many, ends like the others."""
    p = engine_parameters(4)
    made, queries = random_tiles(p, np.random.default_rng(1), tiles=1, blocks=1, keys=20)
    reader = DescriptorReader(p)
    for step in (0, 1 << 15):
        circulant = replace(
            made, kind=np.full_like(made.kind, 2), step=np.full_like(made.step, step)
        )
        raw = np.frombuffer(write_program(program_of(p, circulant, queries, 8, 8, 5)), "<u8")

        async def bench(ctx: Any, raw: np.ndarray = raw) -> None:
            ctx.set(reader.places, {"tiles": 1, "lists": 11, "masks": 20, "rider_masks": 20})
            ctx.set(reader.start, 1)
            for _ in range(300):
                address = ctx.get(reader.address)
                await ctx.tick()
                ctx.set(reader.start, 0)
                ctx.set(reader.word, int(raw[address % len(raw)]))
            assert ctx.get(reader.ready)

        simulator = Simulator(reader)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()

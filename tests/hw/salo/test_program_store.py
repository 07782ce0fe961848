"""Programs that are taken, and those that are refused, with the reason."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.hw.salo.program_store import Fault, ProgramStore
from gatewright.tests.hw.salo.engine_bench import engine_parameters
from gatewright.tests.hw.salo.engine_jobs import job_of, random_tiles

P = engine_parameters(4, 2, 1, "1p", reads=4, program_words=64)
LEAST, MOST = P.array.datapath.shift_least, P.array.datapath.shift_most
TILES, QUERIES = random_tiles(P, np.random.default_rng(1), tiles=4, blocks=2, keys=9)
GOOD = job_of(P, TILES, QUERIES, 16, 13).program


def with_byte(offset: int, value: int) -> bytes:
    assert GOOD[offset] != value
    return GOOD[:offset] + bytes([value]) + GOOD[offset + 1 :]


def with_word(offset: int, value: int) -> bytes:
    assert GOOD[offset : offset + 4] != struct.pack("<I", value)
    return GOOD[:offset] + struct.pack("<I", value) + GOOD[offset + 4 :]


WRONG: list[tuple[str, bytes, Fault]] = [
    ("magic", with_byte(3, ord("o")), Fault.NO_PROGRAM),
    ("version", with_byte(4, 2), Fault.NO_PROGRAM),
    ("header", with_byte(6, 72), Fault.NO_PROGRAM),
    *((f"shape-{n}", with_byte(16 + n, GOOD[16 + n] ^ 1), Fault.ARRAY) for n in range(6)),
    *((f"format-{n}", with_byte(22 + n, GOOD[22 + n] ^ 2), Fault.FORMAT) for n in range(8)),
    ("shift-below", with_byte(30, LEAST - 1), Fault.SHIFT),
    ("shift-above", with_byte(30, MOST + 1), Fault.SHIFT),
    ("dk-below", with_word(32, P.loads - 1), Fault.HEAD),
    ("dk-above", with_word(32, 17), Fault.HEAD),
    ("dk-far", with_word(32, 1 << 20), Fault.HEAD),
    ("dv-below", with_word(36, P.loads - 1), Fault.HEAD),
    ("dv-above", with_word(36, 17), Fault.HEAD),
    ("queries", with_word(40, 65), Fault.TOKENS),
    ("queries-far", with_word(40, 1 << 17), Fault.TOKENS),
    ("keys", with_word(44, 65), Fault.TOKENS),
    ("keys-far", with_word(44, 1 << 31), Fault.TOKENS),
    # As many bits as are kept would be right.
    *((f"{name}+{more}", with_word(offset, more + int.from_bytes(GOOD[offset : offset + 4],
                                                                 "little")), Fault.LENGTH)
      for name, offset in (("tiles", 12), ("entries", 48), ("masks", 52), ("rider-masks", 56))
      for more in (2, 64, 128, 1 << 16, 1 << 31)),
    ("one-word-less", GOOD[:-8], Fault.LENGTH),
    ("one-word-more", GOOD + bytes(8), Fault.LENGTH),
    ("one-word", GOOD[:8], Fault.LENGTH),
    ("half-a-header", GOOD[:32], Fault.LENGTH),
    ("a-header", GOOD[:64], Fault.LENGTH),
    ("too-long", GOOD + bytes(8 * 80), Fault.LENGTH),
    ("too-long-twice", GOOD + bytes(8 * 200), Fault.LENGTH),
]  # fmt: skip


def simulate(store: ProgramStore, bench: Callable[[Any], Any]) -> None:
    simulator = Simulator(store)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


async def send(ctx: Any, store: ProgramStore, program: bytes) -> None:
    raw = np.frombuffer(program, "<u8").tolist()
    for number, word in enumerate(raw):
        ctx.set(store.i.payload, {"word": word, "last": number == len(raw) - 1})
        ctx.set(store.i.valid, 1)
        await ctx.tick().until(store.i.ready)
        ctx.set(store.i.valid, 0)
        assert not ctx.get(store.loaded)
    await ctx.tick()


def test_each_fault_and_then_the_right_program() -> None:
    """Nothing of the wrong one stays; the right one is there word for word."""
    store = ProgramStore(P)

    async def bench(ctx: Any) -> None:
        ctx.set(store.open, 1)
        for name, program, fault in WRONG:
            await send(ctx, store, program)
            assert (name, ctx.get(store.fault)) == (name, fault)
            assert not ctx.get(store.loaded), name
            await send(ctx, store, GOOD)
            assert ctx.get(store.loaded) and ctx.get(store.fault) == Fault.NONE, name
        ctx.set(store.open, 0)
        for address, word in enumerate(np.frombuffer(GOOD, "<u8").tolist()):
            ctx.set(store.address, address)
            await ctx.tick()
            assert ctx.get(store.word) == word
        assert not ctx.get(store.i.ready)
        places = ctx.get(store.places)
        shift, tiles = GOOD[30] - LEAST, len(TILES)
        assert (places.tiles, places.dk, places.dv, places.shift) == (tiles, 16, 13, shift)
        assert (places.queries, places.keys) == (QUERIES, 9)
        assert places.lists == 8 + tiles * P.descriptor_words
        entries, masks = struct.unpack("<II", GOOD[48:56])
        assert places.masks == places.lists + -(-entries // 2)
        assert places.rider_masks == places.masks + masks * P.element_mask_words

    simulate(store, bench)


@pytest.mark.parametrize("size", [63, 64, 65])
def test_a_program_that_just_fits(size: int) -> None:
    """With one entry more it does not, nor with a word more than there are."""
    words = size - 8 - len(TILES) * P.descriptor_words
    exact = bytearray(GOOD[: 8 * (8 + len(TILES) * P.descriptor_words)] + bytes(8 * words))
    store = ProgramStore(P)

    async def bench(ctx: Any) -> None:
        ctx.set(store.open, 1)
        fits = Fault.NONE if size <= P.program_words else Fault.LENGTH
        for entries, fault in ((2 * words, fits), (2 * words + 1, Fault.LENGTH)):
            exact[48:60] = struct.pack("<3I", entries, 0, 0)
            await send(ctx, store, bytes(exact))
            assert ctx.get(store.fault) == fault
            assert ctx.get(store.loaded) == (fault == Fault.NONE)

    simulate(store, bench)


def test_a_tile_as_short_as_the_array_is_wide() -> None:
    """What a column does is held for a tile: no shorter one is taken."""
    p = engine_parameters((1, 9), gather=0, reads=9, head=8)
    tiles, queries = random_tiles(p, np.random.default_rng(1), tiles=1, blocks=1, keys=5)
    store = ProgramStore(p)

    async def bench(ctx: Any) -> None:
        ctx.set(store.open, 1)
        for dk, dv, fault in ((4, 3, Fault.NONE), (4, 2, Fault.HEAD), (1, 8, Fault.HEAD)):
            await send(ctx, store, job_of(p, tiles, queries, dk, dv).program)
            assert ctx.get(store.fault) == fault

    simulate(store, bench)

"""Sections come into their memories, whatever a beat holds; and passes follow each other."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.hw.gnn.loader import Loader, section_bytes
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.hw.gnn.records import PASS, Section

_IMAGE = 0x40_0000_0000 - 0x1_0000
_PORTS = {
    Section.CODE: ("code", 8), Section.SLOTS: ("slots", 8), Section.CONSTANTS: ("constants", 4),
    Section.TENSORS: ("tensors", 8), Section.WEIGHTS: ("weights", 0), Section.BIAS: ("bias", 4),
    Section.TABLES: ("tables", 4), Section.EXPONENTIALS: ("exponentials", 4),
}  # fmt: skip
SIZES = [
    GnnParameters(lanes=32, rows=4, columns=columns, bus_bytes=bus, weight_words=40, bias_words=3)
    for columns, bus in ((4, 4), (4, 32), (32, 4), (8, 16), (16, 16))
]
# Sections that are longer than a request may be.
SIZES.append(GnnParameters(
    lanes=4, rows=4, columns=4, bus_bytes=4, weight_words=700, bias_words=3, local_words=2,
    max_sources=2, max_edges=2,
))  # fmt: skip


async def _memory(
    ctx: Any, unit: Loader, memory: bytes, bus: int, rng: np.random.Generator
) -> None:
    """Answer requests, with pauses."""
    beats: deque[int] = deque()
    while True:
        ready, valid = bool(rng.integers(2)), bool(beats) and bool(rng.integers(4))
        ctx.set(unit.requests.ready, ready)
        ctx.set(unit.beats.valid, valid)
        if valid:
            at = beats[0]
            ctx.set(unit.beats.payload, int.from_bytes(memory[at : at + bus], "little"))
        *_, taken, asked, wanted = await ctx.tick().sample(
            unit.beats.ready, unit.requests.valid, unit.requests.payload
        )
        if valid and taken:
            beats.popleft()
        if ready and asked:
            start = wanted.address - _IMAGE
            assert start % bus == 0 and 0 < wanted.beats <= unit.p.row_beats
            beats += range(start, start + wanted.beats * bus, bus)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("p", SIZES)
def test_sections_are_loaded(p: GnnParameters) -> None:
    rng = np.random.default_rng(p.columns * 64 + p.bus_bytes)
    memory = bytearray(64)
    passes, expected = b"", []
    for number in range(3):
        places = []
        due: dict[Section, bytes] = {}
        for section, most in section_bytes(p).items():
            word = _PORTS[section][1] or p.columns
            # All of it, nothing, and something.
            size = (most, 0, int(rng.integers(1, most // word + 1)) * word)[number]
            due[section] = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
            places.append({"block": len(memory) // 32, "bytes": size})
            memory += due[section] + bytes(-size % 32)
        record = {
            "pc": [1, 2, 3, 4, number], "chunk_rows": 7 + number, "accumulator_stride": 11,
            "halves": 1 + number % 2, "interval_block": 77, "shard_block": 1 << 31,
            "sections": places,
        }  # fmt: skip
        passes += PASS.const(record).as_value().value.to_bytes(128, "little")
        expected.append((due, record))
    block = len(memory) // 32
    memory += passes
    unit = Loader(p)
    found: dict[Section, dict[int, bytes]] = {section: {} for section in Section}
    ran: list[Any] = []

    async def watch(ctx: Any) -> None:
        while True:
            await ctx.tick()
            for section, (name, size) in _PORTS.items():
                port = getattr(unit, name)
                if ctx.get(port.enable):
                    word = ctx.get(port.data).to_bytes(size or p.columns, "little")
                    found[section][ctx.get(port.address)] = word

    async def drive(ctx: Any) -> None:
        ctx.set(unit.image, _IMAGE)
        ctx.set(unit.pass_block, block)
        ctx.set(unit.passes, 3)
        ctx.set(unit.start, 1)
        await ctx.tick()
        ctx.set(unit.start, 0)
        for due, record in expected:
            for words in found.values():
                words.clear()
            await ctx.tick().until(unit.run)
            ctx.set(unit.running, 1)
            for section, data in due.items():
                words = found[section]
                assert b"".join(words[n] for n in range(len(words))) == data, section
            settings = ctx.get(unit.settings)
            for name in ("chunk_rows", "accumulator_stride", "halves", "interval_block",
                         "shard_block"):  # fmt: skip
                assert getattr(settings, name) == record[name]
            assert ctx.get(unit.step) == record["chunk_rows"] * 11
            ran.append(ctx.get(unit.counts.code))
            await ctx.tick().repeat(5)
            assert not ctx.get(unit.pass_done)
            ctx.set(unit.running, 0)
            await ctx.tick().repeat(5)
            # Tasks are over, but not all writes are acknowledged.
            assert not ctx.get(unit.pass_done) and not ctx.get(unit.requests.valid)
            ctx.set(unit.settled, 1)
            await ctx.tick()
            ctx.set(unit.settled, 0)
        while not ctx.get(unit.done):
            await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)

    async def memory_side(ctx: Any) -> None:
        await _memory(ctx, unit, bytes(memory), p.bus_bytes, rng)

    simulator.add_testbench(memory_side, background=True)
    simulator.add_testbench(watch, background=True)
    simulator.add_testbench(drive)
    simulator.run()
    # A section without bytes keeps what is there.
    assert ran[0] == ran[1] == p.instructions
    assert ran[2] == len(expected[2][0][Section.CODE]) // 8

"""A vector or matrix unit among memories that answer as those of the engine do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import memory
from amaranth.sim import Simulator
from numpy.typing import NDArray

from gatewright.hw.gnn.jobs import MEMORY_LATENCY

Integers = NDArray[np.int64]
LIMIT = 50_000


def pack(values: Integers, bits: int, per_word: int) -> list[int]:
    """Numbers of ``bits`` bits as words of ``per_word`` each; the last word is filled with 0."""
    flat = [int(value) & (1 << bits) - 1 for value in np.ravel(values)]
    return [
        sum(value << bits * k for k, value in enumerate(flat[first : first + per_word]))
        for first in range(0, len(flat), per_word)
    ]


def unpack(words: list[int], bits: int, per_word: int) -> Integers:
    """Signed numbers in words, one after the other."""
    half, whole = 1 << bits - 1, 1 << bits
    values = [word >> bits * k & whole - 1 for word in words for k in range(per_word)]
    return np.array([value - whole if value >= half else value for value in values])


class Store:
    """A memory behind ports of a unit: data MEMORY_LATENCY cycles after its address."""

    def __init__(
        self, m: Module, name: str, read: Any, write: Any = None, *, words: int, threads: int = 1
    ) -> None:
        self.words = words
        width = len(read.data)
        self.memory = memory.Memory(shape=width, depth=words * threads, init=[])
        m.submodules[name] = self.memory
        port = self.memory.read_port()
        m.d.comb += [port.en.eq(read.enable), port.addr.eq(self._place(read))]
        word = port.data
        for _ in range(MEMORY_LATENCY - 2):
            later = Signal(width)
            m.d.sync += later.eq(word)
            word = later
        m.d.sync += read.data.eq(word)
        if write is not None:
            place = self.memory.write_port(granularity=width // len(write.enable))
            m.d.comb += [
                place.en.eq(write.enable), place.addr.eq(self._place(write)),
                place.data.eq(write.data),
            ]  # fmt: skip

    def _place(self, port: Any) -> Any:
        return port.address + (port.thread * self.words if hasattr(port, "thread") else 0)

    def fill(self, rng: np.random.Generator) -> list[int]:
        """Random words, which a test can then change and load."""
        width = self.memory.data.shape
        return [int.from_bytes(rng.bytes(width // 8), "little") for _ in range(self.memory.depth)]

    def load(self, ctx: Any, words: list[int]) -> None:
        for place, word in enumerate(words):
            ctx.set(self.memory.data[place], word)

    def read(self, ctx: Any) -> list[int]:
        return [ctx.get(self.memory.data[place]) for place in range(self.memory.depth)]


@dataclass
class Outcome:
    """Of a run: words of every memory; for each job, busy cycles and those until its end."""

    words: dict[str, list[int]]
    threads: list[int]
    busy: int
    ends: list[int]


class UnitBench:
    """A unit, its stores, and a counter of its busy cycles; runs begin with a reset.

    Parameters
    ----------
    unit
        With ``job``, ``done`` and ``busy``.
    stores
        Names of the stores, with the keywords of `Store`; ``NAME_write`` is its write port.
    """

    def __init__(self, unit: Any, stores: dict[str, dict[str, int]]) -> None:
        self.unit = unit
        m = Module()
        m.submodules.unit = unit
        self.stores = {
            name: Store(
                m, f"store_{name}", getattr(unit, name), getattr(unit, f"{name}_write", None),
                **sizes,
            )
            for name, sizes in stores.items()
        }  # fmt: skip
        self.busy = Signal(32)
        m.d.sync += self.busy.eq(self.busy + unit.busy)
        self._run: Callable[[Any], Any] | None = None
        self._used = False
        self._simulator = Simulator(m)
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._play)

    async def _play(self, ctx: Any) -> None:
        if self._run is not None:
            await self._run(ctx)

    def run(
        self, jobs: list[dict[str, Any]], contents: dict[str, list[int]],
        loads: dict[str, list[int]] | None = None,
    ) -> Outcome:  # fmt: skip
        """Load memories (``loads`` by ports of the unit), carry out jobs as fast as it takes them.

        ``ends`` counts from the handshake of the first job.
        """
        found: list[Outcome] = []
        unit = self.unit

        async def play(ctx: Any) -> None:
            for name, words in contents.items():
                self.stores[name].load(ctx, words)
            for name, words in (loads or {}).items():
                port = getattr(unit, name)
                ctx.set(port.enable, 1)
                for address, word in enumerate(words):
                    ctx.set(port.address, address)
                    ctx.set(port.data, word)
                    await ctx.tick()
                ctx.set(port.enable, 0)
            await ctx.tick().repeat(3)
            threads, ends = [], []
            payloads = [unit.job.payload.shape().const(job).as_bits() for job in jobs]
            sent = cycle = 0
            ctx.set(unit.job.valid, 1)
            ctx.set(unit.job.payload.as_value(), payloads[0])
            while len(ends) < len(jobs):
                taken = sent < len(jobs) and ctx.get(unit.job.ready)
                if ctx.get(unit.done.valid):
                    threads.append(ctx.get(unit.done.thread))
                    ends.append(cycle)
                await ctx.tick()
                cycle += 1
                assert cycle < LIMIT, f"{len(ends)} of {len(jobs)} jobs ended"
                if taken:
                    sent += 1
                    ctx.set(unit.job.valid, sent < len(jobs))
                    ctx.set(unit.job.payload.as_value(), payloads[min(sent, len(jobs) - 1)])
            for _ in range(3):
                assert not ctx.get(unit.done.valid)
                await ctx.tick()
            words = {name: store.read(ctx) for name, store in self.stores.items()}
            found.append(Outcome(words, threads, ctx.get(self.busy), ends))

        self._run = play
        if self._used:
            self._simulator.reset()
        self._used = True
        self._simulator.run()
        return found[0]

"""An engine and its streams, with what may go on at them."""

from __future__ import annotations

import functools
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from gatewright.hw.salo.array_parameters import ArrayParameters
from gatewright.hw.salo.engine import SaloEngine, SaloEngineParameters
from gatewright.hw.salo.feeder import Operand
from gatewright.tests.hw.salo.engine_jobs import Beat, Job
from gatewright.tests.hw.salo.reference import FORMATS, datapath

LIMIT = 20_000
"""Cycles after which a bench gives up."""


def engine_parameters(
    size: int | tuple[int, int], segments: int = 1, gather: int = 1, riders: str = "0", *,
    torus: bool = False, fmt: str = "hw8", head: int = 16, **options: Any,
) -> SaloEngineParameters:
    """A small engine; ``riders``: their number, and ``p`` if they have feeds of their own."""
    rows, cols = (size, size) if isinstance(size, int) else size
    array = ArrayParameters(
        datapath=datapath(fmt, dk_max=head, keys=cols + gather), rows=rows, cols=cols,
        segments=segments, gather=gather, global_rows=int(riders[0]), torus=torus,
        global_row_kv="private" if riders.endswith("p") else "shared",
    )  # fmt: skip
    wanted: dict[str, Any] = {
        "dv_max": head, "block_keys": 256, "lanes": rows, "max_tokens": 64, "program_words": 4096,
        "out_fraction_bits": FORMATS[fmt][0].out_fraction_bits, **options,
    }  # fmt: skip
    return SaloEngineParameters(array=array, **wanted)


@dataclass
class Found:
    """What an engine gave in a run, and told at its end."""

    beats: list[Beat] = field(default_factory=list)
    ended: bool = False
    cycles: int = 0
    exponent_saturated: bool = False
    output_saturated: bool = False


def check(job: Job, found: Found, *, stalls: bool = False) -> None:
    """Compare all that the golden machine tells, in order; and the cycles."""
    expected = job.expected
    assert found.beats == job.beats
    assert found.ended == bool(job.beats)
    assert found.exponent_saturated == expected.exponent_saturated
    assert found.output_saturated == expected.output_saturated
    if stalls:
        assert found.cycles > job.cycles
    else:
        assert found.cycles == job.cycles


class EngineBench:
    """An engine that plays scripts, from reset each; ``ctx`` is there while one is played.

    Attributes
    ----------
    pauses
        How likely it is in each cycle that a stream rests.
    """

    def __init__(self, p: SaloEngineParameters) -> None:
        self.p = p
        self.engine = SaloEngine(p)
        self.pauses = dict.fromkeys(("program", "load", "results"), 0.0)
        self.ctx: Any = None
        self._reset = Signal()
        self._script: Callable[[], Awaitable[None]] | None = None
        self._played = False
        self._simulator = Simulator(ResetInserter(self._reset)(self.engine))
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._play)
        self._rng = random.Random()

    async def _play(self, ctx: Any) -> None:
        self.ctx = ctx
        if self._script is not None:
            await self._script()

    def play(
        self, script: Callable[[], Awaitable[None]], *, seed: int = 1, **pauses: float
    ) -> None:
        """Play a script."""
        self._rng.seed(seed)
        self.pauses.update(dict.fromkeys(self.pauses, 0.0) | pauses)
        self._script = script
        if self._played:
            self._simulator.reset()
        self._played = True
        self._simulator.run()

    def run(self, jobs: list[Job], *, seed: int = 1, **pauses: float) -> list[Found]:
        """Run jobs one after another; a program is sent where it is not that of the one before."""
        found: list[Found] = []

        async def script() -> None:
            before: bytes | None = None
            for job in jobs:
                if job.program is not before:
                    await self.send_program(job.program)
                    assert self.get("loaded") and not self.get("fault").value
                before = job.program
                await self.send_tokens(job)
                found.append(await self.collect())

        self.play(script, seed=seed, **pauses)
        return found

    def get(self, name: str) -> Any:
        """A status port."""
        return self.ctx.get(getattr(self.engine, name))

    def _rests(self, port: str) -> bool:
        return self._rng.random() < self.pauses[port]

    async def reset(self) -> None:
        """Reset the engine, whatever it is at."""
        self.ctx.set(self._reset, 1)
        await self.ctx.tick()
        self.ctx.set(self._reset, 0)

    async def _send(self, name: str, beats: list[dict[str, Any]]) -> None:
        port = getattr(self.engine, name)
        for beat in beats:
            while self._rests(name):
                await self.ctx.tick()
            self.ctx.set(port.payload, beat)
            self.ctx.set(port.valid, 1)
            await self.ctx.tick().until(port.ready)
            self.ctx.set(port.valid, 0)

    async def send_program(self, program: bytes, beats: int | None = None) -> None:
        """Send a program, or the first beats of it, and wait until it is looked at."""
        raw = np.frombuffer(program, "<u8").tolist()
        await self._send("program", [
            {"word": word, "last": number == len(raw) - 1} for number, word in enumerate(raw)
        ][:beats])  # fmt: skip
        await self.ctx.tick().repeat(3)

    async def send_tokens(self, job: Job, beats: int | None = None) -> None:
        """Send the operands of a job, in any order, or the first beats of them."""
        tokens = list(self._tokens(job))
        self._rng.shuffle(tokens)
        tokens[-1]["last"] = 1
        await self._send("load", tokens[:beats])

    def _tokens(self, job: Job) -> Iterator[dict[str, Any]]:
        for rider, operands in enumerate((job.operands, job.riders)):
            if operands is None:
                continue
            for operand, matrix in (
                (Operand.QUERY, operands.q), (Operand.KEY, operands.k), (Operand.VALUE, operands.v),
            ):  # fmt: skip
                for token, vector in enumerate(matrix.tolist()):
                    beat = {"operand": operand, "token": token, "vector": vector}
                    yield beat | ({"rider": rider} if self.p.array.private else {})

    async def collect(self, *, held: int = 0, cycles: int | None = None) -> Found:
        """Take results until the engine has done, or for some cycles; none at first for ``held``.

        A beat that is not taken must stay as it is.
        """
        found = Found()
        ctx, port = self.ctx, self.engine.results
        waits: Any = None
        for cycle in range(LIMIT if cycles is None else cycles):
            ready = cycle >= held and not self._rests("results")
            ctx.set(port.ready, ready)
            payload = ctx.get(port.payload) if ctx.get(port.valid) else None
            assert waits is None or payload == waits
            waits = None if ready else payload
            if ready and payload is not None:
                self._take(payload, found)
            if not self.get("busy"):
                assert payload is None
                break
            assert not self.get("fault").value
            assert not ctx.get(self.engine.load.ready) and not ctx.get(self.engine.program.ready)
            await ctx.tick()
        else:
            assert cycles is not None, "the engine does not finish"
        ctx.set(port.ready, 0)
        for name in ("cycles", "exponent_saturated", "output_saturated"):
            setattr(found, name, self.get(name))
        return found

    def _take(self, payload: Any, found: Found) -> None:
        assert not found.ended
        found.ended = bool(payload.last)
        found.beats.append((
            payload.element,
            tuple((row.query, row.value) if row.there else None for row in payload.rows),
        ))  # fmt: skip


@functools.cache
def bench(p: SaloEngineParameters) -> EngineBench:
    """The bench of an engine: it takes seconds to make, and starts from reset in each script."""
    return EngineBench(p)

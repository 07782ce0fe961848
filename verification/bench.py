"""One cocotb test's surroundings: clock, reset, an agent per stream, scoreboard, coverage, record.

A testbench module holds cocotb tests written against `Bench`::

    @cocotb.test()
    @with_bench
    async def random_traffic(bench: Bench) -> None:
        bench.sources["a"].stall = Stall(0.3, 4)
        bench.send("a", beats)                      # uint32 [n, words]
        bench.expect("sum", results, operands=lambda beat, element: {...})
        await bench.finish()

The build folder, the seed and the folder for results come from the environment variables that
``gatewright sim`` sets. Everything random follows from the seed and the test's name.
"""

from __future__ import annotations

import functools
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import numpy as np
from cocotb.clock import Clock
from cocotb.handle import LogicObject
from cocotb.simtime import get_sim_time
from cocotb.triggers import RisingEdge
from numpy.typing import NDArray

from ..generators.artifacts import Build
from .coverage import Coverage
from .packing import to_ints
from .scoreboard import Failure, Operands, Scoreboard
from .streams import RuleBroken, StreamMonitor, StreamSink, StreamSource

__all__ = ["Bench", "BenchFailure", "with_bench"]

PERIOD = 2
"""Time steps of a clock cycle."""

_AFTERMATH = 10
"""Cycles that a test goes on after its first failure, so that the waveform shows them."""

P = ParamSpec("P")


class BenchFailure(AssertionError):
    """The test has failed; `Bench.failure` holds the story."""


class Bench:
    """The surroundings of one test.

    Parameters
    ----------
    dut
        cocotb's handle of the top module.
    name
        The test's name.

    Attributes
    ----------
    manifest
        Of the build under test.
    seed
        The run's seed.
    rng, numpy_rng
        Random numbers of this test, for the testbench's use.
    sources, sinks
        The agents, by stream name.
    scoreboard, coverage
        What is compared and counted.
    cycle
        Clock cycles since reset.
    at_end
        Called before the record is written: what other agents have counted goes to the coverage.
    """

    def __init__(self, dut: Any, name: str) -> None:
        self.dut = dut
        self.name = name
        self.build = Build.load(Path(os.environ["GATEWRIGHT_BUILD"]))
        self.manifest = self.build.manifest
        self.seed = int(os.environ["GATEWRIGHT_SEED"])
        self.rng = random.Random(f"{self.seed}/{name}")
        self.numpy_rng = np.random.default_rng(self.rng.getrandbits(64))
        self.coverage = Coverage()
        streams = self.manifest.streams
        self.scoreboard = Scoreboard(stream for stream in streams if stream.direction == "out")
        self.sources = {
            stream.name: StreamSource(dut, stream, self.coverage, self._agent_rng(stream.name))
            for stream in streams
            if stream.direction == "in"
        }
        self.sinks = {
            stream.name: StreamSink(dut, stream, self.coverage, self._agent_rng(stream.name))
            for stream in streams
            if stream.direction == "out"
        }
        for sink_name, sink in self.sinks.items():
            sink.on_beat.append(functools.partial(self._received, sink_name))
        self.cycle = 0
        self.at_end: list[Callable[[], None]] = []
        self.failure: Failure | None = None
        self._first_result: int | None = None
        self._stop_at: int | None = None
        self._seconds = 0.0
        self._agents: tuple[StreamMonitor, ...] = (
            *self.sources.values(),
            *self.sinks.values(),
        )
        self._clock: LogicObject | None = (
            getattr(dut, self.manifest.clock) if self.manifest.clock else None
        )
        self._edge = RisingEdge(self._clock) if self._clock is not None else None

    def _agent_rng(self, stream: str) -> random.Random:
        return random.Random(f"{self.seed}/{self.name}/{stream}")

    def send(self, stream: str, beats: NDArray[np.uint32]) -> None:
        """Queue beats ``[n, words]`` on an input stream."""
        self.sources[stream].send(to_ints(beats))

    def expect(
        self, stream: str, beats: NDArray[np.uint32], operands: Operands | None = None
    ) -> None:
        """Expect beats ``[n, words]`` on an output stream."""
        self.scoreboard.expect(stream, to_ints(beats), operands)

    async def reset(self, cycles: int = 2) -> None:
        """Start the clock with all inputs low, then drive reset low, high, low.

        The step up matters: a reset that is high from the first moment leaves some simulators'
        processes unrun.
        """
        for port in self.manifest.ports:
            if port.direction == "in":
                getattr(self.dut, port.name).value = 0
        for agent in self._agents:
            agent.start()
        if self._clock is None or self._edge is None:
            return
        Clock(self._clock, PERIOD, "step", impl="gpi").start(start_high=False)
        if self.manifest.reset is not None:
            reset = getattr(self.dut, self.manifest.reset)
            for level, length in ((0, 1), (1, cycles), (0, 0)):
                reset.value = level
                for _ in range(length):
                    await self._edge

    async def interrupt(self) -> None:
        """Reset for a cycle in the middle of whatever goes on; forget all beats not yet sent."""
        if self._edge is None or self.manifest.reset is None:
            raise TypeError("a design without a reset cannot be interrupted")
        reset = getattr(self.dut, self.manifest.reset)
        for level in (1, 0):
            reset.value = level
            for agent in self._agents:
                agent.start()
            for source in self.sources.values():
                source.queue.clear()
            await self._edge

    async def step(self, cycles: int = 1) -> None:
        """Let clock cycles pass, with all agents at work.

        Raises
        ------
        BenchFailure
            Some cycles after the first thing went wrong.
        """
        edge, agents = self._edge, self._agents
        if edge is None:
            raise TypeError("a combinational design has no clock to step")
        began = time.perf_counter()
        try:
            for _ in range(cycles):
                await edge
                try:
                    for agent in agents:
                        agent.sample()
                except RuleBroken as broken:
                    self._fail("protocol", str(broken))
                    raise BenchFailure(str(broken)) from None
                for agent in agents:
                    agent.drive()
                self.cycle += 1
                if self._stop_at is not None and self.cycle >= self._stop_at:
                    raise BenchFailure(self.failure.what if self.failure else "")
        finally:
            self._seconds += time.perf_counter() - began

    async def finish(self, *, watchdog: int = 10_000, drain: int = 16) -> None:
        """Run until every beat was sent and every expected one has come, then a little longer.

        Parameters
        ----------
        watchdog
            Cycles without any beat that count as a deadlock.
        drain
            Cycles to wait for beats that nobody expects.

        Raises
        ------
        BenchFailure
            On the first mismatch, broken rule, deadlock or surplus beat.
        """
        moved, quiet = self._moved(), 0
        while self.scoreboard.remaining() or any(s.queue for s in self.sources.values()):
            await self.step()
            now = self._moved()
            quiet = quiet + 1 if now == moved else 0
            moved = now
            if quiet >= watchdog:
                what = f"deadlock: no beat moved for {watchdog} cycles; {self._states()}"
                self._fail("deadlock", what)
                raise BenchFailure(what)
        await self.step(drain)

    def check(self, name: str, expected: object, got: object, **operands: object) -> None:
        """Compare one value that is no stream's, such as a plain port or a combinational output.

        Raises
        ------
        BenchFailure
            If they differ.
        """
        if expected != got:
            told = {key: str(value) for key, value in operands.items()}
            self._fail(
                "mismatch", f"{name} differs", element=name, expected=str(expected),
                got=str(got), operands=told,
            )  # fmt: skip
            raise BenchFailure(f"{name} must be {expected}, not {got}")

    def save(self) -> None:
        """Append this test's record to ``bench.jsonl`` in the results folder."""
        for agent in self._agents:
            agent.count()
        for count in self.at_end:
            count()
        record = {
            "test": self.name,
            "cycles": self.cycle,
            "seconds": self._seconds,
            "beats": {agent.stream.name: agent.beats for agent in self._agents},
            "coverage": self.coverage.points,
            "excuses": self.coverage.excuses,
            "failure": self.failure.as_json() if self.failure else None,
            "period": PERIOD,
            "first_result": self._first_result,
        }
        with (Path(os.environ["GATEWRIGHT_OUT"]) / "bench.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def _received(self, stream: str, payload: int) -> None:
        board = self.scoreboard
        if self._first_result is None:
            self._first_result = self.cycle
        if board.failure is None:
            board.check(stream, payload, cycle=self.cycle)
            if board.failure is not None:
                told = board.failure.as_json() | {"time": self._now()}
                self.failure = self.failure or Failure(**told)
                self._stop_at = self.cycle + _AFTERMATH

    def _fail(self, kind: str, what: str, **more: Any) -> None:
        self.failure = self.failure or Failure(
            kind=kind, what=what, cycle=self.cycle, time=self._now(), **more
        )

    def _now(self) -> int:
        return int(get_sim_time("step"))

    def _moved(self) -> int:
        return sum(agent.beats for agent in self._agents)

    def _states(self) -> str:
        sent = [f"{name} has {len(s.queue)} beats to send" for name, s in self.sources.items()]
        got = [f"{name} has {self.scoreboard.progress(name)}" for name in self.sinks]
        return ", ".join([*sent, *got])


def with_bench(
    test: Callable[Concatenate[Bench, P], Awaitable[None]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, None]]:
    """Turn a test of a `Bench` into a test of cocotb's handle: after reset, with a record."""

    async def run(dut: Any, /, *args: P.args, **kwargs: P.kwargs) -> None:
        name = test.__name__ + "".join(f"/{key}={value}" for key, value in kwargs.items())
        bench = Bench(dut, name)
        try:
            await bench.reset()
            await test(bench, *args, **kwargs)
            if bench.failure is not None:
                raise BenchFailure(bench.failure.what)
        finally:
            bench.save()

    functools.update_wrapper(run, test)
    return run

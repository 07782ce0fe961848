"""Streams into and out of an array under test, with waits at every side."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Const, Module, Value
from amaranth.sim import Simulator

Wait = Callable[[int], bool]
"""Whether a side waits in a cycle."""


def never(cycle: int) -> bool:
    return False


def at_random(share: float, seed: int) -> Wait:
    """Wait in this share of all cycles."""
    rng = random.Random(seed)
    drawn: list[bool] = []

    def wait(cycle: int) -> bool:
        while len(drawn) <= cycle:
            drawn.append(rng.random() < share)
        return drawn[cycle]

    return wait


def at(cycles: Iterable[int]) -> Wait:
    """Wait in these cycles."""
    chosen = frozenset(cycles)
    return lambda cycle: cycle in chosen


@dataclass
class Run:
    """What happened.

    Attributes
    ----------
    results
        Payloads that came out, as constants of their layout.
    out
        Cycle of each.
    taken
        Of each input stream, the cycle in which each payload was taken in.
    """

    results: list[Any] = field(default_factory=list)
    out: list[int] = field(default_factory=list)
    taken: dict[str, list[int]] = field(default_factory=dict)

    @property
    def rows(self) -> np.ndarray:
        """int64 [beats, N] or object: member ``c`` of the results."""
        return np.array([[each.c[k] for k in range(len(each.c))] for each in self.results])

    @property
    def lasts(self) -> list[int]:
        return [each.last for each in self.results]


class ArrayBench:
    """A unit with input streams and the stream ``o``, to be run any number of times.

    Attributes
    ----------
    result
        What has happened so far in this run; waits may look at it.
    """

    def __init__(self, unit: Any, inputs: Iterable[str] = ("i",)) -> None:
        self.unit = unit
        self.result = Run()
        self._inputs = tuple(inputs)
        self._domain = ClockDomain("sync")
        m = Module()
        m.domains += self._domain
        m.submodules.unit = unit
        self._simulator = Simulator(m)
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._run)
        self._fresh = True

    def run(
        self,
        sends: dict[str, list[Any]],
        count: int,
        *,
        waits: dict[str, Wait] | None = None,
        reset: int | None = None,
        restart: dict[str, list[Any]] | None = None,
        idle: int = 0,
        limit: int = 3000,
    ) -> Run:
        """Send payloads until ``count`` results have come out.

        Parameters
        ----------
        sends
            For each input stream its payloads, as initial values of its layout.
        waits
            For each stream, the cycles in which the bench makes it wait; cycle 0 is the first one.
            What is at a payload's wires while it is not valid is random.
        reset
            Cycle in which the array is reset. Results before do not count, and from then on
            ``restart`` is sent instead.
        idle
            Cycles after the last result, in which no more may come.
        limit
            Cycles after which it is given up with an assertion.
        """
        self.result = Run()
        self._job = (
            self._packed(sends), self._packed(restart or {}), count,
            dict.fromkeys([*self._inputs, "o"], never) | (waits or {}), reset, idle, limit,
        )  # fmt: skip
        if not self._fresh:
            self._simulator.reset()
        self._fresh = False
        self._simulator.run()
        assert len(self.result.out) == count, f"{len(self.result.out)} results, not {count}"
        return self.result

    def _packed(self, sends: dict[str, list[Any]]) -> dict[str, list[int]]:
        packed = {}
        for name in self._inputs:
            layout = getattr(self.unit, name).payload.shape()
            packed[name] = [layout.const(each).as_bits() for each in sends.get(name, [])]
        return packed

    async def _run(self, ctx: Any) -> None:
        sends, restart, count, waits, reset, idle, limit = self._job
        unit = self.unit
        ports = {name: getattr(unit, name) for name in [*self._inputs, "o"]}
        raw = {name: Value.cast(port.payload) for name, port in ports.items()}
        takes_all = isinstance(Value.cast(unit.o.ready), Const)
        rng = random.Random(1)
        offered = dict.fromkeys(sends, False)
        ended = 0
        for cycle in range(limit):
            resetting = cycle == reset
            if resetting:
                sends, self.result = restart, Run()
                offered = dict.fromkeys(sends, False)
            result = self.result
            ended = cycle if len(result.out) < count or (reset or 0) > cycle else ended
            if cycle - ended > idle:
                return
            ctx.set(self._domain.rst, resetting)
            for name, payloads in sends.items():
                place = len(result.taken.setdefault(name, []))
                # A payload once offered stays.
                if not offered[name]:
                    more = place < len(payloads) and not resetting
                    offered[name] = more and not waits[name](cycle)
                    random_bits = rng.getrandbits(len(raw[name]))
                    ctx.set(raw[name], payloads[place] if offered[name] else random_bits)
                ctx.set(ports[name].valid, offered[name])
            ready = takes_all or not waits["o"](cycle)
            if not takes_all:
                ctx.set(unit.o.ready, ready)
            for name in sends:
                if offered[name] and ctx.get(ports[name].ready):
                    result.taken[name].append(cycle)
                    offered[name] = False
            if ready and not resetting and ctx.get(unit.o.valid):
                bits = ctx.get(raw["o"])
                result.results.append(unit.o.payload.shape().from_bits(bits))
                result.out.append(cycle)
            await ctx.tick()


def fitted(values: np.ndarray, width: int, result_width: int | None, saturate: bool) -> np.ndarray:
    """What sums of ``width`` bits are in results of ``result_width``: two's complement."""
    wrapped = wrap(values, width)
    bits = width if result_width is None else result_width
    if saturate:
        return np.clip(wrapped, -(1 << bits - 1), (1 << bits - 1) - 1)
    return wrap(wrapped, bits)


def wrap(values: np.ndarray, width: int) -> np.ndarray:
    """Modulo ``2^width``, in two's complement."""
    half = 1 << width - 1
    return (values + half) % (2 * half) - half


def integers(rng: np.random.Generator, shape: Any, size: tuple[int, ...]) -> np.ndarray:
    """Random operands of an Amaranth shape, its ends more often than others."""
    low, high = (-(1 << shape.width - 1), (1 << shape.width - 1) - 1) if shape.signed else (
        0, (1 << shape.width) - 1,
    )
    drawn = rng.integers(low, high, size, endpoint=True)
    ends = rng.choice(np.array([low, high]), size)
    return np.where(rng.random(size) < 0.2, ends, drawn)

"""The cocotb tests of modred designs: values, constant time, stalls, resets, new moduli.

Every test begins with a reset. A design's cycles must be those of its manifest for every operand:
the tests know no operand for which more or fewer would do.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cocotb

from ...generators.artifacts import Build
from ..bench import Bench, with_bench
from ..packing import from_ints
from ..stalls import Stall
from .coverage import cover, declare
from .stimulus import Design, Operands

_BEATS = 400
"""Most operands of a test."""

_CYCLES = 30_000
"""Cycles that a test takes, about: a slow design gets fewer operands, though some."""

_FEWEST = 24


@dataclass(frozen=True)
class _Shut(Stall):
    """A pause without an end."""

    probability: float = 0.5

    def cycles(self, rng: random.Random) -> Iterator[bool]:
        return itertools.repeat(True)


def _count(design: Design) -> int:
    """Operands of a test."""
    return max(_FEWEST, min(_BEATS, _CYCLES // design.interval))


def _draw(bench: Bench, design: Design, count: int) -> Operands:
    """Operands of all classes in random order."""
    drawn = design.operands(bench.rng, max(2, count // 3))
    everything = [each for tuples in drawn.values() for each in tuples]
    bench.rng.shuffle(everything)
    return everything[:count]


def _send(bench: Bench, design: Design, operands: Operands) -> None:
    """Queue operands, what they should give, and what to say if they do not."""
    bench.send("i", design.beats(operands))
    bench.expect(
        "o", design.result_beats(design.results(operands)),
        lambda beat, _: design.explain(operands, beat),
    )  # fmt: skip


async def _finish(bench: Bench, design: Design) -> None:
    await bench.finish(watchdog=10_000 + 4 * design.latency)


def _check_error(bench: Bench, design: Design, expected: int) -> None:
    if design.writable:
        bench.check("error", expected, int(bench.dut.error.value))


@cocotb.test()
@with_bench
async def corners(bench: Bench) -> None:
    """Operands of every class, without stalls."""
    design = Design.of(bench.manifest)
    declare(bench.coverage, design)
    each = max(4, _count(design) // 6)
    for name, operands in design.operands(bench.rng, each).items():
        _send(bench, design, operands)
        cover(bench.coverage, design, name, design.results(operands))
    await _finish(bench, design)
    _check_error(bench, design, 0)


@cocotb.test()
@with_bench
async def documented_cycles(bench: Bench) -> None:
    """Every operand takes the documented cycles, alone and one after the other."""
    design = Design.of(bench.manifest)
    taken: list[int] = []
    shown: list[int] = []
    bench.sources["i"].on_beat.append(lambda _: taken.append(bench.cycle))
    bench.sinks["o"].on_beat.append(lambda _: shown.append(bench.cycle))
    operands = _draw(bench, design, _count(design) // 2)
    for one in operands[:8]:
        _send(bench, design, [one])
        await _finish(bench, design)
    _send(bench, design, operands[8:])
    await _finish(bench, design)
    for index, operand in enumerate(operands):
        told = design.explain([operand], 0)
        latency = shown[index] - taken[index]
        bench.check("latency", design.latency, latency, **told)
        if index > 8:
            bench.check("interval", design.interval, taken[index] - taken[index - 1], **told)
    if design.interval == 1:
        await _fill(bench, design, taken)


async def _fill(bench: Bench, design: Design, taken: list[int]) -> None:
    """While results are refused, a pipeline takes an operand into each rank.

    Each comes to rest before the next one is offered: no rank is filled by those behind it alone.
    """
    bench.sinks["o"].stall = _Shut()
    taken.clear()
    for operand in _draw(bench, design, design.latency + 2):
        _send(bench, design, [operand])
        await bench.step(design.latency + 2)
    bench.check("operands in a pipeline that is held up", design.latency, len(taken))
    bench.sinks["o"].stall = Stall()
    await _finish(bench, design)


@cocotb.test()
@with_bench
async def random_traffic(bench: Bench) -> None:
    """Random operands; both streams pause at random, each in its own way."""
    design = Design.of(bench.manifest)
    modes = [
        {"i": Stall(0.3), "o": Stall(0.3)},
        {"o": Stall(0.8, 20)},
        {"i": Stall(0.7, 9), "o": Stall(0.1)},
        {"o": Stall(0.5)},
    ]
    for mode in modes:
        bench.sources["i"].stall = mode.get("i", Stall())
        bench.sinks["o"].stall = mode.get("o", Stall())
        _send(bench, design, _draw(bench, design, _count(design) // len(modes)))
        await _finish(bench, design)
    _check_error(bench, design, 0)


@cocotb.test()
@with_bench
async def reset_mid_stream(bench: Bench) -> None:
    """A reset at any moment loses what was under way, and nothing of it comes later."""
    design = Design.of(bench.manifest)
    rounds = 6
    seen: list[int] = []
    bench.sinks["o"].on_beat.append(seen.append)
    for _ in range(rounds):
        lost = _draw(bench, design, _FEWEST)
        seen.clear()
        bench.send("i", design.beats(lost))
        bench.sinks["o"].stall = Stall(0.4)
        await bench.step(bench.rng.randrange(1, design.latency + 4 * design.interval + 4))
        right = design.results(lost)
        got = design.unpacked(from_ints(seen, bench.manifest.stream("o").width))
        bench.check("results before the reset", list(right[: len(got)]), list(got))
        await bench.interrupt()
    seen.clear()
    bench.sinks["o"].stall = Stall()
    kept = _draw(bench, design, _FEWEST)
    _send(bench, design, kept)
    await _finish(bench, design)
    bench.check("results after the reset", len(kept), len(seen))


def _without(has: Callable[[Design], bool]) -> bool:
    """Whether the design under test lacks what a test checks; it is then reported as skipped.

    Outside a simulation there is no design, and no lack.
    """
    folder = os.environ.get("GATEWRIGHT_BUILD")
    return folder is not None and not has(Design.of(Build.load(Path(folder)).manifest))


def _moduli(bench: Bench, design: Design, count: int) -> list[int]:
    """Moduli of the built length: its ends, the built one, and random ones."""
    n = design.modulus.bit_length()
    ends = [1 << n - 1, (1 << n) - 1, (1 << n - 1) + 1, design.modulus]
    return [*ends, *(bench.rng.getrandbits(n - 1) | 1 << n - 1 for _ in range(count))]


@cocotb.skipif(_without(lambda design: design.writable), reason="the modulus is constant")
@cocotb.test()
@with_bench
async def new_moduli(bench: Bench) -> None:
    """New moduli come in the midst of operands; each operand meets the one that was set before."""
    design = Design.of(bench.manifest)
    current = [design.modulus]
    waiting: deque[tuple[int, tuple[int, ...]]] = deque()

    def set_modulus(payload: int) -> None:
        current[0] = payload

    def took(payload: int) -> None:
        waiting.append((current[0], (payload,)))

    def gave(payload: int) -> None:
        modulus, operand = waiting.popleft()
        expected = design.results([operand], modulus)[0][0]
        told = design.explain([operand], 0, modulus)
        bench.check("residue", expected, payload, **told)

    bench.sources["modulus"].on_beat.append(set_modulus)
    bench.sources["i"].on_beat.append(took)
    bench.sinks["o"].on_beat.append(gave)
    for stall in (Stall(), Stall(0.5)):
        bench.sources["i"].stall = bench.sinks["o"].stall = stall
        bench.sources["modulus"].stall = Stall(0.9, 5 * design.latency)
        for modulus in _moduli(bench, design, 4):
            bench.sources["modulus"].send([modulus])
            sent = _draw(bench, design, 12)
            bench.send("i", design.beats(sent))
            await bench.step(bench.rng.randrange(1, 8 * design.interval))
        await _finish(bench, design)
        await bench.step(20 * design.latency)
        bench.check("operands without a result", 0, len(waiting))
    _check_error(bench, design, 0)


@cocotb.skipif(_without(lambda design: design.writable), reason="the modulus is constant")
@cocotb.test()
@with_bench
async def moduli_out_of_range(bench: Bench) -> None:
    """A modulus beyond those that the tables were built for raises an error that stays."""
    design = Design.of(bench.manifest)
    await _finish(bench, design)
    _check_error(bench, design, 0)


def bad_moduli(design: Design) -> Sequence[int]:
    """Moduli that a writable design refuses."""
    return (0, 1)

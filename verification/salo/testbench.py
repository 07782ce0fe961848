"""The cocotb tests of attention engines: attention, documented cycles, faults, stalls, resets.

Every test begins with a reset. Results must be those of the golden machine, in the order in which
the program ends blocks; where nothing waits, in the cycles of the schedule.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import cocotb

from ...generators.salo.pattern import Pattern
from ...generators.salo.program import Program, write_program
from ...generators.salo.report import cycles
from ...generators.salo.stalls import reason_to_wait
from ...generators.salo.terms import Band, GlobalRows
from ..bench import Bench, with_bench
from ..packing import to_ints
from ..stalls import Stall
from .coverage import FAULTS, cover, declare
from .stimulus import OPERANDS, Design, Job, make_job, random_pattern, spiked

_LONGEST = 1 << 14
"""Words of a program that a simulation has time for."""

_TOO_LONG = "LENGTH, beyond the store"

_WATCHDOG = 20_000
"""Cycles in which something must happen."""


def _tokens(design: Design) -> int:
    """Tokens of which patterns make some blocks, the last one with idle rows.

    No more than a query can have keys, since in some patterns one has them all.
    """
    engine = design.engine
    return int(min(engine.p.max_tokens, engine.p.block_keys, 4 * engine.shape.rows + 3))


def _size(bench: Bench, design: Design) -> tuple[int, int]:
    """Draw dk and dv."""
    engine = design.engine
    (dk_least, dk_most), (dv_least, dv_most) = engine.dk_range, engine.dv_range
    dk, dv = bench.rng.randint(dk_least, dk_most), bench.rng.randint(dv_least, dv_most)
    return (dk, dv) if dk + dv + 2 >= engine.tile_least else (dk_most, dv_most)


def _job(
    bench: Bench, design: Design, kind: str, *, size: tuple[int, int] | None = None,
    operands: tuple[str, ...] = ("gaussian",), shift: int | None = None,
) -> Job:  # fmt: skip
    dk, dv = size or _size(bench, design)
    tokens, room = _tokens(design), design.engine.p.program_words
    while True:
        pattern = random_pattern(bench.numpy_rng, kind, tokens)
        job = make_job(
            design, bench.numpy_rng, pattern, kind, dk=dk, dv=dv, operands=operands, shift=shift
        )
        if len(write_program(job.program)) <= 8 * room or tokens == 1:
            break
        tokens //= 2  # a shorter program, which the engine has room for
    design.engine.check(job.program)
    cover(bench.coverage, design, job)
    return job


async def _program(bench: Bench, design: Design, program: Program | bytes) -> None:
    """Send a program and wait until it is in."""
    bench.send("program", design.program(program))
    await bench.finish(watchdog=_WATCHDOG, drain=4)


async def _begin(bench: Bench, design: Design, program: Program) -> None:
    """Send a program, and wait until its first word is taken: the one before it is no more."""
    bench.send("program", design.program(program))
    source = bench.sources["program"]
    words = len(source.queue)
    await _until(bench, lambda: len(source.queue) < words, "a program begins to be taken")


async def _until(bench: Bench, reached: Callable[[], bool], what: str) -> None:
    """Let cycles pass until something is so."""
    for _ in range(_WATCHDOG):
        if reached():
            return
        await bench.step()
    bench.check(f"cycles until {what}", f"below {_WATCHDOG}", _WATCHDOG)


async def _run(bench: Bench, design: Design, job: Job) -> None:
    """Send a job's program, then head after head, and compare all that comes."""
    await _program(bench, design, job.program)
    await _heads(bench, design, job)


async def _heads(
    bench: Bench, design: Design, job: Job, following: Program | None = None
) -> None:
    """Send head after head, and during the last run another program; compare all that comes."""
    load = bench.sources["load"]
    for head in job.heads:
        beats = design.results(job.program, head)
        bench.send("load", design.tokens(head, bench.numpy_rng))
        bench.expect("results", beats, partial(design.explain, job, beats))
        if following is not None and head is job.heads[-1]:
            await _until(bench, lambda: not load.queue, "all tokens are taken")
            bench.send("program", design.program(following))
        await bench.finish(watchdog=_WATCHDOG)
        told = {"pattern": job.kind, "operands": head.kind, "shift": job.program.shift}
        bench.check("busy", 0, int(bench.dut.busy.value), **told)
        for name in ("exponent_saturated", "output_saturated"):
            expected = int(getattr(head.expected, name))
            bench.check(name, expected, int(getattr(bench.dut, name).value), **told)
        _check_cycles(bench, design, job)


def _check_cycles(bench: Bench, design: Design, job: Job) -> None:
    """Cycles of the schedule if nothing waits, and never fewer."""
    program = job.program
    due = cycles(len(program.tiles), program.tiles.shape, program.dk, program.dv)
    taken = int(bench.dut.cycles.value)
    told = {"pattern": job.kind, "dk": program.dk, "dv": program.dv, "tiles": len(program.tiles)}
    paused = any(sink.stall.enter for sink in bench.sinks.values())
    if paused or reason_to_wait(design.engine, program) is not None:
        bench.check("cycles are at least those of the schedule", True, taken >= due, **told)
    else:
        bench.check("cycles of the run", due, taken, **told)


@cocotb.test()
@with_bench
async def patterns(bench: Bench) -> None:
    """Every kind of pattern, without stalls."""
    design = Design.of(bench.manifest)
    declare(bench.coverage, design)
    for kind in design.kinds:
        await _run(bench, design, _job(bench, design, kind))


@cocotb.test()
@with_bench
async def operands(bench: Bench) -> None:
    """Operands of every kind, head after head, with the least, the middle and the largest f.

    And those in which a single pair saturates, in each column of the array.
    """
    design = Design.of(bench.manifest)
    least, most = design.engine.shift_range
    for shift in (least, (least + most) // 2, most):
        await _run(bench, design, _job(bench, design, "window", operands=OPERANDS, shift=shift))
    await _run(bench, design, _spiked(bench, design))


def _spiked(bench: Bench, design: Design) -> Job:
    """Heads in which one pair alone may saturate: a query with a key of each column in turn.

    One query is that of a row, and one that of a rider, if there are any.
    """
    engine = design.engine
    tokens = _tokens(design)
    keys = min(engine.shape.cols, tokens)
    riders = [GlobalRows([tokens - 1])] if engine.shape.global_rows else []
    pattern = Pattern(tokens, tokens, [Band(0, keys - 1), *riders])
    job = make_job(
        design, bench.numpy_rng, pattern, "window", dk=engine.dk_range[1], dv=engine.dv_range[1],
        operands=(), shift=engine.shift_range[0],
    )  # fmt: skip
    queries = [0, tokens - 1] if riders else [0]
    pairs = [(query, key) for query in queries for key in range(keys)]
    job = replace(job, heads=spiked(engine, bench.numpy_rng, job.program, pairs))
    cover(bench.coverage, design, job)
    return job


@cocotb.test()
@with_bench
async def documented_cycles(bench: Bench) -> None:
    """Tiles follow without a bubble: the largest heads, and the smallest ones."""
    design = Design.of(bench.manifest)
    engine = design.engine
    sizes = [(engine.dk_range[1], engine.dv_range[1]), (engine.dk_range[0], engine.dv_range[0])]
    exact = 0
    for dk, dv in sizes:
        if dk + dv + 2 < engine.tile_least:
            continue
        for kind in (each for each in ("window", "globals", "scattered") if each in design.kinds):
            job = _job(bench, design, kind, size=(dk, dv), operands=("gaussian", "uniform"))
            exact += reason_to_wait(engine, job.program) is None
            await _run(bench, design, job)
    bench.coverage.hit("cycles", "exactly those of the schedule", exact)


@cocotb.test()
@with_bench
async def random_traffic(bench: Bench) -> None:
    """Random jobs; all streams pause at random, each in its own way.

    Tokens are offered while their program still comes in, and a program while a run is under way:
    both must wait.
    """
    design = Design.of(bench.manifest)
    modes = [
        {"program": Stall(0.3), "load": Stall(0.3), "results": Stall(0.3)},
        {"results": Stall(0.8, 40)},
        {"results": Stall(0.9, 300)},
        {"load": Stall(0.6, 9), "results": Stall(0.5)},
    ]
    for mode in modes:
        for name, agent in (bench.sources | bench.sinks).items():
            agent.stall = mode.get(name, Stall())
        first, second = (
            _job(bench, design, bench.rng.choice(design.kinds), operands=operands)
            for operands in (("extreme",), ("gaussian", "uniform"))
        )
        await _begin(bench, design, first.program)
        await _heads(bench, design, first, second.program)
        await _heads(bench, design, second)


@cocotb.test()
@with_bench
async def refused_programs(bench: Bench) -> None:
    """A program for another machine does not run, and says why, until a right one comes."""
    design = Design.of(bench.manifest)
    kinds = list(FAULTS)
    if design.engine.p.program_words < _LONGEST:
        kinds.append(_TOO_LONG)
    for kind in kinds:
        fault = kind.partition(",")[0]
        right = _job(bench, design, "window")
        wrong = spoiled(design, write_program(right.program), kind, bench.rng)
        await _program(bench, design, wrong)
        told = {"spoiled": kind}
        bench.check("loaded", 0, int(bench.dut.loaded.value), **told)
        bench.check("fault", fault, _fault(bench), **told)
        bench.check("ready for tokens", 0, int(bench.dut.load__ready.value), **told)
        bench.coverage.hit("fault", kind)
        await _run(bench, design, right)
        bench.check("fault", "NONE", _fault(bench), **told)
    word = int.from_bytes(write_program(right.program)[:8], "little")
    for bit in range(64):
        await _program(bench, design, (word ^ 1 << bit).to_bytes(8, "little"))
        bench.check("fault", "NO_PROGRAM", _fault(bench), bit=bit)


@cocotb.test()
@with_bench
async def reset_mid_run(bench: Bench) -> None:
    """A reset at any moment loses what was under way, and nothing of it comes later."""
    design = Design.of(bench.manifest)
    seen: list[int] = []
    bench.sinks["results"].on_beat.append(seen.append)
    for number in range(8):
        lost = _job(bench, design, bench.rng.choice(design.kinds))
        (head,) = lost.heads
        tokens = design.tokens(head)
        await _begin(bench, design, lost.program)
        bench.send("load", tokens)
        words = len(bench.sources["program"].queue)
        await bench.step(1 + bench.rng.randrange(words if number % 2 else 4 * len(tokens)))
        due = to_ints(design.results(lost.program, head))
        bench.check("results before the reset", due[: len(seen)], seen)
        await bench.interrupt()
        bench.check("loaded", 0, int(bench.dut.loaded.value))
        bench.check("busy", 0, int(bench.dut.busy.value))
        seen.clear()
    await _run(bench, design, _job(bench, design, design.kinds[2]))


def spoiled(design: Design, program: bytes, fault: str, rng: random.Random) -> bytes:
    """Return a program that is wrong in one way."""
    data = bytearray(program)
    match fault:
        case "NO_PROGRAM":
            data[rng.randrange(8)] ^= 1 << rng.randrange(8)
        case "ARRAY":
            data[16] ^= 1
        case "FORMAT":
            data[24] += 1
        case "SHIFT":
            data[30] = design.engine.shift_range[1] + 1
        case "HEAD":
            data[32:36] = (design.engine.dk_range[1] + 1).to_bytes(4, "little")
        case "TOKENS":
            data[44:48] = (design.engine.p.max_tokens + 1).to_bytes(4, "little")
        case "LENGTH":
            data += bytes(8)
        case _:
            data += bytes(8 * (design.engine.p.program_words + 1) - len(data))
    data[8:12] = bytes(4)
    data[8:12] = zlib.crc32(data).to_bytes(4, "little")
    return bytes(data)


def _fault(bench: Bench) -> str:
    value = int(bench.dut.fault.value)
    return ("NONE", *FAULTS)[value]

"""Streams that pause, runs that follow each other, and resets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.terms import Band, GlobalColumns, GlobalRows
from gatewright.hw.salo.engine import SaloEngineParameters
from gatewright.hw.salo.program_store import Fault
from gatewright.tests.hw.salo.engine_bench import Found, bench, check, engine_parameters
from gatewright.tests.hw.salo.engine_jobs import (
    Job,
    another_head,
    job_of,
    random_tiles,
    scheduled,
)

P = engine_parameters(4, 1, 1, "1", reads=4, result_blocks=2, lanes=2, max_tokens=32)
LEAST = 4
"""``P.loads``."""


@pytest.fixture(scope="module")
def first() -> Job:
    pattern = Pattern(11, 13, [Band(-2, 3), GlobalColumns([1]), GlobalRows([5])])
    return scheduled(P, pattern, 16, 16)


@pytest.fixture(scope="module")
def second() -> Job:
    tiles, queries = random_tiles(P, np.random.default_rng(3), tiles=6, blocks=4, keys=9)
    return job_of(P, tiles, queries, LEAST, LEAST)


@pytest.mark.thorough
def test_heads_and_programs(first: Job, second: Job) -> None:
    """A program stays for several heads; another one takes its place."""
    jobs = [first, another_head(P, first, 5), second, first]
    found = bench(P).run(jobs)
    for job, each in zip(jobs, found, strict=True):
        check(job, each)
    assert found[0] == found[-1]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("pauses", [
    {"program": 0.4, "load": 0.3}, {"results": 0.2}, {"program": 0.7, "load": 0.7, "results": 0.8},
], ids=str)  # fmt: skip
def test_pauses(first: Job, second: Job, pauses: dict[str, float]) -> None:
    """Nothing is lost, and the order is the same."""
    found = bench(P).run([second, first], seed=7, **pauses)
    slow = pauses.get("results", 0) > 0.5
    check(second, found[0], stalls=slow)
    check(first, found[1], stalls=slow)


def test_results_that_nobody_takes(first: Job) -> None:
    """The sequencer waits as long as that takes, and goes on."""
    found: list[Found] = []

    async def script() -> None:
        await engine.send_program(first.program)
        await engine.send_tokens(first)
        found.append(await engine.collect(held=3 * first.cycles))

    engine = bench(P)
    engine.play(script)
    check(first, found[0], stalls=True)
    assert found[0].cycles > 3 * first.cycles


async def _in_a_program(job: Job) -> None:
    await bench(P).send_program(job.program, beats=11)


async def _in_a_load(job: Job) -> None:
    await bench(P).send_program(job.program)
    await bench(P).send_tokens(job, beats=5)


async def _in_a_run(job: Job) -> None:
    await bench(P).send_program(job.program)
    await bench(P).send_tokens(job)
    found = await bench(P).collect(cycles=job.cycles * 2 // 3)
    assert 0 < len(found.beats) < len(job.beats)


async def _with_results_that_wait(job: Job) -> None:
    await bench(P).send_program(job.program)
    await bench(P).send_tokens(job)
    await bench(P).collect(held=1000, cycles=job.cycles + 50)
    assert bench(P).get("busy")


AMID = [_in_a_program, _in_a_load, _in_a_run, _with_results_that_wait]


@pytest.mark.one_in(8)
@pytest.mark.parametrize("amid", AMID, ids=lambda amid: amid.__name__)
def test_reset(first: Job, second: Job, amid: Callable[[Job], Awaitable[None]]) -> None:
    """After it there is no program, and all is as at first."""
    found: list[Found] = []

    async def script() -> None:
        await amid(first)
        await engine.reset()
        assert not engine.get("busy") and not engine.get("loaded")
        assert engine.get("fault") == Fault.NONE
        assert not engine.ctx.get(engine.engine.load.ready)
        for _ in range(40):
            assert not engine.ctx.get(engine.engine.results.valid)
            await engine.ctx.tick()
        await engine.send_program(second.program)
        await engine.send_tokens(second)
        found.append(await engine.collect())

    engine = bench(P)
    engine.play(script)
    check(second, found[0])


def test_tokens_wait_for_a_program(first: Job) -> None:
    """Also for one that follows a program that cannot run."""
    found: list[Found] = []

    async def script() -> None:
        ctx, ports = engine.ctx, engine.engine
        ctx.set(ports.load.valid, 1)
        ctx.set(ports.load.payload, {"last": 1})
        wrong = bytearray(first.program)
        wrong[16] += 1
        await engine.send_program(bytes(wrong))
        assert engine.get("fault") == Fault.ARRAY
        assert not engine.get("loaded") and not engine.get("busy")
        assert not ctx.get(ports.load.ready)
        ctx.set(ports.load.valid, 0)
        await engine.send_program(first.program)
        assert engine.get("fault") == Fault.NONE
        await engine.send_tokens(first)
        found.append(await engine.collect())

    engine = bench(P)
    engine.play(script)
    check(first, found[0])


SHORT: list[SaloEngineParameters] = [
    engine_parameters(4, 1, 0, reads=7, head=8), engine_parameters(4, 1, 0, reads=1, head=8),
]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.one_in(4)
@pytest.mark.parametrize("p", SHORT, ids=lambda p: f"loads-{p.loads}")
def test_the_least_heads(p: SaloEngineParameters) -> None:
    """``dk`` and ``dv`` as small as they may be, and only one of them; blocks of one tile."""
    least = max(2, p.loads)
    pattern = Pattern(14, 16, [Band(-1, 2)])
    jobs = [
        scheduled(p, pattern, dk, dv, stalls=dk + dv + 2 < p.normaliser(4, 4).interval(dv))
        for dk, dv in ((least, p.loads), (8, p.loads), (least, 8))
    ]
    for job, found in zip(jobs, bench(p).run(jobs), strict=True):
        check(job, found)

"""Sweeps and queries: the cost model on 1,000 points, time beside runs, 10,000 runs in a database.

The plain designs are loops: over the points, over the syntheses, and over reports kept as JSON.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rows import Row, row

from gatewright.flows.explore.job import Job, perform
from gatewright.flows.explore.space import Space, load_space
from gatewright.flows.explore.sweep import explore
from gatewright.flows.results import DATABASE, Results, Run
from gatewright.flows.results.query import query

POINTS = """
generator: flint
parameters:
  rows: {from: 1, to: 25, step: 1}
  cols: {from: 1, to: 20, step: 1}
  types: [[int], [int, flint]]
objectives: {area: min, cycles: min}
workload: {m: 64, k: 256, n: 64}
"""
RUNS = """
generator: modred
config: {architecture: lut}
parameters:
  modulus: {from: 1001, to: 1047, step: 2}
objectives: {area: min, delay: min}
evaluate: synth
keep: 24
"""
STORED = 10_000


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        return [*_points(Path(name)), *_runs(Path(name)), *_query(Path(name))]


def _points(folder: Path) -> list[Row]:
    space = _space(folder / "points.yaml", POINTS)
    start = time.perf_counter()
    sweep = explore(space, folder / "points")
    seconds = time.perf_counter() - start
    assert len(sweep.designs) == 1000 and not sweep.failures
    loop = _one_by_one(space, folder / "loop", ("model",))
    return [row("1,000 points by the cost model, stored", seconds, "s", baseline=loop, inverse=True,
                target=10, at_most=True)]  # fmt: skip


def _runs(folder: Path) -> list[Row]:
    space = _space(folder / "runs.yaml", RUNS)
    with _empty_cache(folder / "cache of the sweep"):
        start = time.perf_counter()
        sweep = explore(space, folder / "runs")
        seconds = time.perf_counter() - start
    load = sweep.flow_load
    assert load.jobs == 24 and not sweep.failures
    with _empty_cache(folder / "cache of the loop"):
        loop = _one_by_one(space, folder / "builds", ("synth",))
    return [
        row("24 syntheses", seconds, "s", baseline=loop, inverse=True),
        row("beside each synthesis", 1000 * load.overhead, "ms", target=50, at_most=True),
        row(f"in flight, of {load.slots}", load.in_flight, "runs"),
    ]


@contextmanager
def _empty_cache(folder: Path) -> Iterator[None]:
    """What one has mapped is not known to the other."""
    kept = os.environ.get("GATEWRIGHT_CACHE")
    os.environ["GATEWRIGHT_CACHE"] = str(folder)
    try:
        yield
    finally:
        del os.environ["GATEWRIGHT_CACHE"]
        if kept is not None:
            os.environ["GATEWRIGHT_CACHE"] = kept


def _space(path: Path, text: str) -> Space:
    path.write_text(text)
    return load_space(path)


def _one_by_one(space: Space, folder: Path, steps: tuple[str, ...]) -> float:
    start = time.perf_counter()
    for point in space.points():
        job = Job("", space.generator, space.values(point), steps, space.evaluation.options,
                  space.workload, str(folder))  # fmt: skip
        assert perform(job).failure is None
    return time.perf_counter() - start


def _query(folder: Path) -> list[Row]:
    runs = [_stored(number) for number in range(STORED)]
    texts = [json.dumps({"area": each.report["area"], "generator": each.generator,
                         "report": each.report}) for each in runs]  # fmt: skip
    with Results(folder / "queried" / DATABASE) as results:
        results.put(*runs)
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            found = query(results, 'area < 5000 and generator == "flint"', sort="-area", limit=40)
            taken.append(time.perf_counter() - start)
    start = time.perf_counter()
    plain = [each for each in map(json.loads, texts) if each["area"] < 5000]
    loop = time.perf_counter() - start
    assert found.total == len(plain)
    return [row(f"query of {STORED:,} runs", 1000 * min(taken), "ms", baseline=1000 * loop,
                inverse=True, target=100, at_most=True)]  # fmt: skip


def _stored(number: int) -> Run:
    report = {
        "area": (number * 7919) % STORED, "delay": number % 97 / 10, "cells": number,
        "modules": [{"name": f"unit_{each}", "area": each, "cells": each} for each in range(10)],
    }  # fmt: skip
    return Run(
        key=f"{number:x}", step="synth", generator="flint", design="flint_array",
        config_hash=f"{number:x}", config={"rows": number % 16, "cols": number % 8}, target="ge",
        verdict="pass", started=1.0 * number, seconds=0.5, folder="", report=report,
    )  # fmt: skip

"""The work behind ``gatewright gnn run``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from ..errors import InputError
from ..flows.gnn.comparison import check_codes, quality
from ..flows.gnn.engine_run import MemoryTiming
from ..flows.gnn.rtl import engine_config, run_rtl
from ..generators.artifacts import Build, write_json
from ..generators.build import build_design
from ..generators.gnn import generator
from ..generators.gnn.program_file import StoredProgram, read_program
from ..verification.gnn.machine import Machine
from .console import Console
from .source import default_folder

__all__ = ["RunJob", "run_program"]

_UNITS = ("read", "write", "vector", "matrix")


@dataclass(frozen=True)
class RunJob:
    """What the command line asks for."""

    folder: Path
    rtl: bool
    threads: int | None
    latency: int
    stall: float
    seed: int | None
    limit: int | None
    build: Path | None


def run_program(console: Console, job: RunJob) -> None:
    """Run a program and compare what it gives."""
    stored = read_program(job.folder)
    if job.rtl and job.threads is not None:
        raise InputError("threads must be left out for rtl: they are part of the engine")
    began = perf_counter()
    with console.progress() as bar:
        figures = _rtl(job, stored, bar) if job.rtl else _fast(job, stored, bar)
    figures["seconds"] = round(perf_counter() - began, 3)
    write_json(job.folder / f"run-{'rtl' if job.rtl else 'fast'}.json", figures)
    console.document(figures)
    _tell(console, figures)


def _fast(job: RunJob, stored: StoredProgram, bar: Any) -> dict[str, Any]:
    image = replace(stored.image, memory=stored.image.memory.copy())
    machine = Machine(stored.parameters, threads=job.threads, seed=job.seed)
    machine.run(image, lambda done, total: bar("intervals", done, total))
    codes = stored.result(image)
    check_codes(codes, stored.expected)
    counters = machine.counters
    return {
        **_head("fast", stored), "outputs": codes.size, **quality(codes, stored.expected),
        "tasks": counters.tasks, "instructions": counters.instructions,
        "busy": {unit.value: cycles for unit, cycles in counters.busy.items()},
        "foretold": stored.foretold,
    }  # fmt: skip


def _rtl(job: RunJob, stored: StoredProgram, bar: Any) -> dict[str, Any]:
    timing = MemoryTiming(
        least=job.latency if job.seed is None else max(1, job.latency // 2), most=job.latency,
        stall=job.stall, seed=job.seed or 0,
    )  # fmt: skip
    bar("emitting the engine", 0, 1)
    if job.build is not None:
        build = Build.load(job.build)
    else:
        config = engine_config(stored)
        build = build_design(generator, config, default_folder(generator, config))
    bar("compiling and simulating", 0, 1)
    figures = run_rtl(build, stored, timing, limit=job.limit)
    bar("compiling and simulating", 1, 1)
    return {**_head("rtl", stored), "build": str(build.folder), **figures}


def _head(sim: str, stored: StoredProgram) -> dict[str, Any]:
    return {
        "format": "gatewright-report", "version": 1, "step": "gnn-run", "sim": sim,
        "verdict": "pass", "vertices": stored.vertices,
    }  # fmt: skip


def _tell(console: Console, figures: dict[str, Any]) -> None:
    console.say(
        f"PASS: {figures['outputs']:,} outputs equal to the golden model's ({figures['sim']})"
    )
    line = f"against float64: largest error {figures['largest_error']:.2%} of the largest output"
    if figures["snr_db"] is not None:
        line += f", {figures['snr_db']:.1f} dB"
    console.say(line)
    if "accuracy_int8" in figures:
        console.say(
            f"accuracy: {figures['accuracy_int8']:.1%} in int8, {figures['accuracy_float']:.1%} in "
            "float64"
        )
    busy = figures["busy"]
    cycles = figures.get("cycles", figures["foretold"])
    console.say(
        "busy cycles: " + ", ".join(f"{unit} {busy[unit]:,} ({busy[unit] / cycles:.0%})"
                                    for unit in _UNITS)
    )  # fmt: skip
    told = f"{cycles:,} cycles"
    if "cycles" in figures:
        told += f" ({figures['foretold']:,} foretold, {cycles / figures['foretold'] - 1:+.1%})"
    else:
        told += " foretold by the cost model"
    console.say(f"{told}; {figures['seconds']:.1f} s")

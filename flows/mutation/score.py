"""``gatewright mutate``: the share of wrong designs that a testbench finds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build, write_json
from ..simulation.cocotb_run import run_testbench
from .equivalence import distinguish
from .mutants import FILE, Mutant, make_mutants

__all__ = ["mutate"]

_CYCLES = 24
"""Cycles after reset in which a mutant must show, or it counts as equivalent."""

Progress = Callable[[str, float, float], None]


def mutate(
    build: Build,
    out: Path,
    *,
    count: int = 60,
    modules: Sequence[str] = (),
    seed: int = 1,
    seconds: float = 600.0,
    check_seconds: float = 40.0,
    cycles: int = _CYCLES,
    target: float | None = None,
    simulator: str = "verilator",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make mutants, run the testbench on each, and write ``report.json`` into ``out``.

    Parameters
    ----------
    build
        The design; its manifest names the testbench.
    out
        Folder for the report.
    count, modules, seed
        How many mutants, of which modules, and the seed of the choice and of the testbench.
    seconds
        Time after which no further mutant is run.
    check_seconds, cycles
        Time and cycles of the check whether one that survived is equivalent.
    target
        Share of the others that must be found.
    simulator
        ``verilator`` or ``icarus``.
    progress
        Told how many are done.

    Returns
    -------
    dict
        The report: counts, score, and each survivor with its place in the source.

    Raises
    ------
    InputError
        If there is no testbench, or nothing to mutate.
    CheckFailed
        If the testbench fails without any mutant, or the score is below ``target``.
    """
    module = build.manifest.testbench
    if not module:
        raise InputError(f"the design must name a testbench, which {build.manifest.design} lacks")
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gatewright-mutate-") as name:
        work = Path(name)
        filed, ported, mutants = make_mutants(
            build, work / "mutants", count, modules=modules, seed=seed
        )
        found = _found(filed, module, simulator, 0, work, seed)
        if found is not None:
            raise CheckFailed(f"the testbench must pass without a mutant, not fail: {found}")
        killed: list[dict[str, Any]] = []
        alive: list[Mutant] = []
        for done, mutant in enumerate(mutants):
            if progress is not None:
                progress("mutants", done, len(mutants))
            if time.monotonic() - began > seconds:
                break
            found = _found(filed, module, simulator, mutant.number, work, seed)
            if found is None:
                alive.append(mutant)
            else:
                killed.append(asdict(mutant) | {"found_by": found})
        equivalent, survivors = _split(alive, ported, cycles, check_seconds, work, progress)
    ran = len(killed) + len(alive)
    score = len(killed) / max(1, len(killed) + len(survivors))
    report = {
        "format": "gatewright-report", "version": 1, "step": "mutate",
        "design": build.manifest.design, "generator": build.manifest.generator,
        "config": build.manifest.config, "config_hash": build.manifest.config_hash,
        "modules": sorted({mutant.module for mutant in mutants}), "seed": seed,
        "testbench": module, "simulator": simulator, "mutants": len(mutants), "ran": ran,
        "killed": len(killed), "equivalent": equivalent, "survivors": survivors,
        "score": round(score, 4), "target": target, "cycles": cycles,
        "seconds": round(time.monotonic() - began, 1), "kills": killed,
        "verdict": "pass" if target is None or score >= target else "fail",
    }  # fmt: skip
    write_json(out / "report.json", report)
    if report["verdict"] == "fail":
        raise CheckFailed(
            f"score must be at least {target:.0%}, not {score:.1%}: {len(survivors)} of "
            f"{len(killed) + len(survivors)} mutants survive (see {out / 'report.json'})"
        )
    return report


def _found(
    build: Build, module: str, simulator: str, number: int, work: Path, seed: int
) -> str | None:
    """The first test that fails with a mutant active, or None if all pass."""
    folder = work / "run"
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(f"{number:x}\n")
    try:
        run = run_testbench(build, simulator, module, folder, seed=seed)
    except CheckFailed as failure:
        # Compiled once for all mutants: what fails here is the simulation.
        if number == 0:
            raise
        return f"simulation: {str(failure).splitlines()[0]}"
    if not run.tests:
        raise CheckFailed(f"{module} must hold a test")
    return next((test.name for test in run.tests if test.verdict == "fail"), None)


def _split(
    alive: Sequence[Mutant], build: Build, cycles: int, seconds: float, work: Path,
    progress: Progress | None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mutants that nobody can tell from the design, and those that a test should."""
    equivalent: list[dict[str, Any]] = []
    survivors: list[dict[str, Any]] = []
    for done, mutant in enumerate(alive):
        if progress is not None:
            progress("survivors", done, len(alive))
        answer = distinguish(build, mutant.number, seconds, work)
        told = asdict(mutant) | {"told_apart": answer.verdict, "cycles": answer.depth}
        same = answer.verdict == "proved" or (
            answer.verdict == "bounded" and answer.depth >= cycles
        )
        (equivalent if same else survivors).append(told)
    if progress is not None and alive:
        progress("survivors", len(alive), len(alive))
    return equivalent, survivors

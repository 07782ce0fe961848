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
from .campaign import run_mutants
from .equivalence import distinguish, distinguish_module
from .excuses import Excuse, load_excuses
from .mutants import Mutant, make_mutants
from .outcomes import OUTCOMES, Outcomes

__all__ = ["mutate"]

_CYCLES = 24
"""Least cycles after reset in which a mutant must show, or it counts as equivalent."""

_DEEPEST = 60
"""A whole design whose first result takes more cycles is not unrolled."""

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
    excuses: Sequence[Excuse] | None = None,
    jobs: int = 1,
    key: str = "",
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
        Time after which no further mutant is run; the build of the simulator does not count.
    check_seconds, cycles
        Time of the check whether one that survived is equivalent; and the cycles after reset for
        which a bounded check counts, though at least twice those until the first result.
    target
        Share of the others that must be found.
    simulator
        ``verilator`` or ``icarus``.
    excuses
        What is known of survivors; by default those of the generator.
    jobs
        Runs at a time.
    key
        Hash of all that a run of a mutant depends on. Runs that stand under the same key in
        ``out/outcomes.json`` are not repeated; with an empty one, all are run.
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
        If the testbench fails without any mutant, none was run, or the score is below ``target``.
    """
    module = build.manifest.testbench
    if not module:
        raise InputError(f"the design must name a testbench, which {build.manifest.design} lacks")
    known = load_excuses(build.manifest.generator) if excuses is None else excuses
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gatewright-mutate-") as name:
        work = Path(name)
        filed, ported, mutants = make_mutants(
            build, work / "mutants", count, modules=modules, seed=seed
        )

        def tell(done: int) -> None:
            if progress is not None:
                progress("mutants", done, len(mutants))

        run = run_mutants(
            filed, module, simulator, mutants, work / "run", seed=seed, seconds=seconds, jobs=jobs,
            outcomes=Outcomes.read(out / OUTCOMES, key), progress=tell,
        )  # fmt: skip
        if not run.killed and not run.alive:
            raise CheckFailed(f"time must be enough to run a mutant: none ended in {seconds:g} s")
        split = _Split(ported, cycles, run.first_result, check_seconds, work, known)
        for done, mutant in enumerate(run.alive):
            if progress is not None:
                progress("survivors", done, len(run.alive))
            split.judge(mutant)
    killed = [asdict(mutant) | {"found_by": found} for mutant, found in run.killed]
    survivors = split.survivors
    ran = len(killed) + len(run.alive)
    score = len(killed) / max(1, len(killed) + len(survivors))
    report = {
        "format": "gatewright-report", "version": 1, "step": "mutate",
        "design": build.manifest.design, "generator": build.manifest.generator,
        "config": build.manifest.config, "config_hash": build.manifest.config_hash,
        "modules": sorted({mutant.module for mutant in mutants}), "patterns": list(modules),
        "seed": seed, "budget": seconds, "testbench": module, "simulator": simulator,
        "mutants": len(mutants), "ran": ran, "killed": len(killed), "equivalent": split.equivalent,
        "survivors": survivors, "score": round(score, 4), "target": target,
        "cycles": split.cycles, "seconds": round(time.monotonic() - began, 1), "kills": killed,
        "verdict": "pass" if target is None or score >= target else "fail",
    }  # fmt: skip
    write_json(out / "report.json", report)
    if report["verdict"] == "fail":
        raise CheckFailed(
            f"score must be at least {target:.0%}, not {score:.1%}: {len(survivors)} of "
            f"{len(killed) + len(survivors)} mutants survive (see {out / 'report.json'})"
        )
    return report


class _Split:
    """Sorts mutants that no test found: those that nobody can tell from the design, and others."""

    def __init__(
        self, build: Build, cycles: int, first_result: int | None, seconds: float, work: Path,
        excuses: Sequence[Excuse],
    ) -> None:  # fmt: skip
        self._build = build
        self._seconds = seconds
        self._work = work
        self._excuses = excuses
        self._whole = first_result is not None and first_result <= _DEEPEST
        self.cycles = max(cycles, 2 * (first_result or 0))
        self.equivalent: list[dict[str, Any]] = []
        self.survivors: list[dict[str, Any]] = []

    def judge(self, mutant: Mutant) -> None:
        """Compare a mutant with the design, its module first."""
        if mutant.idle:
            self.equivalent.append(
                asdict(mutant) | {"told_apart": "proved", "scope": "bit", "cycles": 0}
            )
            return
        build, number, work = self._build, mutant.number, self._work
        excuse = next(
            (each for each in self._excuses if each.of(mutant, build.manifest.config)), None
        )
        scope = "module"
        answer = None
        # What inputs of the module alone show would say nothing against the argument.
        if excuse is None or self._whole:
            answer = distinguish_module(build, mutant.module, number, self._seconds / 2, work)
            if answer.verdict != "proved" and self._whole:
                answer = distinguish(build, number, self._seconds, work)
                scope = "design"
        verdict, cycles = (answer.verdict, answer.depth) if answer else ("not asked", 0)
        told = asdict(mutant) | {"told_apart": verdict, "scope": scope, "cycles": cycles}
        same = verdict == "proved" or (
            scope == "design" and verdict == "bounded" and cycles >= self.cycles
        )
        if excuse is not None and not same:
            told["reason"] = excuse.reason
            same = excuse.equivalent and not (scope == "design" and verdict == "refuted")
        (self.equivalent if same else self.survivors).append(told)

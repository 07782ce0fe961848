"""A sweep: points are chosen, estimated, the promising ones are built, and the best are kept."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...generators.artifacts import Manifest
from ...generators.registry import find
from ..results import DATABASE, Results, Run, figures
from .budget import Budget
from .cluster import Cluster, connected
from .dispatch import Dispatch, Load
from .evaluation import STEPS
from .job import Job, Outcome, config_of, design_sources, model_key, step_of
from .ledger import Entry, Ledger, point_text
from .methods import Method, method_of
from .objectives import best_first, pareto, values_of
from .runner import Limits
from .space import Point, Space

__all__ = ["Design", "Sweep", "explore"]

Progress = Callable[[str, float, float], None]

# Figures that only a report has, for refusing misspelt objectives before hours of work. What is
# below one of the groups (power.total) is taken as it is.
_REPORTED = {
    "synth": ("area", "cells", "flops", "flop_area", "luts", "carries", "lut_rams", "block_rams",
              "dsps", "delay", "delay_fo4", "frequency_mhz"),
    "sim": ("cycles", "cycles_per_second"),
    "energy": ("energy", "energy_per_operation", "energy_switching", "energy_internal",
               "operations"),
}  # fmt: skip
_GROUPS = ("paths", "power", "beats", "coverage", "config", "cell_types", *STEPS, "model")
_REFUSED = "refused: "
"""How the database tells a config that the generator refuses from one that failed."""

_MODEL_SHARE = 1 / 3
"""Part of a time budget that the cost model may take if flows follow."""


@dataclass(frozen=True)
class Design:
    """A design of a sweep.

    Attributes
    ----------
    point
        The values of its parameters, as JSON.
    values
        Fields of its config.
    figures
        Of all its runs: those of a later step win, and each is also there as ``step.name``.
    runs
        Keys of its runs.
    objectives
        Their values.
    """

    point: str
    values: Mapping[str, Any]
    figures: Mapping[str, Any] = field(repr=False)
    runs: tuple[str, ...]
    objectives: tuple[float, ...]


@dataclass(frozen=True)
class Sweep:
    """What came out of a sweep: designs, the Pareto set among them, and how it went."""

    space: Space
    database: Path
    designs: tuple[Design, ...]
    front: tuple[Design, ...]
    estimated: int
    refused: int
    reused: int
    failures: Mapping[str, str]
    model_load: Load
    flow_load: Load
    seconds: float


def explore(
    space: Space, out: Path, *, scheduler: str | None = None, workers: int | None = None,
    limits: Limits | None = None, budget: Budget | None = None, force: bool = False,
    progress: Progress | None = None, say: Callable[[str], None] | None = None,
) -> Sweep:  # fmt: skip
    """Sweep a space.

    Parameters
    ----------
    space
        What to look at.
    out
        Folder of the results database, and of the build folders of designs that flows look at.
    scheduler
        Address of a Dask scheduler; by default a cluster of this machine's cores is started.
    workers
        How many, of that one.
    limits
        Of a single job.
    budget
        In place of the space's own.
    force
        Do again what the database has.
    progress, say
        Told how far it is, and what goes wrong on the way.

    Raises
    ------
    InputError
        If an objective is unknown, no design can be evaluated, or the scheduler cannot be reached.
    """
    job = _Sweep(
        space, out, budget or space.budget, force, progress or (lambda what, done, total: None),
        say or (lambda line: None),
    )  # fmt: skip
    job.check()
    with (
        Results(out / DATABASE) as results,
        connected(scheduler, workers, limits or Limits()) as cluster,
    ):
        return job.run(results, cluster)


class _Sweep:
    def __init__(
        self, space: Space, out: Path, budget: Budget, force: bool, progress: Progress,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.space, self.out, self.budget, self.force = space, out, budget, force
        self.progress, self.say = progress, say
        self.generator = find(space.generator)
        self.steps = space.evaluation.steps
        self.start = time.monotonic()
        self.estimates: dict[str, Run] = {}
        self.refused: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self.values: dict[str, dict[str, Any]] = {}
        self.reused = 0
        self.checked = False

    def check(self) -> None:
        """Refuse what can be seen to be wrong before anything is done."""
        if self.generator.model is None and not self.steps:
            raise InputError(
                f"evaluate must name {', '.join(STEPS)} for {self.generator.name}, which has no "
                "cost model, not 'model'"
            )
        if self.generator.model is None:
            self._check_objectives(())

    def _check_objectives(self, model: Sequence[str]) -> None:
        known = {"seconds", *model, *self.space.config, *self.space.parameters}
        known |= {name for step in self.steps for name in _REPORTED[step]}
        for objective in self.space.objectives:
            objective.check(known, _GROUPS)
        self.checked = True

    def run(self, results: Results, cluster: Cluster) -> Sweep:
        ledger = Ledger(results, self.space, forget=self.force)
        model_load = flow_load = Load()
        if self.generator.model is not None:
            model_load = self._estimate(results, ledger, cluster)
            if not self.estimates:
                self._nothing()
        if self.steps:
            chosen = self._promising()
            flow_load, found = self._build(results, ledger, cluster, chosen)
        else:
            found = {point: (run,) for point, run in self.estimates.items()}
        designs = [each for each in map(self._design, found, found.values()) if each is not None]
        if not designs:
            self._nothing()
        best = pareto(self.space.objectives, [each.objectives for each in designs])
        front = sorted((designs[at] for at in best), key=lambda each: self._order(each.objectives))
        on_front = {each.point for each in front}
        names = [each.name for each in self.space.objectives]
        ledger.finish(
            (each.point, each.runs, dict(zip(names, each.objectives, strict=True)),
             each.point in on_front)
            for each in designs
        )  # fmt: skip
        return Sweep(
            space=self.space, database=results.path, designs=tuple(designs), front=tuple(front),
            estimated=len(self.estimates), refused=len(self.refused), reused=self.reused,
            failures=self.failures, model_load=model_load, flow_load=flow_load,
            seconds=time.monotonic() - self.start,
        )  # fmt: skip

    def _order(self, objectives: Sequence[float]) -> tuple[float, ...]:
        signs = [1 if each.goal == "min" else -1 for each in self.space.objectives]
        return tuple(sign * value for sign, value in zip(signs, objectives, strict=True))

    def _nothing(self) -> None:
        told = {**self.refused, **self.failures}
        if not told:
            raise InputError("budget must be enough for one design, and none was evaluated")
        point, why = next(iter(told.items()))
        raise InputError(
            f"space must hold a design that can be evaluated; of {len(told)} none can: the first, "
            f"{point}: {why}"
        )

    def _deadline(self, share: float) -> float | None:
        seconds = self.budget.seconds
        return None if seconds is None else self.start + seconds * share

    def _text(self, point: Point) -> str:
        text = point_text(self.space, point)
        self.values[text] = self.space.values(point)
        return text

    # The cost model -----------------------------------------------------------------------------

    def _estimate(self, results: Results, ledger: Ledger, cluster: Cluster) -> Load:
        method = method_of(self.space)
        dispatch = Dispatch(
            cluster, self._deadline(_MODEL_SHARE if self.steps else 1), small=True
        )
        asked: dict[str, Point] = {}
        keys: dict[str, str] = {}
        total = min(
            self.space.size if self.space.method == "grid" else self.space.samples,
            (not self.steps and self.budget.runs) or self.space.size,
        )
        # Code that has changed since makes other keys, and its estimates are made again.
        before = results.many(
            key for each in ledger.done("model").values() for key in each.runs
        )

        def known(text: str, job: Job) -> bool:
            entry = ledger.entry("model", text)
            key = keys[text] = model_key(job)
            run = before.get(key) or (None if self.force else results.get(key))
            if run is None and (entry is None or entry.failure is None):
                return False
            self.reused += 1
            failure = (entry.failure or "") if entry is not None else ""
            self._note(method, asked.pop(text), text, run, failure.removeprefix(_REFUSED),
                       refused=failure.startswith(_REFUSED))  # fmt: skip
            return True

        def jobs() -> Iterator[Job]:
            fresh = 0
            while self.steps or self.budget.runs is None or fresh < self.budget.runs:
                point = method.ask()
                if point is None:
                    return
                text = self._text(point)
                asked[text] = point
                job = Job(text, self.space.generator, self.values[text], ("model",),
                          workload=self.space.workload)  # fmt: skip
                if not known(text, job):
                    fresh += 1
                    yield job

        def done(outcomes: list[Outcome]) -> None:
            runs = {
                each.point: replace(run, key=keys.pop(each.point))
                for each in outcomes for run in each.runs
            }  # fmt: skip
            ledger.add("model", [*runs.values()], {
                each.point: Entry(
                    (runs[each.point].key,) if each.point in runs else (),
                    f"{_REFUSED}{each.failure}" if each.refused else each.failure,
                )
                for each in outcomes if not (each.failure or "").startswith("lost: ")
            })  # fmt: skip
            for each in outcomes:
                self._note(method, asked.pop(each.point), each.point, runs.get(each.point),
                           each.failure, refused=each.refused)  # fmt: skip
            seen = len(self.estimates) + len(self.refused) + len(self.failures)
            self.progress("cost model", min(seen, total), total)

        dispatch.run(jobs(), done, self.say)
        return dispatch.load

    def _note(
        self, method: Method, point: Point, text: str, run: Run | None, failure: str | None,
        refused: bool = False,
    ) -> None:  # fmt: skip
        if run is None:
            (self.refused if refused else self.failures)[text] = failure or ""
            method.tell(point, None)
            return
        if not self.checked:
            self._check_objectives([*figures(run.report)])
        self.estimates[text] = run
        method.tell(point, values_of(self.space.objectives, self._figures(text, (run,))))

    def _promising(self) -> list[str]:
        """Points for the flows, the most promising first."""
        keep = self.space.evaluation.keep
        if self.generator.model is None:
            method = method_of(self.space)
            points = iter(method.ask, None)
            return [self._text(point) for point in itertools.islice(points, keep) if point]
        some = self._figures(*next((text, (run,)) for text, run in self.estimates.items()))
        modelled = [each for each in self.space.objectives if each.value(some) is not None]
        if not modelled:
            self.say("the cost model tells of no objective: designs are taken in order")
            return sorted(self.estimates)[:keep]
        # Sorted: of equals the same are chosen, whichever was done first.
        scored = {
            text: values_of(modelled, self._figures(text, (run,)))
            for text, run in sorted(self.estimates.items())
        }
        texts = [text for text, values in scored.items() if values is not None]
        order = best_first(modelled, [scored[text] or () for text in texts])
        return [texts[at] for at in order[:keep]]

    # The flows ----------------------------------------------------------------------------------

    def _build(
        self, results: Results, ledger: Ledger, cluster: Cluster, chosen: Sequence[str]
    ) -> tuple[Load, dict[str, tuple[Run, ...]]]:
        code = design_sources(self.space.generator)
        dispatch = Dispatch(cluster, self._deadline(1))
        found: dict[str, tuple[Run, ...]] = {}
        finished = 0

        def note(text: str, runs: tuple[Run, ...], failure: str | None) -> None:
            nonlocal finished
            finished += 1
            if failure is None:
                found[text] = runs
            else:
                self.failures[text] = failure

        def jobs() -> Iterator[Job]:
            fresh = 0
            for text in chosen:
                if self.budget.runs is not None and fresh >= self.budget.runs:
                    return
                runs = () if self.force else self._known(results, text, code)
                failed = next((run for run in runs if run.verdict != "pass"), None)
                if failed is not None or len(runs) == len(self.steps):
                    self.reused += 1
                    note(text, runs, None if failed is None else f"{failed.step} failed")
                    continue
                fresh += 1
                yield Job(
                    text, self.space.generator, self.values[text], self.steps[len(runs):],
                    self.space.evaluation.options, folder=str(self.out.resolve()),
                )  # fmt: skip

        def done(outcomes: list[Outcome]) -> None:
            for each in outcomes:
                if each.manifest is not None:
                    results.put_design(code, each.manifest)
                runs = tuple(self._keyed(run, each.manifest) for run in each.runs)
                ledger.add("flows", runs, {
                    each.point: Entry(tuple(run.key for run in runs), each.failure)
                })  # fmt: skip
                earlier = () if self.force else self._known(results, each.point, code)
                kept = {run.step: run for run in (*earlier, *runs)}
                note(each.point, tuple(kept.values()), each.failure)
            self.progress("building", min(finished, len(chosen)), len(chosen))

        dispatch.run(jobs(), done, self.say)
        return dispatch.load, found

    def _keyed(self, run: Run, manifest: Manifest | None) -> Run:
        assert manifest is not None, "a flow's run is of a design that was emitted"
        step = step_of(run.step, self.space.evaluation.options[run.step], manifest)
        return replace(run, key=step.key(manifest, manifest.hash))

    def _known(self, results: Results, text: str, code: str) -> tuple[Run, ...]:
        """Runs of a design that stand in the database: of its first steps, without a gap."""
        estimate = self.estimates.get(text)
        if estimate is not None:
            hashed = estimate.config_hash
        else:
            from ...generators.config import config_hash

            try:
                hashed = config_hash(
                    self.space.generator, config_of(self.generator, self.values[text])
                )
            except InputError:
                return ()
        manifest = results.design(hashed, code)
        if manifest is None:
            return ()
        options = self.space.evaluation.options
        keys = [
            step_of(step, options[step], manifest).key(manifest, manifest.hash)
            for step in self.steps
        ]
        stored = results.many(keys)
        return tuple(stored[key] for key in itertools.takewhile(stored.__contains__, keys))

    # Designs ------------------------------------------------------------------------------------

    def _figures(self, text: str, runs: Sequence[Run]) -> dict[str, Any]:
        merged: dict[str, Any] = dict(self.values[text])
        for run in runs:
            own = figures(run.report)
            merged |= own | {f"{run.step}.{name}": value for name, value in own.items()}
            merged |= {f"config.{name}": value for name, value in run.config.items()}
        merged["seconds"] = sum(run.seconds for run in runs)
        return merged

    def _design(self, text: str, runs: Sequence[Run]) -> Design | None:
        estimate = self.estimates.get(text)
        every = [*([] if estimate is None or estimate in runs else [estimate]), *runs]
        told = self._figures(text, every)
        objectives = values_of(self.space.objectives, told)
        if objectives is None:
            lacks = [each.name for each in self.space.objectives if each.value(told) is None]
            self.failures[text] = f"its reports lack {', '.join(lacks)}"
            return None
        keys = tuple(run.key for run in every)
        return Design(text, self.values[text], told, keys, objectives)

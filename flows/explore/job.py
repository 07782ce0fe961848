"""One design of a sweep: what is to be done to it, doing it, and what came out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build, Manifest, digest
from ...generators.config import Config, config_hash, load_config
from ...generators.registry import Generator, find
from ..results.record import Step, energy_step, made, sim_step, synth_step
from ..results.run import Run, module_source, sources

__all__ = ["Job", "Outcome", "design_sources", "model_key", "perform", "step_of"]

_MODEL_CODE = ("generators", "golden", "hw")


@dataclass(frozen=True)
class Job:
    """A design, and the steps to be done to it.

    Attributes
    ----------
    values
        Fields of the config.
    steps
        ``model``, or flows in order.
    options
        Of each flow.
    workload
        For the cost model.
    folder
        Where build folders go.
    """

    point: str
    generator: str
    values: Mapping[str, Any]
    steps: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workload: Mapping[str, Any] = field(default_factory=dict)
    folder: str = "build"


@dataclass(frozen=True)
class Outcome:
    """What came out: a run for each step that was done, and why there are no more.

    The keys of the runs are left to whoever asked: a worker may read the sources at another time.
    """

    point: str
    runs: tuple[Run, ...] = ()
    manifest: Manifest | None = None
    failure: str | None = None
    refused: bool = False
    """Whether the generator refuses the config: such a point is none of the space."""


def perform(job: Job) -> Outcome:
    """Do a job. Whatever is wrong with its design is its outcome, not an error."""
    try:
        config = config_of(find(job.generator), job.values)
    except InputError as error:
        return Outcome(job.point, failure=str(error), refused=True)
    if job.steps == ("model",):
        return _model(job, config)
    runs: list[Run] = []
    manifest: Manifest | None = None
    try:
        build = _emitted(job, config)
        manifest = build.manifest
        for name in job.steps:
            runs.append(_flow(job, build, name))
            if runs[-1].verdict != "pass":
                failed = runs[-1].report.get("failure") or {}
                why = failed.get("what") if isinstance(failed, Mapping) else None
                told = f"{name} failed: {why or 'its check'}"
                return Outcome(job.point, tuple(runs), manifest, told)
    except (InputError, CheckFailed, OSError) as error:
        return Outcome(job.point, tuple(runs), manifest, " ".join(str(error).split())[:500])
    return Outcome(job.point, tuple(runs), manifest)


def config_of(generator: Generator, values: Mapping[str, Any]) -> Config:
    """Return a config of the values of a point."""
    overrides = [f"{name}={json.dumps(value)}" for name, value in values.items()]
    return load_config(generator.config(), None, overrides)


def model_key(job: Job) -> str:
    """Return the key of the run of the cost model, without making the config."""
    values = json.dumps([job.generator, dict(job.values), dict(job.workload)], sort_keys=True)
    return digest("model", values, __version__, design_sources(job.generator))


def design_sources(generator: str) -> str:
    """Return the hash of the code that makes designs and estimates them."""
    own = module_source(find(generator).config().__module__)
    return digest(sources(*_MODEL_CODE), own)


def step_of(name: str, options: Mapping[str, Any], manifest: Manifest) -> Step:
    """Return the step that a flow's name and options mean, on a design."""
    if name == "synth":
        chosen = {key: value for key, value in options.items() if key != "target"}
        return synth_step(options["target"], chosen | {"board": None, "bitstream": False})
    if name == "energy":
        return energy_step(manifest, options)
    return sim_step(manifest, options["simulator"], options["seed"], waves=False)


def _model(job: Job, config: Config) -> Outcome:
    generator = find(job.generator)
    assert generator.model is not None
    started, clock = time.time(), time.perf_counter()
    try:
        figures = dict(generator.model(config, job.workload))
    except InputError as error:
        return Outcome(job.point, failure=str(error))
    seconds = time.perf_counter() - clock
    run = Run(
        key="", step="model", generator=job.generator, design=job.generator,
        config_hash=config_hash(job.generator, config), config=config.model_dump(mode="json"),
        target=str(figures.get("technology", "model")), verdict="pass", started=started,
        seconds=round(seconds, 6), folder="",
        report={"format": "gatewright-report", "version": 1, "step": "model", "verdict": "pass",
                **figures},
    )  # fmt: skip
    return Outcome(job.point, (run,))


def _emitted(job: Job, config: Config) -> Build:
    from ...generators.build import build_design

    name = f"{job.generator}-{config_hash(job.generator, config)[:8]}"
    return build_design(find(job.generator), config, Path(job.folder) / name)


def _flow(job: Job, build: Build, name: str) -> Run:
    options = dict(job.options.get(name, {}))
    step = step_of(name, options, build.manifest)
    folder = _folder(build, name, options)
    started, clock = time.time(), time.monotonic()
    report_file = folder / "report.json"
    try:
        if name == "synth":
            from ..synthesis import synthesize

            report = synthesize(build, out=folder, **options)
        elif name == "energy":
            from ..power import measure

            report = measure(build, out=folder, **options)
        else:
            from ..simulation.simulate import simulate

            report = simulate(build, out=folder, **options)
    except CheckFailed:
        report = json.loads(report_file.read_bytes())
    seconds = time.monotonic() - clock
    return made("", step, build.manifest, report, folder, started, seconds)


def _folder(build: Build, name: str, options: Mapping[str, Any]) -> Path:
    if name == "sim":
        return build.folder / f"sim-{options['simulator']}"
    from ..synthesis.targets import parse

    return build.folder / f"{name}-{parse(options['target']).slug}"

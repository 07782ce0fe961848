"""Doing a run only if it was not done before, and storing what came out."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sqlite3
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import InputError
from ...generators.artifacts import Build, Manifest, digest
from .database import DATABASE, Results
from .run import Run, module_source, run_key

__all__ = [
    "Step", "claims", "database_of", "energy_step", "key_of", "made", "mutants_step", "mutate_step",
    "once", "prove_step", "sim_step", "synth_step",
]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """What is done to a design, with all that decides the outcome beside the design.

    ``packages`` are the folders of this package whose code is part of the key.
    """

    name: str
    target: str
    options: Mapping[str, Any]
    tools: Mapping[str, str]
    packages: tuple[str, ...]

    def key(self, manifest: Manifest, verilog: str) -> str:
        """Return the key of the run on a design whose Verilog has the hash ``verilog``."""
        return run_key(
            self.name, manifest, verilog, self.target, self.options, self.tools, *self.packages
        )


def synth_step(target: str, options: Mapping[str, Any]) -> Step:
    """Return the step of a synthesis; ``options`` are those of `synthesize`."""
    from ..synthesis import opensta, yosys
    from ..synthesis.targets import parse

    chosen = parse(target)
    tools = {"gatewright": __version__, "pyosys": yosys.version()}
    told = dict(options)
    if chosen.kind == "liberty" and opensta.available():
        tools["opensta"] = opensta.version()
    if chosen.liberty is not None:
        told["library"] = digest(chosen.liberty.read_bytes())
    if chosen.device is not None:
        family = {"gowin": "himbaechel-gowin"}.get(chosen.device.family, chosen.device.family)
        name = f"yowasp-nextpnr-{family}"
        if importlib.util.find_spec(name.replace("-", "_")) is not None:
            tools[name] = importlib.metadata.version(name)
    return Step("synth", target, told, tools, ("flows/synthesis",))


def sim_step(
    manifest: Manifest, simulator: str, seed: int, waves: bool, coverage: bool = False
) -> Step:
    """Return the step of a simulation by the design's testbench."""
    from ..simulation.cocotb_build import simulator_version

    source = module_source(manifest.testbench)
    options = {
        "seed": seed, "waves": waves, "coverage": coverage, "testbench": digest(source),
    }  # fmt: skip
    tools = {"gatewright": __version__, **simulator_version(simulator)}
    packages = ("verification", "golden", "generators", "flows/simulation")
    return Step("sim", simulator, options, tools, packages)


def energy_step(
    manifest: Manifest, options: Mapping[str, Any], files: Mapping[str, Path | None] | None = None,
    **further: float | None,
) -> Step:  # fmt: skip
    """Return the step of measuring energy: a synthesis, and a simulation of its gates.

    ``options`` are target, recipes and seed; ``files`` what the gates do instead of a testbench.
    """
    target = str(options["target"])
    synth = synth_step(target, {"recipes": options["recipes"]})
    sim = sim_step(manifest, "verilator", int(options["seed"]), waves=True)
    told: dict[str, Any] = {"synth": dict(synth.options), "sim": dict(sim.options)}
    told |= {name: value for name, value in further.items() if value}
    for name, path in (files or {}).items():
        if path is not None:
            try:
                told[name] = digest(path.read_bytes())
            except OSError as error:
                raise InputError(
                    f"--{name} must be a file that can be read, not {path}: {error.strerror}"
                ) from error
    return Step(
        "energy", target, told, {**synth.tools, **sim.tools},
        (*synth.packages, *sim.packages, "flows/power"),
    )  # fmt: skip


def mutants_step(
    manifest: Manifest, simulator: str, count: int, modules: Sequence[str], seed: int
) -> Step:
    """Return the step of running the testbench on mutants."""
    sim = sim_step(manifest, simulator, seed, waves=False)
    tools = {**sim.tools, "pyosys": importlib.metadata.version("pyosys")}
    options = {**sim.options, "count": count, "modules": list(modules)}
    return Step("mutants", simulator, options, tools, (*sim.packages, "flows/mutation"))


def mutate_step(
    manifest: Manifest, runs: Step, seconds: float, target: float | None
) -> Step:
    """Return the step of running mutants for so long, judging those left, and telling the score."""
    from ..mutation.excuses import excuses_of

    known = excuses_of(manifest.generator)
    options = {
        **runs.options, "seconds": seconds, "target": target,
        "survivors": digest(known.read_bytes() if known.is_file() else b""),
    }  # fmt: skip
    return Step("mutate", runs.target, options, runs.tools, (*runs.packages, "flows/formal"))


def prove_step(properties: Sequence[str], module: str | None) -> Step:
    """Return the step of proving properties, by name, that a module's generator claims.

    The time that each is given is no part of it: what passed would pass with more.
    """
    tools = {"gatewright": __version__} | {
        name: importlib.metadata.version(name) for name in ("pyosys", "verilator")
    }
    options = {"properties": list(properties), "module": digest(module_source(module))}
    return Step("prove", "properties", options, tools,
                ("hw", "generators", "golden", "flows/formal", "flows/simulation"))  # fmt: skip


def claims(name: str, config: Mapping[str, Any], config_hash: str, folder: Path) -> Build:
    """Return what a proof is about: a config, in a build folder that need not be written."""
    return Build(folder, Manifest(
        generator=name, design=name, top="", verilog=(), config=dict(config),
        config_hash=config_hash, hash="", clock=None, reset=None, ports=(),
    ))  # fmt: skip


def database_of(build: Build) -> Path:
    """Return where the runs on a build folder are stored: beside it."""
    return build.folder.resolve().parent / DATABASE


def key_of(build: Build, step: Step) -> str:
    """Return the key of a run on a design as its files are, which somebody may have edited."""
    return step.key(build.manifest, digest(*(source.read_bytes() for source in build.verilog)))


def once(
    build: Build, step: Step, folder: Path, run: Callable[[], dict[str, Any]], *,
    force: bool = False, say: Callable[[str], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Do a run that writes ``report.json`` into ``folder``, unless the same was done before.

    A run that passed is not repeated if its files still lie in its folder. What is done is stored,
    also when it fails its check. A database that cannot be used costs a warning, not the run.

    Raises
    ------
    CheckFailed
        From ``run``.
    """
    key = key_of(build, step)
    path, report_file = database_of(build), folder / "report.json"
    before = _stored(path, key)
    passed = before is not None and not force and before.verdict == "pass"
    if before is not None and passed and _read(report_file) == before.report:
        if say is not None:
            say(f"{step.name}: the same run stands in {_short(path)}; --force repeats it")
        return dict(before.report)
    started, clock, old = time.time(), time.monotonic(), _stamp(report_file)
    try:
        return run()
    finally:
        # A failed check has written its report too; what ended otherwise has written none.
        report = _read(report_file) if _stamp(report_file) != old else None
        if report is not None:
            seconds = time.monotonic() - clock
            _store(path, made(key, step, build.manifest, report, folder, started, seconds))


def made(
    key: str, step: Step, manifest: Manifest, report: Mapping[str, Any], folder: Path,
    started: float, seconds: float,
) -> Run:  # fmt: skip
    """Return the run that a report tells of."""
    return Run(
        key=key, step=step.name, generator=manifest.generator, design=manifest.design,
        config_hash=manifest.config_hash, config=manifest.config, target=step.target,
        verdict=str(report.get("verdict", "pass")), started=started, seconds=round(seconds, 3),
        folder=str(folder.resolve()), report=report,
    )  # fmt: skip


def _stored(path: Path, key: str) -> Run | None:
    try:
        with Results(path) as results:
            return results.get(key)
    except (InputError, sqlite3.Error) as error:
        warnings.warn(f"the run is not looked up or stored: {error}", stacklevel=3)
        return None


def _store(path: Path, run: Run) -> None:
    try:
        with Results(path) as results:
            results.put(run)
    except (InputError, sqlite3.Error) as error:
        warnings.warn(f"the run is not stored: {error}", stacklevel=3)


def _read(report: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(report.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _stamp(path: Path) -> tuple[int, int] | None:
    if not path.exists():
        return None
    state = path.stat()
    return state.st_ino, state.st_mtime_ns


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path

"""modred in the demo: products modulo the BLS12-381 prime, by every architecture.

Emit a modular multiplier around each reducer, run random and extreme operands through the Verilog,
compare each result with Python's integers, and show what the reducers cost beside each other.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CheckFailed
from ...generators.artifacts import Build
from ...generators.build import build_design
from ...generators.modred.config import ModredConfig, Operation
from ...generators.modred.cost import TARGETS, Cost, estimate
from ...generators.modred.method import Method
from ...generators.modred.modulus import parse_modulus
from ...generators.modred.plan import explore
from ...generators.registry import find
from ...verification.modred.stimulus import Design, Operands
from ..simulation.batched import BatchedModel
from . import modred_page, modred_tables
from .section import Progress, Table

__all__ = ["ARCHITECTURES", "ModredSection", "Settings"]

ARCHITECTURES: Mapping[str, Mapping[str, Any]] = {
    "barrett_mcm": {"architecture": "barrett_mcm", "dsp": True},
    "montgomery_mcm": {"architecture": "montgomery_mcm", "dsp": True},
    "lut": {"architecture": "lut", "dsp": True},
    "horner": {"architecture": "horner"},
    "horner_cs": {"architecture": "horner_cs"},
    "hybrid": {"architecture": "hybrid"},
    "serial lut": {"architecture": "lut", "mode": "multi_cycle", "group_bits": 2},
    "restoring": {"architecture": "restoring"},
}
"""The designs of the demo, by title: fields of their configs."""

_STALL = 0.25
_TARGET = "ecp5"


@dataclass(frozen=True)
class Settings:
    """Size of the job.

    Attributes
    ----------
    modulus
        What the products are reduced by.
    architectures
        The designs: fields of their configs, by title.
    streaming, multi_cycle
        Operands of each class, for designs of one result per cycle and of many cycles.
    """

    modulus: str = "bls12-381"
    architectures: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: ARCHITECTURES)
    streaming: int = 2000
    multi_cycle: int = 150


class ModredSection:
    """The demo of modred; see `Section`."""

    title = "modred: products modulo a 381-bit prime, by every architecture"
    template = "modred.html"

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    def tables(self, report: Mapping[str, Any]) -> list[Table]:
        return modred_tables.tables(report)

    def view(self, report: Mapping[str, Any]) -> dict[str, Any]:
        return modred_page.view(report)

    def run(self, folder: Path, seed: int, progress: Progress) -> dict[str, Any]:
        """Do the job; see `Section.run`. A design that fails does not keep others from running."""
        report: dict[str, Any] = {"verdict": "fail", "failure": None, "seconds": {}}
        job = _Job(self.settings, folder, seed, progress, report)
        job.run()
        report["verdict"] = "fail" if report["failure"] else "pass"
        return report


@dataclass
class _Job:
    """One run: each step adds to ``report`` what it found."""

    settings: Settings
    folder: Path
    seed: int
    progress: Progress
    report: dict[str, Any]

    def run(self) -> None:
        modulus = parse_modulus(self.settings.modulus)
        self.report["modulus"] = {
            "name": self.settings.modulus, "value": hex(modulus), "bits": modulus.bit_length()
        }
        with self._timed("plan"):
            self._plan(modulus)
        self.report["designs"] = designs = {}
        names = list(self.settings.architectures)
        # While one design is compiled, in processes of their own, the next one is emitted.
        with ThreadPoolExecutor(max_workers=1) as pool:
            models = {}
            for done, name in enumerate(names):
                self.progress("emitting modular multipliers, designs", done, len(names))
                designs[name] = {"verdict": "fail"}
                build = self._emit(name, designs[name])
                models[name] = pool.submit(self._compile, build)
            self.progress("emitting modular multipliers, designs", len(names), len(names))
            for done, name in enumerate(names):
                self.progress("simulating modular multipliers, designs", done, len(names))
                self._try(name, models[name], designs[name])
            self.progress("simulating modular multipliers, designs", len(names), len(names))

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds = self.report["seconds"]
        seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - start

    def _plan(self, modulus: int) -> None:
        """Cost of every method by the model, for reducers of a product."""
        plan = explore(modulus, 2 * modulus.bit_length(), _TARGET, montgomery=True)
        rows = [
            {"front": front, **_costs(point.method, point.cost)}
            for points, front in ((plan.front, True), (plan.rest, False))
            for point in points
            if point.cost is not None
        ]
        self.report["plan"] = {
            "area_unit": plan.target.area_unit,
            "delay_unit": plan.target.delay_unit,
            "best": plan.best.method.title,
            "points": rows,
        }

    def _config(self, name: str) -> ModredConfig:
        return ModredConfig(
            modulus=self.settings.modulus, operation=Operation.MULTIPLY,
            **self.settings.architectures[name],
        )

    def _emit(self, name: str, row: dict[str, Any]) -> Build:
        """Emit one design, and tell in its row what it is."""
        folder = name.replace(" ", "_")
        config = self._config(name)
        with self._timed("emission"):
            build = build_design(find("modred"), config, self.folder / folder)
        design = Design.of(build.manifest)
        row |= {
            "folder": folder,
            "verilog": build.manifest.verilog[0],
            "verilog_hash": build.manifest.hash,
            "verilog_lines": build.verilog[0].read_text().count("\n"),
            "config_hash": build.manifest.config_hash,
            "config": build.manifest.config,
            "latency": design.latency,
            "interval": design.interval,
            "scale": hex(design.scale),
            "model": self._model(config),
            "operands": {},
            "compared": 0,
            "wrong": 0,
        }
        return build

    def _compile(self, build: Build) -> BatchedModel:
        with self._timed("simulator builds"):
            return BatchedModel(build, seed=self.seed)

    def _try(self, name: str, compiled: Future[BatchedModel], row: dict[str, Any]) -> None:
        """Simulate one design; a failed check is told in the report."""
        try:
            self._simulate(compiled.result(), row)
        except CheckFailed as error:
            lines = [f"{name}: {line}" for line in str(error).splitlines()]
            self.report["failure"] = self.report["failure"] or {"design": name, "explanation": []}
            self.report["failure"]["explanation"] += lines
        else:
            row["verdict"] = "pass"

    def _simulate(self, model: BatchedModel, row: dict[str, Any]) -> None:
        design = Design.of(model.manifest)
        rng = random.Random(self.seed)
        each = self.settings.streaming if design.interval == 1 else self.settings.multi_cycle
        drawn = design.operands(rng, each)
        row["operands"] = {kind: len(pairs) for kind, pairs in drawn.items()}
        operands = [pair for pairs in drawn.values() for pair in pairs]
        with self._timed("simulation"):
            for stall in (0.0, _STALL):
                _run(model, design, operands, stall, self.seed, row)

    def _model(self, config: ModredConfig) -> dict[str, Any]:
        """What the model says of the design's reducer."""
        method = Method.of(config)
        parameters = method.parameters(config.value, config.operand_bits)
        return _costs(method, estimate(parameters, TARGETS[_TARGET]))


def _costs(method: Method, cost: Cost) -> dict[str, Any]:
    return {
        "title": method.title,
        "area": cost.area,
        "period": cost.period,
        "interval": cost.interval,
        "latency": cost.latency,
        "table_bits": cost.table_bits,
    }


def _run(
    model: BatchedModel, design: Design, operands: Operands, stall: float, seed: int,
    row: dict[str, Any],
) -> None:
    """Multiply; add to ``row`` what was found.

    Raises
    ------
    CheckFailed
        If a product is wrong, or took other than the documented cycles.
    """
    start = time.perf_counter()
    ran = model.run_streams(
        {"i": design.beats(operands)}, {"o": len(operands)},
        stall={"i": stall, "o": stall}, seed=seed, watchdog=10_000 + 4 * design.latency,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    results = [r for (r,) in design.unpacked(ran.outputs["o"])]
    modulus, scale = design.modulus, design.scale
    expected = [a * b * scale % modulus for a, b in operands]
    wrong = [at for at, result in enumerate(results) if result != expected[at]]
    row["compared"] += len(results)
    row["wrong"] += len(wrong)
    row["stalled" if stall else "unhindered"] = {
        "stall": stall, "results": len(results), "cycles": ran.cycles, "seconds": seconds,
    }  # fmt: skip
    if wrong:
        at = wrong[0]
        a, b = operands[at]
        raise CheckFailed("\n".join([
            f"{len(wrong)} of {len(results)} products differ from Python's; the first is number "
            f"{at}:",
            f"  a        {a:#x}",
            f"  b        {b:#x}",
            f"  expected {expected[at]:#x}",
            f"  got      {results[at]:#x}",
        ]))  # fmt: skip
    if stall:
        return
    latencies = np.unique(ran.when["o"].astype(np.int64) - ran.when["i"].astype(np.int64))
    intervals = np.unique(np.diff(ran.when["i"].astype(np.int64)))
    row |= {"latencies": latencies.tolist(), "intervals": intervals.tolist()}
    if row["latencies"] != [design.latency] or row["intervals"] != [design.interval]:
        raise CheckFailed(
            f"products must take {design.latency} cycles and come every {design.interval}, "
            f"not {row['latencies']} and {row['intervals']}"
        )

"""modred in the demo: products modulo the BLS12-381 prime, by every architecture.

Emit a modular multiplier around each reducer, run random and extreme operands through the Verilog,
compare each result with Python's integers, and show what the reducers cost beside each other.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
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
from .job import STALL, Job, told_of
from .section import Section

__all__ = ["ARCHITECTURES", "Settings", "section"]

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


def section(settings: Settings | None = None) -> Section:
    """Return the demo of modred."""
    return Section(
        title="modred: products modulo a 381-bit prime, by every architecture",
        template="modred.html",
        job=partial(_Job, settings or Settings()),
        tables=modred_tables.tables,
        view=modred_page.view,
    )


class _Job(Job[Settings]):
    def steps(self) -> None:
        modulus = parse_modulus(self.settings.modulus)
        self.report["modulus"] = {
            "name": self.settings.modulus, "value": hex(modulus), "bits": modulus.bit_length()
        }
        with self.timed("plan"):
            self._plan(modulus)
        designs = self.report["designs"] = {}
        names = list(self.settings.architectures)
        builds = self.compiled("modular multipliers", names, self._emit)
        for name in self.counted("simulating modular multipliers", names):
            with self.checking(name, designs[name]):
                self._simulate(builds[name], designs[name])

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

    def _emit(self, name: str) -> Build:
        """Emit one design, and tell what it is."""
        folder = name.replace(" ", "_")
        config = self._config(name)
        build = build_design(find("modred"), config, self.folder / folder)
        design = Design.of(build.manifest)
        self.report["designs"][name] = {
            **told_of(build, folder),
            "latency": design.latency,
            "interval": design.interval,
            "scale": hex(design.scale),
            "model": self._model(config),
            "operands": {},
            "compared": 0,
            "wrong": 0,
        }
        return build

    def _simulate(self, build: Build, row: dict[str, Any]) -> None:
        model = BatchedModel(build, seed=self.seed)
        design = Design.of(build.manifest)
        rng = random.Random(self.seed)
        each = self.settings.streaming if design.interval == 1 else self.settings.multi_cycle
        drawn = design.operands(rng, each)
        row["operands"] = {kind: len(pairs) for kind, pairs in drawn.items()}
        operands = [pair for pairs in drawn.values() for pair in pairs]
        with self.timed("simulation"):
            for stall in (0.0, STALL):
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

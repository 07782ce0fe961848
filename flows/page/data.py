"""What the page shows: sweeps, and designs with all that their runs tell."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..results import Results, Run, figures
from ..results.designs import Design, designs
from ..results.query import query

__all__ = ["page_data"]

_UNITS = ("area_unit", "delay_unit", "power_unit", "energy_unit")
_PATH_STEPS = 400
_PARTS = ("critical_path", "modules", "coverage", "tests", "failure", "survivors", "waves",
          "pareto", "error", "errors", "energy_by_module")  # fmt: skip


def page_data(results: Results, folder: Path, where: str | None = None) -> dict[str, Any]:
    """Return the data of a page that will lie in ``folder``."""
    chosen = results.runs(query(results, where, columns=["step"]).ids)
    found = designs(reversed(chosen))
    return {
        "title": f"Gatewright: {results.path.parent.name or results.path}",
        "database": results.path.name,
        "designs": [_design(each, folder) for each in found],
        "sweeps": _sweeps(results, {run.key: run.config_hash for run in chosen}),
    }


def _design(design: Design, folder: Path) -> dict[str, Any]:
    return {
        "id": design.config_hash,
        "generator": design.generator,
        "name": design.name,
        "config": _briefly(design.runs[-1].config),
        "figures": design.figures,
        "properties": list(design.properties.values()),
        "proved": design.proved,
        "mutated": design.mutated,
        "runs": [_run(run, folder) for run in design.runs],
    }


def _run(run: Run, folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = {
        "step": run.step, "target": run.target, "verdict": run.verdict,
        "seconds": run.seconds, "started": run.started, "figures": figures(run.report),
        "units": {name: run.report[name] for name in _UNITS if name in run.report},
    }  # fmt: skip
    if run.folder:
        told["folder"] = _link(Path(run.folder), folder)
        waves = run.report.get("waves")
        if waves:
            told["waves_link"] = _link(Path(run.folder) / str(waves), folder)
    for name in _PARTS:
        value = run.report.get(name)
        if value not in (None, [], {}):
            told[name] = value[:_PATH_STEPS] if isinstance(value, list) else value
    return told


def _link(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _briefly(config: Mapping[str, Any]) -> dict[str, Any]:
    """Integers that JavaScript cannot hold become texts."""
    return {
        name: str(value) if isinstance(value, int) and value.bit_length() > 53 else value
        for name, value in config.items()
    }


def _sweeps(results: Results, designs: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    rows = results.read("SELECT id, generator, space, started, state FROM sweeps ORDER BY started")
    for sweep, generator, space, started, state in rows[::-1]:
        points = []
        stored = results.read(
            "SELECT point, runs, objectives, pareto FROM points "
            "WHERE sweep = ? AND stage = 'final'", (sweep,)
        )  # fmt: skip
        for point, runs, objectives, pareto in stored:
            known = [designs[key] for key in json.loads(runs) if key in designs]
            if known:
                points.append({
                    "point": json.loads(point), "design": known[-1], "pareto": bool(pareto),
                    "objectives": json.loads(objectives or "{}"),
                })  # fmt: skip
        if points:
            found.append({"id": sweep[:12], "generator": generator, "started": started,
                          "state": state, "points": points, **json.loads(space)})  # fmt: skip
    return found

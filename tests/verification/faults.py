"""Designs that are wrong in one place, and what their testbench says of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence

from gatewright.flows.simulation.cocotb_run import run_testbench
from gatewright.generators.artifacts import Build

__all__ = ["QUICK", "change", "first_failure"]

QUICK = "icarus" if shutil.which("iverilog") else "verilator"
"""The simulator that builds soonest."""


def change(
    build: Build, pattern: str, new: str | Callable[[re.Match[str]], str]
) -> Build:
    """Replace one piece of the Verilog: the first that the pattern matches."""
    (source,) = build.verilog
    text, count = re.subn(pattern, new, source.read_text(), count=1, flags=re.DOTALL)
    assert count == 1, f"{pattern} must occur"
    source.write_text(text)
    return Build.load(build.folder)


def first_failure(
    build: Build, *, only: Sequence[str] = (), seed: int = 0, simulator: str = QUICK
) -> tuple[str, str]:
    """The name of the first test that fails, and what its bench and the test tell of it.

    `simulate` tells the same as a story, but runs twice: the second time for a waveform.
    """
    module = build.manifest.testbench
    assert module is not None
    run = run_testbench(build, simulator, module, build.folder / "sim", seed=seed, only=only)
    failed = [test for test in run.tests if test.verdict == "fail"]
    assert failed, "a test must fail"
    records = [each for each in run.records if each["test"] == failed[0].name and each["failure"]]
    told = [failed[0].message]
    for record in records:
        operands = record["failure"].get("operands") or {}
        told += [record["failure"]["what"], *(f"{name} = {x}" for name, x in operands.items())]
    return failed[0].name, "\n".join(told)

"""Proof that a one-bit output is always 1, by the SAT solver inside pyosys."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Signal


class Claim(Elaboratable):
    """Submodules, free input signals and conditions that must hold for all of their values."""

    def __init__(self) -> None:
        self.m = Module()
        self.inputs: list[Signal] = []
        self.conditions: list = []
        self.holds = Signal()

    def free(self, shape: object, name: str) -> Signal:
        signal = Signal(shape, name=name)
        self.inputs.append(signal)
        return signal

    def elaborate(self, platform: object) -> Module:
        holds = 1
        for index, condition in enumerate(self.conditions):
            term = Signal(name=f"condition_{index}")
            self.m.d.comb += term.eq(condition)
            holds = holds & term
        self.m.d.comb += self.holds.eq(holds)
        return self.m


def prove(claim: Claim, *options: str) -> None:
    """Assert that ``claim.holds`` is 1; ``options`` go to the ``sat`` pass."""
    ys = pytest.importorskip("pyosys.libyosys", reason="pyosys is not installed")
    with tempfile.TemporaryDirectory() as folder:
        source, log = Path(folder, "claim.il"), Path(folder, "sat.log")
        ports = [*(getattr(each, "as_value", lambda e=each: e)() for each in claim.inputs)]
        source.write_text(rtlil.convert(claim, name="claim", ports=[*ports, claim.holds]))
        design = ys.Design()
        for command in (
            f"read_rtlil {source}", "hierarchy -top claim", "proc", "flatten", "memory",
            "opt -full", f"sat {' '.join(options)} -show-inputs -show-outputs -prove holds 1 claim",
        ):
            design.run_pass(f"tee -q -o {log} {command}")
        report = log.read_text()
        design.run_pass("tee -q delete")
    assert re.search(r"SUCCESS!", report) and "FAIL!" not in report, report[-3000:]

"""The element for multiplier blocks: one block, and no multiplication in logic."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from gatewright.generators.emission import emit
from gatewright.hw.tpe.behavioural import MacParameters
from gatewright.hw.tpe.dsp import DspElement
from gatewright.hw.tpe.parameters import OperandParameters


def test_one_block_of_an_ecp5():
    ys = pytest.importorskip("pyosys.libyosys", reason="pyosys is not installed")
    p = MacParameters(operands=OperandParameters(), accumulator_width=32)
    emission = emit(DspElement(p))
    with tempfile.TemporaryDirectory() as folder:
        source, report = Path(folder, "dsp.v"), Path(folder, "stat.json")
        source.write_text(emission.verilog)
        design = ys.Design()
        for command in (
            f"read_verilog -sv {source}", f"synth_ecp5 -top {emission.top}",
            f"tee -q -o {report} stat -json",
        ):
            design.run_pass(f"tee -q {command}" if "tee" not in command else command)
        cells = json.loads(report.read_text())["design"]["num_cells_by_type"]
    assert cells["MULT18X18D"] == 1
    # The sum's carry chain and what starts it.
    assert cells.get("LUT4", 0) <= 40 and cells.get("CCU2C", 0) <= 17

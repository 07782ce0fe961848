"""The testbench of the tiny generator: random operands, checked against Python's sum."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


@cocotb.test()
async def sums(dut: object) -> None:
    manifest = json.loads((Path(os.environ["GATEWRIGHT_BUILD"]) / "manifest.json").read_text())
    rng = random.Random(os.environ["GATEWRIGHT_SEED"])
    limit = 1 << manifest["config"]["width"]
    cocotb.start_soon(Clock(dut.clk, 2, unit="step").start())
    for _ in range(100):
        a, b = rng.randrange(limit), rng.randrange(limit)
        dut.a.value, dut.b.value = a, b
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        assert int(dut.sum.value) == a + b, f"{a} + {b} is not {int(dut.sum.value)}"

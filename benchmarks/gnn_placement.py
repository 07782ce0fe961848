"""gnn: the engine of preset ecp5, placed and routed as `gatewright synth` does.

It takes some forty minutes. The same Verilog, tools and seeds give the same, so that what was found
before in build/benchmarks is taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rows import Row, row

from gatewright.flows.results.record import once, synth_step
from gatewright.flows.synthesis import synthesize
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.gnn import generator
from gatewright.generators.gnn.config import GnnConfig

KEPT = Path(__file__).resolve().parents[1] / "build" / "benchmarks"
TARGET = "ecp5-85k"
OPTIONS: dict[str, Any] = {
    "period": None, "objective": "area_delay", "flatten": False, "recipes": "full", "board": None,
    "bitstream": False, "dsp": True, "place": True, "seed": 1, "placements": 4,
}  # fmt: skip


def run() -> list[Row]:
    build = build_design(
        generator, load_config(GnnConfig, None, ["preset=ecp5"]), KEPT / "gnn-ecp5"
    )
    out = build.folder / f"synth-{TARGET}"
    placed = once(
        build, synth_step(TARGET, OPTIONS), out,
        lambda: synthesize(build, TARGET, **OPTIONS, out=out),
    )  # fmt: skip
    sizes = (("luts", "LUT"), ("dsps", "multiplier blocks"), ("block_rams", "block RAMs"))
    title = f"ECP5-85K, preset ecp5, fastest of {OPTIONS['placements']} placements, routed"
    return [
        row(f"{title}: frequency", placed["frequency_mhz"], "MHz", target=80),
        *(row(f"{title}: {unit}", placed[name], "") for name, unit in sizes),
    ]

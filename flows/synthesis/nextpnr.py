"""Placing and routing by nextpnr, from its YoWASP packages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...generators.artifacts import write_bytes
from .candidates import Progress
from .devices import FAMILIES
from .targets import Device
from .yosys import last_error

__all__ = ["GOWIN_NOTE", "OUTPUTS", "Netlist", "Placed", "call", "place_and_route"]

GOWIN_NOTE = (
    "an upper bound: nextpnr's timing of Gowin devices leaves out paths through LUTs "
    "(nextpnr issue 1446)"
)
OUTPUTS = {"ecp5": "design.config", "ice40": "design.asc", "gowin": "pnr.json"}
"""What is written for a bitstream, by family."""
# What to aim at when no period is asked for: more than the family reaches.
_EAGER_MHZ = {"ecp5": 300.0, "ice40": 150.0, "gowin": 200.0}
_COMPILES = "the first call of a YoWASP tool compiles it, which takes about 30 s"
_LARGE = 20_000
"""LUTs of a design for which nextpnr's placer `static` is used on ECP5: with the gnn engine of
28,600 its wires are 25 % shorter than with `heap`, and its clock as placed is 27 % faster."""


@dataclass(frozen=True)
class Netlist:
    """What is placed: `path`, of so many `luts`; `constraints` tells its pins, None if none."""

    path: Path
    luts: int
    constraints: Path | None


@dataclass(frozen=True)
class Placed:
    """The routed design: its seed, MHz, critical path, and the use of the device, if placed.

    `estimates` are MHz after placement by seed, if several were tried.
    """

    seed: int
    mhz: float | None = None
    path: list[dict[str, Any]] = field(default_factory=list)
    utilization: dict[str, Any] = field(default_factory=dict)
    estimates: dict[int, float] = field(default_factory=dict)


def place_and_route(
    netlist: Netlist, device: Device, *, period: float | None, seeds: Sequence[int], folder: Path,
    progress: Progress,
) -> Placed:
    """Place with each of `seeds`, as many at once as there are cores, and route the fastest.

    The fastest is that with the highest frequency by nextpnr's estimate after placement, which
    leaves out what routing adds to single wires: the same seeds give the same choice. Files stay
    in `folder`, those of placements that are only estimated in its `seed-N`.
    """
    steps = len(seeds) + 2 if len(seeds) > 1 else 2
    estimates: dict[int, float] = {}
    if len(seeds) > 1:
        progress(f"placing with {len(seeds)} seeds ({_COMPILES})", 1, steps)
        pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        try:
            found = pool.map(
                lambda seed: _estimate(netlist, device, period, seed, folder / f"seed-{seed}"),
                seeds,
            )
            for seed, mhz in zip(seeds, found, strict=True):
                estimates[seed] = mhz
                progress(f"seed {seed}: about {mhz:g} MHz", 1 + len(estimates), steps)
        finally:
            pool.shutdown(cancel_futures=True)
    seed = max(seeds, key=lambda seed: estimates.get(seed, 0.0))
    progress(f"placing and routing ({_COMPILES})", steps - 1, steps)
    options = ["--report", "timing.json"]
    if netlist.constraints is not None:
        options += [FAMILIES[device.family].netlist_option, OUTPUTS[device.family]]
    (folder / "timing.json").unlink(missing_ok=True)
    _nextpnr(netlist, device, period, seed, folder, options)
    placed = _timing(folder / "timing.json", seed, estimates)
    progress("placed and routed", steps, steps)
    return placed


def _estimate(
    netlist: Netlist, device: Device, period: float | None, seed: int, folder: Path
) -> float:
    """Place only; MHz of the slowest clock, 0 if there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    _nextpnr(netlist, device, period, seed, folder, ["--no-route"])
    said = (folder / "nextpnr.log").read_text(errors="replace")
    # Nextpnr's report has frequencies only of what is routed.
    speeds = re.findall(r"Max frequency for clock .*: ([\d.]+) MHz", said)
    return min(map(float, speeds), default=0.0)


def _nextpnr(
    netlist: Netlist, device: Device, period: float | None, seed: int, folder: Path,
    more: Sequence[str],
) -> None:
    family = FAMILIES[device.family]
    target_mhz = 1000 / period if period is not None else _EAGER_MHZ[device.family]
    # From its folder on: YoWASP's tools see another /tmp than we do.
    path = os.path.relpath(netlist.path, folder)
    options = ["--json", path, *device.options, *device.package, "--seed", str(seed)]
    options += ["--freq", f"{target_mhz:.3f}", "--timing-allow-fail"]
    if netlist.constraints is not None:
        name = f"board{family.constraint_suffix}"
        write_bytes(folder / name, netlist.constraints.read_bytes())
        cst = device.family == "gowin"
        options += ["--vopt", f"cst={name}"] if cst else [family.constraint_option, name]
    elif device.family == "ecp5":
        options += ["--lpf-allow-unconstrained"]
        if netlist.luts >= _LARGE:
            options += ["--placer", "static"]
    elif device.family == "ice40":
        options += ["--pcf-allow-unconstrained"]
    else:
        pins = zip(("clk", "load", "data", "tap"), device.harness_pins, strict=True)
        text = "".join(f'IO_LOC "{name}" {pin};\n' for name, pin in pins)
        (folder / "harness.cst").write_text(text)
        options += ["--vopt", "cst=harness.cst"]
    call(family.package, family.function, [*options, *more], folder, "nextpnr")


def call(package: str, function: str, options: Sequence[str], folder: Path, name: str) -> None:
    """Run a tool's Python entry in a process of its own; its output stays in NAME.log."""
    module, _, attribute = package.rpartition(".") if "." in package else ("", "", "")
    code = f"import sys, {package} as tool; sys.exit(tool.{function}(sys.argv[1:]))"
    if module:
        # Apycula's entry reads the command line itself.
        code = f"import sys, {package} as tool; sys.argv[0] = {attribute!r}; tool.{function}()"
    log = folder / f"{name}.log"
    with log.open("wb") as stream:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, *options],
            cwd=folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if done.returncode != 0:
        raise InputError(
            f"design must pass {name}, not fail with: {last_error(log)} (log: {log})"
        )


def _timing(path: Path, seed: int, estimates: dict[int, float]) -> Placed:
    """Post-route frequency (of the slowest clock), critical path and use of the device."""
    if not path.is_file():
        raise InputError(f"{path} must have been written by nextpnr; see nextpnr.log beside it")
    data = json.loads(path.read_text())
    speeds = [clock["achieved"] for clock in data.get("fmax", {}).values()]
    steps: list[dict[str, Any]] = []
    slowest = 0.0
    for critical in data.get("critical_paths", []):
        points, arrival = [], 0.0
        for step in critical["path"]:
            arrival += step["delay"]
            points.append(
                {
                    "point": step["to"].get("cell", ""),
                    "cell": step["type"],
                    "arrival": round(arrival, 3),
                }
            )
        same = critical["from"].split()[-1] == critical["to"].split()[-1]
        if same and arrival > slowest:
            slowest, steps = arrival, points
    mhz = float(f"{min(speeds):.6g}") if speeds else None
    return Placed(seed, mhz, steps, data.get("utilization", {}), estimates)

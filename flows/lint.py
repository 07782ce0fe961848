"""Verilator's linter over a build folder, with every warning on but the few style ones we waive.

The waivers are in ``lint.vlt``, each with its reason.
"""

from __future__ import annotations

from importlib.resources import as_file, files

from ..errors import CheckFailed
from ..generators.artifacts import Build
from .simulation.process import run
from .simulation.verilator import toolchain

__all__ = ["lint"]

_SHOWN = 20


def lint(build: Build) -> None:
    """Lint the Verilog of a build.

    Raises
    ------
    CheckFailed
        If there is any warning or error: with the first messages, a line each.
    MissingToolError
        If Verilator is not installed.
    """
    tools = toolchain()
    with as_file(files(__package__).joinpath("lint.vlt")) as waivers:
        command = [
            str(tools.program), "--lint-only", "-Wall", "-Wno-context",
            "--top-module", build.manifest.top,
            str(waivers), *(str(source.resolve()) for source in build.verilog),
        ]  # fmt: skip
        status, said = run(command, environment=tools.environment(), cwd=build.folder)
    messages = [
        line.replace(f"{build.folder.resolve()}/", "")
        for line in said.splitlines()
        if line.startswith("%") and not line.startswith("%Error: Exiting")
    ]
    if status or messages:
        more = [f"and {len(messages) - _SHOWN} more"] if len(messages) > _SHOWN else []
        told = [*messages[:_SHOWN], *more] or [said.strip()]
        raise CheckFailed("\n".join([f"{build.manifest.design} must lint without warning:", *told]))

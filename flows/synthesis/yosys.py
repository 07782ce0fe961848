"""Run native Yosys (pyosys) in a process of its own, and say what went wrong if it does."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError, MissingToolError

__all__ = ["abc_program", "quote", "run", "version"]


def version() -> str:
    """Version of the installed pyosys."""
    try:
        return importlib.metadata.version("pyosys")
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingToolError("pyosys must be installed: pip install pyosys") from error


def abc_program() -> Path:
    """The ABC program that the pyosys wheel brings."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise MissingToolError("pyosys must be installed: pip install pyosys")
    program = Path(spec.origin).parent / "yosys-abc"
    if not program.is_file():
        raise MissingToolError(
            f"{program} must exist: reinstall it with pip install --force-reinstall pyosys"
        )
    return program


def quote(path: Path) -> str:
    """A path as one word of a Yosys command."""
    text = str(path.resolve())
    if '"' in text or "\n" in text:
        raise InputError(f"path must hold no quote or newline, not {text!r}")
    return f'"{text}"'


def run(
    commands: Sequence[str], folder: Path, name: str, *, seconds: float | None = None
) -> None:
    """Run Yosys commands; the script and the log stay in `folder` as NAME.ys and NAME.log.

    Raises
    ------
    InputError
        If Yosys refuses the design: its last error line and where the log lies.
    TimeoutError
        If it takes longer than `seconds`.
    """
    version()
    script, log = folder / f"{name}.ys", folder / f"{name}.log"
    script.write_text("\n".join(commands) + "\n")
    with log.open("wb") as stream:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "gatewright.flows.synthesis.worker", str(script)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as late:
            raise TimeoutError(f"yosys must end in {seconds:g} s (log: {log})") from late
    if done.returncode != 0:
        raise InputError(f"design must pass yosys, not fail with: {last_error(log)} (log: {log})")


def last_error(log: Path) -> str:
    """The last line of a tool's log that tells an error, else its last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    chosen = errors[-1:] or [line for line in lines if "error" in line.lower()] or lines
    return chosen[-1][:300] if chosen else "no output"

"""Running a program: its exit is checked, and its last words are shown when it fails."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import CheckFailed

__all__ = ["execute", "last_error_lines", "run"]

_ERROR = re.compile(r"error|fatal|undefined reference|traceback|assert", re.IGNORECASE)


def last_error_lines(log: str, count: int = 8) -> str:
    """The last lines of `log` that speak of an error, or else simply the last lines.

    Parameters
    ----------
    log
        What the program printed.
    count
        The most lines to return.
    """
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if _ERROR.search(line)]
    return "\n".join((telling or lines)[-count:])


def run(command: Sequence[str], *, environment: Mapping[str, str], cwd: Path) -> tuple[int, str]:
    """Run a program; return its exit code and what it printed (stdout and stderr together)."""
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout


def execute(command: Sequence[str], *, environment: Mapping[str, str], cwd: Path) -> str:
    """Run a program that must succeed, and return what it printed.

    Raises
    ------
    CheckFailed
        If it exits with anything but 0; the message ends with its last error lines.
    """
    status, said = run(command, environment=environment, cwd=cwd)
    if status != 0:
        name = Path(command[0]).name
        raise CheckFailed(f"{name} failed with exit {status}:\n{last_error_lines(said)}")
    return said

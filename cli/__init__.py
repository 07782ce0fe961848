"""The command line: one file per command. ``main`` is the ``gatewright`` program."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .boundary import run

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: of the process) and return its exit code.

    0: done. 1: a check failed. 2: bad input, in one line on stderr. 130: interrupted.
    70: a fault of this program itself.
    """
    return run([*(sys.argv[1:] if arguments is None else arguments)])

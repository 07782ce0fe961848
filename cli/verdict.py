"""The report of a flow step on stdout, also when the step ends in a failed check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import CheckFailed
from .console import Console

__all__ = ["verdict"]


@contextmanager
def verdict(console: Console, folder: Path) -> Iterator[None]:
    """Print the report that the step in this context writes to ``folder``, as JSON if asked.

    A step whose check fails writes its report and then raises `CheckFailed`, which goes on from
    here. A report that was there before, of an earlier run, is not printed.
    """
    report = folder / "report.json"
    before = _stamp(report)
    try:
        yield
    except CheckFailed:
        if _stamp(report) != before:
            console.document(json.loads(report.read_bytes()))
        raise
    console.document(json.loads(report.read_bytes()))


def _stamp(path: Path) -> tuple[int, int] | None:
    # Reports are replaced as a whole, so that each has an inode and a time of its own.
    if not path.exists():
        return None
    state = path.stat()
    return state.st_ino, state.st_mtime_ns

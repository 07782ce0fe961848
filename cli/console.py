"""What commands print: tables and sentences for people, or one JSON document for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

__all__ = ["Console", "Progress"]

_PLAIN_WIDTH = 160
_SECONDS_BETWEEN_LINES = 5.0


class Progress(Protocol):
    """Told by a long job how far it is: ``done`` of ``total`` of ``what``."""

    def __call__(self, what: str, done: float, total: float) -> None: ...


class Console:
    """The output of one command.

    Results go to stdout: the document with ``--json``, else text, else (``--quiet``) nothing.
    Progress goes to stderr: a bar on a terminal, a line every few seconds elsewhere, nothing with
    ``--quiet``.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self._json = json
        self._quiet = quiet

    def document(self, value: Any) -> None:
        """Print ``value`` as the one JSON document of this command, if JSON is asked."""
        if self._json:
            sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def say(self, text: str = "") -> None:
        """Print a line for a person."""
        if not (self._json or self._quiet):
            sys.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """Tell on stderr what a long job is doing."""
        if not self._quiet:
            _tell_progress(text)

    def table(
        self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]], fixed: int = 1
    ) -> None:
        """Print rows under a title; the first ``fixed`` columns are never wrapped."""
        if self._json or self._quiet or not rows:
            return
        from rich.console import Console as Terminal
        from rich.table import Table
        from rich.text import Text

        on_terminal = sys.stdout.isatty()
        terminal = Terminal(file=sys.stdout, width=None if on_terminal else _PLAIN_WIDTH)
        table = Table(
            title=title or None,
            title_justify="left",
            title_style="bold",
            box=None,
            pad_edge=False,
            header_style="dim",
            padding=(0, 2, 0, 0),
        )
        for index, name in enumerate(header):
            table.add_column(name, no_wrap=index < fixed, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        with terminal.capture() as captured:
            terminal.print(table)
        sys.stdout.write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Give the callback that a long job reports to."""
        if self._quiet:
            yield _silent
        elif sys.stderr.isatty():
            with _bar() as bar:
                yield bar
        else:
            yield _Lines()


def _silent(what: str, done: float, total: float) -> None:
    """Report nothing."""


class _Lines:
    """Progress as plain lines: the first and the last of each job, and one every few seconds."""

    def __init__(self) -> None:
        self._what = ""
        self._start = self._told = 0.0

    def __call__(self, what: str, done: float, total: float) -> None:
        now = time.monotonic()
        if what != self._what:
            self._what, self._start, self._told = what, now, 0.0
        if done >= total or now - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = now
            _tell_progress(f"{what}: {progress_words(done, total, now - self._start)}")


def _tell_progress(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def progress_words(done: float, total: float, seconds: float) -> str:
    """Return ``40/100 (40 %), 20/s, 3 s left``; a share of one whole is ``40 %, 3 s left``."""
    percent = f"{100 * done / total:.0f} %" if total else "0 %"
    if not done or seconds <= 0:
        return percent if total <= 1 else f"{done:,.0f}/{total:,.0f} ({percent})"
    rate = done / seconds
    left = f", {(total - done) / rate:.0f} s left" if done < total else ""
    if total <= 1:
        return percent + left
    speed = f"{rate:,.3g}" if rate < 1000 else f"{rate:,.0f}"
    return f"{done:,.0f}/{total:,.0f} ({percent}), {speed}/s{left}"


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, TaskID, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
    tasks: dict[str, tuple[TaskID, float]] = {}
    with Bar(*columns, console=Terminal(stderr=True), transient=True) as bar:

        def report(what: str, done: float, total: float) -> None:
            now = time.monotonic()
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total, words=""), now
            task, start = tasks[what]
            bar.update(
                task, completed=done, total=total, words=progress_words(done, total, now - start)
            )

        yield report

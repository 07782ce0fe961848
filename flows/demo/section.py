"""What every accelerator brings to the demo: a job, the tables and the pages made of its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Progress", "Section", "Table"]

Progress = Callable[[str, float, float], None]
"""Told what is being done, and how much of how much is done."""


@dataclass(frozen=True)
class Table:
    """A table for people: every cell is text made of the report.

    ``name`` is what the page's template calls it.
    """

    name: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


class Section(Protocol):
    """The part of one accelerator."""

    @property
    def title(self) -> str:
        """Heading of the section."""

    @property
    def template(self) -> str:
        """Jinja template, in this folder, of the section on the page."""

    def run(self, folder: Path, seed: int, progress: Progress) -> dict[str, Any]:
        """Do the job.

        Build folders and step reports go into ``folder``. The result must hold ``verdict``
        ("pass" or "fail"), ``failure`` (None, or a mapping with ``explanation``, a list of lines)
        and ``seconds``; and everything that a table or a page shows.
        """

    def tables(self, report: Mapping[str, Any]) -> list[Table]:
        """Return what a person reads, made of what `run` returned and of nothing else."""

    def view(self, report: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the template needs beside the report and the tables, such as charts."""

"""What every accelerator brings to the demo: a job, the tables and the pages made of its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .job import Job, Progress

__all__ = ["Section", "Table"]


@dataclass(frozen=True)
class Table:
    """A table for people: every cell is text made of the report.

    ``name`` is what the page's template calls it.
    """

    name: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """The part of one accelerator.

    Attributes
    ----------
    title
        Heading of the section.
    template
        Jinja template, in this folder, of the section on the page.
    job
        Makes the job, of its folder, the seed and whom to tell the progress.
    tables
        Makes what a person reads, of the job's report and of nothing else.
    view
        Makes what the template needs beside the report and the tables, such as charts.
    """

    title: str
    template: str
    job: Callable[[Path, int, Progress], Job[Any]]
    tables: Callable[[Mapping[str, Any]], list[Table]]
    view: Callable[[Mapping[str, Any]], dict[str, Any]]

"""The report as one HTML page: no script, no font, no picture from anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from .section import Section

__all__ = ["render"]


def render(report: Mapping[str, Any], sections: Mapping[str, Section]) -> str:
    """Return the page of a report.

    Parameters
    ----------
    report
        What `run` writes to report.json.
    sections
        The sections that the report has, by name.
    """
    environment = Environment(
        loader=PackageLoader(__package__ or __name__.rpartition(".")[0], "."),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = {}
    for name, section in sections.items():
        told = report["sections"][name]
        parts[name] = {
            "title": section.title,
            "template": section.template,
            "report": told,
            "tables": {table.name: table for table in section.tables(told)},
            "view": section.view(told),
        }
    return environment.get_template("page.html").render(report=report, parts=parts)

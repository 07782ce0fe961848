"""Putting data, style and program into one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from ...generators.artifacts import write_text
from ..results import Results
from .data import page_data

__all__ = ["render", "write_page"]


def write_page(results: Results, path: Path, where: str | None = None) -> None:
    """Write the page of the runs that fit ``where``, an expression as queries have it."""
    write_text(path, render(page_data(results, path.resolve().parent, where)))


def render(data: Mapping[str, Any]) -> str:
    """Return the page of some data."""
    environment = Environment(
        loader=PackageLoader(__package__ or __name__.rpartition(".")[0], "."),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
    )
    # Within a script element only `</script` and `<!--` could end it, or be taken for its end.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    return environment.get_template("page.html").render(
        title=data["title"], data=Markup(text)
    )

"""Runs as CSV, Parquet or a Markdown table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ...generators.artifacts import write_bytes, write_text
from .query import Table, Value

__all__ = ["markdown", "number_text", "write_csv", "write_parquet"]


def write_csv(table: Table, path: Path) -> None:
    """Write a table as CSV (RFC 4180): a header, then a row for each run."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(table.columns)
    writer.writerows(["" if value is None else value for value in row] for row in table.rows)
    write_text(path, text.getvalue())


def write_parquet(table: Table, path: Path) -> None:
    """Write a table as Parquet: numbers as doubles, a column with a text in it as texts."""
    import pyarrow
    import pyarrow.parquet

    arrays = {}
    for index, name in enumerate(table.columns):
        column = [row[index] for row in table.rows]
        if any(isinstance(value, str) for value in column):
            arrays[name] = pyarrow.array(
                [None if value is None else str(value) for value in column], pyarrow.string()
            )
        else:
            arrays[name] = pyarrow.array(
                [None if value is None else float(value) for value in column], pyarrow.float64()
            )
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(arrays), buffer)
    write_bytes(path, buffer.getvalue())


def number_text(value: Value | bool) -> str:
    """Return a value as a cell of a table: four significant digits, thousands apart."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; columns of numbers are set to the right."""
    numeric = [
        bool(rows) and all(not row[i] or row[i][:1] in "-0123456789" for row in rows)
        for i in range(len(header))
    ]
    lines = ["| " + " | ".join(header) + " |"]
    lines.append("|" + "|".join("---:" if each else "---" for each in numeric) + "|")
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"

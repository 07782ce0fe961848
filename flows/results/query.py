"""Questions to the database: which runs, in which order, with which figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ...generators.registry import nearest
from .database import Results
from .expression import MissingFigure, parse

__all__ = ["Table", "query"]

Value = float | str | None

_FIRST = ("generator", "step", "target", "verdict")
"""Columns that a table has unless others are asked."""

_USUAL = (
    "area", "luts", "flops", "delay", "frequency_mhz", "cycles", "utilisation", "coverage.hit",
    "coverage.bins", "counts.proved", "score", "power.total", "energy", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Runs and some of their figures; ``None`` where a run has none of that name."""

    ids: tuple[int, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: int
    """Runs that the question fits, with those that a limit left out."""


def query(
    results: Results, where: str | None = None, *, sort: str | None = None,
    columns: Sequence[str] | None = None, limit: int | None = None,
) -> Table:  # fmt: skip
    """Ask for runs.

    Parameters
    ----------
    where
        An expression over figures, such as ``generator == "flint" and area < 5000``; a run that
        lacks one of them does not fit.
    sort
        A figure; with a leading ``-`` the largest first. By default the newest run first.
    columns
        Figures to show, by default the usual ones that some of the runs have; ``*`` means all.
    limit
        Most runs to return.

    Raises
    ------
    InputError
        If the expression or a name is wrong.
    """
    names = results.names()
    chosen = results.ids()
    if where is not None:
        chosen = _fitting(results, names, chosen, where)
    chosen = _sorted(results, names, chosen, sort)
    total = len(chosen)
    shown = chosen if limit is None else chosen[:limit]
    if columns is None:
        wanted = _usual(results, names, shown)
    else:
        wanted = list(names) if list(columns) == ["*"] else list(columns)
    for name in wanted:
        if columns is not None:
            _known(name, names, "columns")
    rows = _rows(results, shown, wanted)
    return Table(tuple(shown), tuple(wanted), rows, total)


def _known(name: str, names: Sequence[str], what: str) -> None:
    if names and name not in names:
        near = nearest(name, list(names))
        raise InputError(f"{what} must name figures of stored runs, not {name!r}{near}")


def _fitting(results: Results, names: Sequence[str], ids: list[int], where: str) -> list[int]:
    condition = parse(where, "--where")
    for name in sorted(condition.names):
        _known(name, names, "--where")
    columns = {name: results.column(name) for name in condition.names}
    found = []
    for number in ids:
        figures = {name: each[number] for name, each in columns.items() if number in each}
        try:
            if condition.value(figures):
                found.append(number)
        except MissingFigure:
            continue
    return found


def _sorted(
    results: Results, names: Sequence[str], ids: list[int], sort: str | None
) -> list[int]:
    if sort is None:
        return ids[::-1]
    name = sort.removeprefix("-")
    _known(name, names, "--sort")
    column = results.column(name)
    having = [number for number in ids if number in column]
    # Numbers before texts, as a figure can be either; runs without it come last.
    having.sort(
        key=lambda number: (isinstance(column[number], str), column[number]),
        reverse=sort.startswith("-"),
    )
    return having + [number for number in ids if number not in column]


def _usual(results: Results, names: Sequence[str], ids: Sequence[int]) -> list[str]:
    wanted = [name for name in (*_FIRST, *_USUAL) if name in names]
    if not ids:
        return wanted
    rows = _rows(results, ids, wanted)
    return [name for name, *values in zip(wanted, *rows, strict=True)
            if any(value is not None for value in values)]  # fmt: skip


def _rows(
    results: Results, ids: Sequence[int], names: Sequence[str]
) -> tuple[tuple[Value, ...], ...]:
    place = {name: index for index, name in enumerate(names)}
    rows: dict[int, list[Value]] = {number: [None] * len(names) for number in ids}
    if len(ids) > 500:
        for name in names:
            for number, value in results.column(name).items():
                if number in rows:
                    rows[number][place[name]] = value
    else:
        marks = ",".join("?" * len(ids))
        query = f"SELECT run, name, value FROM figures WHERE run IN ({marks})"
        for number, name, value in results.read(query, list(ids)):
            if name in place:
                rows[number][place[name]] = value
    return tuple(tuple(row) for row in rows.values())

"""Designs: what all runs on one config tell together, and how far it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .database import Results
from .query import Table, Value, query
from .run import Run, figures

__all__ = ["Design", "design_table", "designs"]

_ORDER = ("model", "sim", "prove", "mutate", "synth", "energy")
"""Of two runs that tell the same figure the later one in this order is believed."""

_HEADS = frozenset({"step", "verdict", "design", "generator", "target", "netlist"})
_VERDICTS = ("proved", "bounded", "unknown", "refuted")
_COLUMNS = ("area", "luts", "delay", "frequency_mhz", "cycles", "energy_per_operation")
"""Figures of the table of designs, where some design has them."""


@dataclass(frozen=True)
class Design:
    """A config, and its runs in the order in which they are believed."""

    config_hash: str
    generator: str
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """The name of its build folder, if none was asked for."""
        return f"{self.generator}-{self.config_hash[:8]}"

    @cached_property
    def figures(self) -> dict[str, float | str]:
        """Figures of all runs."""
        merged: dict[str, float | str] = {}
        for run in self.runs:
            merged |= figures(run.report)
        return {name: value for name, value in merged.items() if name not in _HEADS}

    def last(self, step: str) -> Run | None:
        """Return the newest run of a step."""
        return next((run for run in reversed(self.runs) if run.step == step), None)

    @cached_property
    def properties(self) -> dict[str, dict[str, Any]]:
        """What was proved by all proofs, each property as the newest run has it, by its name."""
        found: dict[str, dict[str, Any]] = {}
        for run in self.runs:
            if run.step == "prove":
                for each in run.report.get("properties", ()):
                    found[str(each["name"])] = dict(each)
        return found

    @property
    def simulated(self) -> str:
        """The verdict of the newest simulation, and how many bins of coverage it hit."""
        run = self.last("sim")
        if run is None:
            return ""
        coverage = run.report.get("coverage") or {}
        bins = f", {coverage['hit']}/{coverage['bins']} bins" if coverage.get("bins") else ""
        return f"{run.verdict}{bins}"

    @property
    def proved(self) -> str:
        """How many properties are proved, and how many are not."""
        verdicts = [str(each.get("verdict")) for each in self.properties.values()]
        ordered = dict.fromkeys((*_VERDICTS, *verdicts))
        return ", ".join(f"{verdicts.count(kind)} {kind}" for kind in ordered
                         if kind in verdicts)

    @property
    def mutated(self) -> str:
        """The share of mutants that the testbench finds."""
        run = self.last("mutate")
        if run is None:
            return ""
        left = len(run.report.get("survivors", ()))
        return f"{run.report['score']:.1%} found" + (f", {left} left" if left else "")


def designs(runs: Iterable[Run]) -> list[Design]:
    """Put runs together by config, in the order in which the configs first appear."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.generator, run.config_hash), []).append(run)
    return [
        Design(config_hash, generator, tuple(sorted(each, key=_place)))
        for (generator, config_hash), each in found.items()
    ]


def design_table(
    results: Results, where: str | None = None, *, sort: str | None = None,
    columns: Sequence[str] | None = None, limit: int | None = None,
) -> Table:  # fmt: skip
    """Return a row for each design of which some run fits `where`: its checks, then figures.

    A row tells of all runs of its design. ``sort`` orders designs by their first run in that order;
    see `query` for the parameters.
    """
    table = query(results, where, sort=sort, columns=columns)
    heads = designs(results.runs(table.ids))
    every = {(each.generator, each.config_hash): each for each in designs(results.every_run())}
    fitting = [every[each.generator, each.config_hash] for each in heads]
    shown = fitting if limit is None else fitting[:limit]
    wanted = list(columns) if columns is not None else [
        name for name in _COLUMNS if any(name in each.figures for each in shown)
    ]  # fmt: skip
    if wanted == ["*"]:
        wanted = sorted({name for each in shown for name in each.figures})
    rows = tuple(
        (each.name, each.simulated or None, each.proved or None, each.mutated or None,
         *(_figure(each, name) for name in wanted))
        for each in shown
    )  # fmt: skip
    return Table(
        tuple(table.ids), ("design", "simulated", "proved", "mutants", *wanted), rows,
        len(fitting),
    )  # fmt: skip


def _figure(design: Design, name: str) -> Value:
    if name in design.figures:
        return design.figures[name]
    return design.runs[-1].figures().get(name)


def _place(run: Run) -> tuple[int, float]:
    at = _ORDER.index(run.step) if run.step in _ORDER else len(_ORDER)
    return at, run.started

"""The tpe report as tables of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .section import Table

__all__ = ["synthesised", "tables"]


def tables(report: Mapping[str, Any]) -> list[Table]:
    """Return the tables: engines side by side, what was checked, and what the digits are like."""
    return [_engines(report), _checks(report), _rows(report), _digits(report), _choices(report)]


def synthesised(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the engines that have passed and have an area, by name."""
    return {
        name: design
        for name, design in report["designs"].items()
        if design["verdict"] == "pass" and "synthesis" in design
    }


def _engines(report: Mapping[str, Any]) -> Table:
    rows = []
    found = synthesised(report)
    if found:
        first = next(iter(found.values()))
    for name, design in found.items():
        area, base = design["synthesis"]["area"], first["synthesis"]["area"]
        delay = design["synthesis"]["delay"]
        time = design["cycles"] * delay / (first["cycles"] * first["synthesis"]["delay"])
        rows.append(
            [
                name,
                f"{design['cycles']:,}",
                f"{report['layer']['products'] / design['cycles']:.1f}",
                f"{delay:.1f}",
                f"{time:.3f}",
                f"{area:,.0f}",
                f"{area / base:.3f}",
                f"{100 * design['synthesis']['flop_area'] / area:.0f} %",
                f"{time * area / base:.3f}",
            ]
        )
    return Table(
        "engines",
        "Cycles of the simulated Verilog; area (gate equivalents) and critical path (FO4) in the "
        "built-in technology, of the mapping with the least product of both; time is cycles x "
        "critical path; ratios are to the first",
        ["engine", "cycles", "products per cycle", "FO4", "time", "area", "ratio",
         "registers' share", "time x area"],
        rows,
    )  # fmt: skip


def _checks(report: Mapping[str, Any]) -> Table:
    rows = []
    for name, design in report["designs"].items():
        if "stalled" not in design:
            continue
        rows.append(
            [
                name,
                f"{design['compared']:,}",
                " and ".join(design["checked"]),
                f"{design['tiles']:,}",
                f"{design['cycles']:,}",
                f"{design['model_cycles']:,}",
                f"{design['stalled']['cycles'] / design['cycles']:.2f}",
                design["verdict"],
            ]
        )
    return Table(
        "checks",
        "Results compared bit for bit, in a run without and in one with random stalls",
        ["engine", "compared", "equal to that of", "tiles", "cycles", "by the model",
         "time with stalls", "verdict"],
        rows,
    )  # fmt: skip


def _rows(report: Mapping[str, Any]) -> Table:
    rows = []
    for name, design in report["designs"].items():
        if "steps" not in design:
            continue
        rows.append(
            [
                name,
                f"{design['units']:,}",
                f"{100 * design['utilisation']:.1f} %",
                f"{100 * design['occupation']:.1f} %",
                ", ".join(f"{100 * share:.1f} %" for share in design["imbalance"]),
                f"{design['barrier_cost']:,.0f}",
            ]
        )
    return Table(
        "rows",
        "How busy the units are that work on a product, or on a digit, in a cycle",
        ["engine", "units", "in use", "while operands go in", "each row waits for others",
         "cycles lost to that"],
        rows,
    )  # fmt: skip


def _digits(report: Mapping[str, Any]) -> Table:
    most = max(len(row["shares"]) for row in report["digits"])
    rows = []
    for row in report["digits"]:
        shares = [f"{100 * share:.1f} %" for share in row["shares"]]
        rows.append(
            [
                row["tensor"],
                row["encoding"],
                f"{row['mean']:.2f}",
                *shares,
                *[""] * (most - len(shares)),
            ]
        )
    return Table(
        "digits",
        "Digits other than 0 of each number: mean, and share of the numbers that have so many",
        ["tensor", "encoding", "mean", *map(str, range(most))],
        rows,
    )


def _choices(report: Mapping[str, Any]) -> Table:
    return Table(
        "choices",
        "What to encode, by the cycle model with these very numbers (all of K at once), best first",
        ["encoded", "encoding", "digits", "cycles", "in use", "cycles lost to waiting"],
        [
            [
                row["operand"],
                row["encoding"],
                f"{row['digits_per_operand']:.2f}",
                f"{row['cycles']:,}",
                f"{100 * row['utilisation']:.1f} %",
                f"{row['barrier_cost']:,.0f}",
            ]
            for row in report["candidates"]
        ],
    )

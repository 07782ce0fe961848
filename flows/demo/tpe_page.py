"""The tpe report as charts for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import svg
from .tpe_tables import synthesised

__all__ = ["view"]

_NAMES = {"sign_magnitude": "sign + bits"}
"""Encodings whose name is too long for a chart."""


def view(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the charts and sums of what the report holds, by name."""
    designs = report["designs"]
    ran = {name: design for name, design in designs.items() if "cycles" in design}
    found: dict[str, Any] = {
        "compared": sum(design["compared"] for design in designs.values()),
        "engines": len(designs),
        "digits_chart": _digits(report),
        "cycles_chart": _bars({name: design["cycles"] for name, design in ran.items()}, ran),
        "lanes": max(design["lanes"] for design in designs.values()),
        "cols": next(iter(designs.values()))["config"]["cols"],
        "share": None,
        "area_share": None,
        "area_chart": "",
        "time_chart": "",
    }
    serial, dense = (
        [each for each in ran.values() if _serial(each) is wanted] for wanted in (True, False)
    )
    if serial and dense:
        found["share"] = serial[0]["cycles"] / dense[0]["cycles"]
    mapped = {name: design["synthesis"] for name, design in synthesised(report).items()}
    if mapped:
        if found["share"] and len(mapped) == len(designs):
            of_serial, of_dense = serial[0]["synthesis"]["area"], dense[0]["synthesis"]["area"]
            found["area_share"] = of_serial / of_dense
        found["area_chart"] = _bars({name: each["area"] for name, each in mapped.items()}, ran)
        times = {
            name: ran[name]["cycles"] * each["delay"] / 1000 for name, each in mapped.items()
        }
        found["time_chart"] = _bars(times, ran)
    return found


def _digits(report: Mapping[str, Any]) -> str:
    """Digits of a number on average: those of what is encoded, by encoding."""
    rows = [row for row in report["digits"] if row["tensor"] == report["encoded"]]
    high = max(row["mean"] for row in rows)
    best = report["candidates"][0]["encoding"]
    return svg.bars(
        [
            (_NAMES.get(row["encoding"], row["encoding"]), row["mean"], f"{row['mean']:.2f}",
             "best" if row["encoding"] == best else "other")
            for row in rows
        ],
        high=high or 1.0,
    )  # fmt: skip


def _bars(values: Mapping[str, float], designs: Mapping[str, Mapping[str, Any]]) -> str:
    """Whole numbers by engine; the digit-serial one stands out."""
    return svg.bars(
        [
            (name.removeprefix("digit-serial "), value, f"{value:,.0f}",
             "best" if _serial(designs[name]) else "built")
            for name, value in values.items()
        ],
        high=max(values.values(), default=1.0),
    )  # fmt: skip


def _serial(design: Mapping[str, Any]) -> bool:
    return bool(design["config"]["array"] == "digit_serial")

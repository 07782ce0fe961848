"""The flint report as charts for the page."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any

from . import svg
from .flint_tables import LABELS

__all__ = ["view"]

_HIGHEST_RATIO = 2.0


def view(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the charts of what the report holds, by name."""
    found: dict[str, Any] = {"labels": LABELS}
    if "accuracy" in report:
        found |= {"accuracy_chart": _accuracy(report["accuracy"]), "digits": _digits(report)}
    if "histogram" in report:
        told = report["histogram"]
        label = f"Histogram of {told['tensor']} above the levels of each type"
        found["histogram_chart"] = svg.histogram(
            told["counts"], told["grids"], told["type"], label
        )
    if "tensors" in report:
        found["error_chart"] = _errors(report["tensors"])
    if "simulation" in report:
        found["utilisation_chart"] = _utilisation(report["simulation"]["adaptive"])
    if "synthesis" in report:
        found["area_charts"] = _area(report["synthesis"]["rows"])
    return found


def _accuracy(accuracy: Mapping[str, Any]) -> str:
    rows = [
        (LABELS[name].partition(" (")[0], row["accuracy"], f"{100 * row['accuracy']:.2f} %", name)
        for name, row in accuracy.items()
    ]
    return svg.bars(rows, high=1.0)


def _errors(tensors: list[dict[str, Any]]) -> str:
    """Error of flint relative to int, for each tensor: below 1 flint is the better type.

    Longer bars are cut: how bad a type is where it is not chosen does not matter.
    """
    ratios = {
        tensor["name"]: tensor["mse_by_type"]["flint"] / tensor["mse_by_type"]["int"]
        for tensor in tensors
        if tensor["mse_by_type"]["int"]
    }
    rows = [
        (name, ratio, f"{ratio:.2f}", "adaptive" if ratio < 1 else "int4")
        for name, ratio in ratios.items()
    ]
    return svg.bars(rows, high=_HIGHEST_RATIO)


def _utilisation(run: Mapping[str, Any]) -> str:
    rows = [
        (f"layer {layer['layer']}", layer["utilisation"], f"{100 * layer['utilisation']:.1f} %",
         "adaptive")
        for layer in run["layers"]
    ]  # fmt: skip
    total = run["total"]["utilisation"]
    return svg.bars([*rows, ("all layers", total, f"{100 * total:.1f} %", "float32")], high=1.0)


def _area(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Area and frequency of each pair, relative to its int4 array."""
    charts = {}
    for group in dict.fromkeys(row["group"] for row in rows):
        pair = [row for row in rows if row["group"] == group]
        names = [row["design"].removesuffix("-tailored") for row in pair]
        ratios = {
            "area": [row["area_ratio"] for row in pair],
            "frequency": [row["frequency_ratio"] for row in pair],
        }
        charts[group] = {
            what: svg.bars(
                [
                    ("plain int4" if name == "int4" else name, value, f"{value:.3f}", name)
                    for name, value in zip(names, values, strict=True)
                ],
                high=max(1.2, *values),
            )
            for what, values in ratios.items()
        }
    return charts


def _digits(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    shown = []
    for told in report["digits"]:
        side = isqrt(len(told["pixels"]))
        guesses = {LABELS[name]: guess for name, guess in told["predictions"].items()}
        label = f"A digit {told['label']}, sample {told['sample']}"
        wrong = [name for name, guess in guesses.items() if guess != told["label"]]
        shown.append(
            told | {"picture": svg.digit(told["pixels"], side, label), "wrong": wrong}
        )
    return shown

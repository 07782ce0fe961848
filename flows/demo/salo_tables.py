"""The salo report as tables of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .section import Table

__all__ = ["tables"]


def tables(report: Mapping[str, Any]) -> list[Table]:
    """Return the tables: accuracy and error, what was checked, and masks at full size."""
    return [_accuracy(report), _errors(report), _checks(report), _masks(report)]


def _accuracy(report: Mapping[str, Any]) -> Table:
    rows = []
    for name, row in report.get("accuracy", {}).items():
        share = 100 * row["correct"] / row["samples"]
        rows.append([name, f"{row['correct']} of {row['samples']}", f"{share:.2f} %"])
    return Table(
        "accuracy",
        "Held-out digits that the network reads rightly, by what computes its attention",
        ["attention", "right", "accuracy"], rows,
    )  # fmt: skip


def _errors(report: Mapping[str, Any]) -> Table:
    found = report.get("attention")
    rows = []
    if found:
        of_model = "scaled_dot_product_attention in float64, real operands"
        rows = [
            ["the engine", of_model, f"{100 * found['error']:.3f} %"],
            ["exact attention of the int8 operands", of_model,
             f"{100 * found['quantiser_error']:.3f} %"],
            ["the engine", "exact attention of the int8 operands",
             f"{100 * found['datapath_error']:.3f} %"],
        ]  # fmt: skip
    return Table(
        "errors", "Relative L2 error of the outputs of all heads", ["of", "against", "error"], rows
    )


def _checks(report: Mapping[str, Any]) -> Table:
    rows = []
    design = report.get("design", {})
    if "stalled" in design:
        for name, run in (("always ready", design), ("random pauses", design["stalled"])):
            rows.append(
                [
                    name, f"{run['heads']}", f"{run['outputs']:,}",
                    f"{report['schedule']['tiles']:,}", f"{run['cycles']:,}", f"{run['due']:,}",
                    f"{run['rate']:,}",
                ]
            )  # fmt: skip
    return Table(
        "checks",
        "Outputs of the simulated Verilog, each compared with the golden machine's; cycles of a "
        "head, and those of the schedule",
        ["streams", "heads", "outputs equal", "tiles", "cycles", "due", "simulated cycles/s"],
        rows,
    )


def _masks(report: Mapping[str, Any]) -> Table:
    rows = [
        [
            name, f"{100 * found['density']:.2f} %", f"{found['tiles']:,}",
            f"{found['cycles']:,}", f"{100 * found['utilisation']:.1f} %",
            f"{found['bytes_moved']['total'] / 2**20:.1f}",
        ]
        for name, found in report.get("masks", {}).items()
    ]  # fmt: skip
    return Table(
        "masks",
        "A head of 64 elements on 32 x 32 elements in two segments, with a gather column and a "
        "rider; each schedule proved pair by pair",
        ["mask", "allowed pairs", "tiles", "cycles", "utilisation", "MiB moved"], rows,
    )  # fmt: skip

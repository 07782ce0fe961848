"""The gnn report as tables of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .section import Table

__all__ = ["tables"]


def tables(report: Mapping[str, Any]) -> list[Table]:
    """Return the tables: the club, the layers, the partition."""
    return [_club(report), _layers(report), _partition(report)]


def _club(report: Mapping[str, Any]) -> Table:
    rows = []
    found = report.get("network")
    if found:
        unseen = report["club"]["members"] - report["club"]["labelled"]
        for name, share in (
            ("float64", found["accuracy_float"]), ("the engine, int8", found["accuracy_int8"])
        ):  # fmt: skip
            rows.append([name, f"{round(share * unseen)} of {unseen}", f"{100 * share:.1f} %"])
    return Table(
        "club", "Members whose side the network tells rightly, of those it was not told",
        ["network", "right", "accuracy"], rows,
    )  # fmt: skip


def _layers(report: Mapping[str, Any]) -> Table:
    rows = []
    known = {"the club's GCN": report["network"]} if "network" in report else {}
    for title, row in (known | dict(report.get("layers", {}))).items():
        busiest = max(row["busy"].values())
        paused = row.get("paused")
        rows.append(
            [
                title, str(row["passes"]), f"{row['outputs']:,}", f"{row['cycles']:,}",
                f"{100 * (row['cycles'] / row['foretold'] - 1):+.1f} %",
                f"{100 * busiest / row['cycles']:.0f} %", f"{100 * row['largest_error']:.1f} %",
                f"{paused['cycles']:,}" if paused else "",
            ]
        )  # fmt: skip
    return Table(
        "layers",
        "On the Verilog, all outputs and counters equal to the models'; memory of 20 to 40 cycles, "
        "and one that pauses and takes up to 200",
        ["layer", "passes", "outputs equal", "cycles", "of foretold", "busiest unit",
         "error, of the largest", "cycles, slow memory"], rows,
    )  # fmt: skip


def _partition(report: Mapping[str, Any]) -> Table:
    found = report.get("partition", {})
    rows = [
        [
            name, f"{row['shards']:,}", f"{row['loads']:,}",
            f"{row['loads'] / max(1, row['bound']):.2f}",
        ]
        for name, row in found.get("rows", {}).items()
    ]  # fmt: skip
    return Table(
        "partition", "Rows of features that a pass loads", ["partition", "shards", "rows loaded",
        "of the lower bound"], rows,
    )  # fmt: skip

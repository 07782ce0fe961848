"""What the page of the gnn report shows beside its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["view"]


def view(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sums of what the report holds, by name."""
    runs = [report[name] for name in ("network",) if name in report]
    for row in report.get("layers", {}).values():
        runs += [row, row["paused"]]
    return {
        "compared": sum(run["outputs"] for run in runs),
        "cycles": sum(run["cycles"] for run in runs),
    }

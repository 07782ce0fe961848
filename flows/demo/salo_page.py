"""What the page of the salo report shows beside its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["view"]


def view(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sums of what the report holds, by name."""
    design = report.get("design", {})
    stalled = design.get("stalled", {})
    return {"compared": design.get("outputs", 0) + stalled.get("outputs", 0)}

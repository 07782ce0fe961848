"""The modred report as charts for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import svg

__all__ = ["view"]


def view(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the charts and sums of what the report holds, by name."""
    designs = report["designs"].values()
    sums = {what: sum(design[what] for design in designs) for what in ("compared", "wrong")}
    slowest = max(point["interval"] for point in report["plan"]["points"])
    return {"chart": _chart(report), "architectures": len(designs), "slowest": slowest, **sums}


def _chart(report: Mapping[str, Any]) -> str:
    """Area against cycles per result: all methods of the plan, the demo's designs by name."""
    plan = report["plan"]
    marks = [
        svg.Mark(point["interval"], point["area"], "best" if point["front"] else "other")
        for point in sorted(plan["points"], key=lambda point: point["front"])
    ]
    built = {name: design["model"] for name, design in report["designs"].items()}
    marks += [
        svg.Mark(model["interval"], model["area"], "built", name) for name, model in built.items()
    ]
    return svg.scatter(
        marks,
        x_title="cycles per result (reducer)",
        y_title=f"area, {plan['area_unit']} (model)",
        steps=_corners(plan["points"]),
    )


def _corners(points: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Where no point has both fewer cycles and less area."""
    corners: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: (point["interval"], point["area"])):
        if not corners or point["area"] < corners[-1][1]:
            corners.append((point["interval"], point["area"]))
    return corners

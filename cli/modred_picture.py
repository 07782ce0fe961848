"""Plans as pictures: area against time per result, one dot per method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..generators.modred.plan import Plan, Point

__all__ = ["draw"]


def draw(plan: Plan, chosen: Point, path: Path) -> None:
    """Write the plan as SVG or PNG, by the file's suffix; the same plan gives the same picture."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "gatewright", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 5.5), layout="constrained")
        axes = figure.add_subplot()
        names = dict.fromkeys(
            point.method.architecture for point in (*plan.front, *plan.rest) if point.cost
        )
        for index, name in enumerate(names):
            color = f"C{index}"
            lost = [_place(p) for p in plan.rest if p.method.architecture == name and p.cost]
            front = [_place(p) for p in plan.front if p.method.architecture == name]
            if lost:
                axes.scatter(*zip(*lost, strict=True), s=14, color=color, alpha=0.35)
            axes.scatter(
                *(zip(*front, strict=True) if front else ([], [])), s=46, color=color, label=name,
                edgecolors="black", linewidths=0.8,
            )  # fmt: skip
        axes.annotate(
            chosen.method.title, _place(chosen), xytext=(8, 8), textcoords="offset points"
        )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(f"time per result, {plan.target.delay_unit}")
        axes.set_ylabel(f"area, {plan.target.area_unit}")
        axes.set_title(
            f"{plan.width} bits modulo {plan.modulus.bit_length()} bits, {plan.target.name}: "
            "the front is outlined"
        )
        axes.grid(True, which="both", alpha=0.2)
        axes.legend(frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        date = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=120, metadata=date)


def _place(point: Point) -> tuple[float, float]:
    assert point.cost is not None
    return point.cost.interval * point.cost.period, point.cost.area

"""What ``gatewright modred plan`` shows, measures and emits."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..generators.modred import generator
from ..generators.modred.config import ModredConfig

if TYPE_CHECKING:
    from ..generators.modred.plan import Plan, Point
    from .console import Console

__all__ = ["document", "emit_point", "measure", "show"]

_SYNTHESIS = {"ecp5": "ecp5-85k", "asic": "ge"}


def document(plan: Plan, chosen: Point) -> dict[str, Any]:
    """Return the plan as JSON: the front, the chosen one, and why each of the others lost."""
    return {
        "modulus": hex(plan.modulus),
        "bits": plan.modulus.bit_length(),
        "width": plan.width,
        "target": plan.target.name,
        "area_unit": plan.target.area_unit,
        "delay_unit": plan.target.delay_unit,
        "chosen": chosen.method.title,
        "front": [_point(point) for point in plan.front],
        "others": [_point(point) for point in plan.rest],
    }


def _point(point: Point) -> dict[str, Any]:
    told: dict[str, Any] = {"method": point.method.title, "config": point.method.fields}
    if point.cost is not None:
        cost = point.cost
        told |= {
            "area": round(cost.area), "period": round(cost.period, 3), "interval": cost.interval,
            "latency": cost.latency, "table_bits": cost.table_bits,
            "adder_bits": cost.adder_bits, "full_adders": cost.full_adders,
            "registers": cost.registers,
        }  # fmt: skip
    if point.reason is not None:
        told["reason"] = point.reason
    return told


def show(console: Console, plan: Plan, chosen: Point, every: bool) -> None:
    """Print the front as a table, and the others too if ``every`` is asked."""
    target = plan.target
    console.say(
        f"{plan.width} bits modulo {plan.modulus.bit_length()} bits on {target.name}: "
        f"{len(plan.front)} of {len(plan.front) + len(plan.rest)} methods are on the front\n"
    )
    rows = []
    for index, point in enumerate(plan.front, 1):
        cost = point.cost
        assert cost is not None
        mark = "*" if point is chosen else ""
        rows.append([
            f"{index}{mark}", point.method.title, f"{cost.area:,.0f}", f"{cost.period:.2f}",
            f"{cost.interval:,}", f"{cost.latency:,}", f"{cost.interval * cost.period:,.1f}",
            f"{cost.table_bits:,}", f"{cost.registers:,}",
        ])  # fmt: skip
    delay = target.delay_unit
    console.table(
        "",
        ["", "method", f"area, {target.area_unit}", f"period, {delay}", "cycles/result",
         "latency, cycles", f"{delay}/result", "table bits", "flip-flops"],
        rows,
        fixed=9,
    )  # fmt: skip
    console.say(f"\n* chosen: {chosen.method.title}")
    best: dict[str, Point] = {}
    for point in plan.rest:
        best.setdefault(point.method.architecture, point)
    on_front = {point.method.architecture for point in plan.front}
    lost = plan.rest if every else [p for name, p in best.items() if name not in on_front]
    if lost:
        console.say()
        console.table(
            "Not on the front", ["method", "why"],
            [[point.method.title, point.reason or ""] for point in lost], fixed=1,
        )  # fmt: skip


def config_of(plan: Plan, point: Point, max_table_bits: int) -> ModredConfig:
    """Return the config that makes a point of the plan."""
    return ModredConfig(
        modulus=plan.modulus, width=plan.width, max_table_bits=max_table_bits,
        **point.method.fields,
    )  # fmt: skip


def emit_point(plan: Plan, point: Point, max_table_bits: int, out: Path) -> Path:
    """Emit one point of the plan into the folder ``out``; return the manifest's path."""
    from ..generators.build import build_design

    build_design(generator, config_of(plan, point, max_table_bits), out)
    return out / "manifest.json"


def measure(console: Console, plan: Plan, count: int, max_table_bits: int) -> list[dict[str, Any]]:
    """Synthesise the first ``count`` of the front; return the model beside what came out."""
    from ..flows.synthesis import synthesize
    from ..generators.build import build_design

    points = plan.front[:count]
    target = _SYNTHESIS[plan.target.name]
    rows = []
    with tempfile.TemporaryDirectory() as name, console.progress() as progress:
        for index, point in enumerate(points):
            progress("synthesising", index, len(points))
            build = build_design(
                generator, config_of(plan, point, max_table_bits), Path(name) / str(index)
            )
            report = synthesize(build, target, dsp=False, recipes="fast")
            cost = point.cost
            assert cost is not None
            area = float(report["luts"] if report["kind"] == "fpga" else report["area"])
            rows.append({
                "method": point.method.title,
                "area": area, "area_model": round(cost.area),
                "area_error": round(cost.area / area - 1, 4),
                "period": report["delay"], "period_model": round(cost.period, 3),
                "period_error": round(cost.period / report["delay"] - 1, 4),
            })  # fmt: skip
        progress("synthesising", len(points), len(points))
    console.say()
    console.table(
        f"The model against synthesis for {target}",
        ["method", "area", "model", "error", "period", "model", "error"],
        [
            [row["method"], f"{row['area']:,.0f}", f"{row['area_model']:,}",
             f"{row['area_error']:+.1%}", f"{row['period']:.2f}", f"{row['period_model']:.2f}",
             f"{row['period_error']:+.1%}"]
            for row in rows
        ],
        fixed=7,
    )  # fmt: skip
    return rows

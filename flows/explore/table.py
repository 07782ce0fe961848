"""What a sweep tells: its Pareto set as a table, as JSON, and as a page of the documentation."""

from __future__ import annotations

from typing import Any

from ..results.export import markdown, number_text
from .sweep import Design, Sweep

__all__ = ["document", "page", "table"]


def table(sweep: Sweep) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the Pareto set: parameters, objectives, and further columns."""
    space = sweep.space
    columns = [name for name in space.columns if name not in space.parameters]
    header = [*space.parameters, *(each.name for each in space.objectives), *columns]
    rows = [
        [
            *(_cell(design.values[name]) for name in space.parameters),
            *(number_text(value) for value in design.objectives),
            *(number_text(design.figures.get(name)) for name in columns),
        ]
        for design in sweep.front
    ]
    return header, rows


def document(sweep: Sweep) -> dict[str, Any]:
    """Return a sweep as JSON."""
    return {
        "format": "gatewright-sweep",
        "version": 1,
        "generator": sweep.space.generator,
        "title": sweep.space.title,
        "method": sweep.space.method,
        "objectives": {
            each.name: {"of": each.expression.text, "goal": each.goal}
            for each in sweep.space.objectives
        },
        "database": str(sweep.database),
        "estimated": sweep.estimated,
        "refused": sweep.refused,
        "reused": sweep.reused,
        "failures": dict(sweep.failures),
        "seconds": round(sweep.seconds, 3),
        "in_flight": round(sweep.flow_load.in_flight, 3),
        "overhead_seconds": round(sweep.flow_load.overhead, 4),
        "retries": sweep.model_load.retries + sweep.flow_load.retries,
        "designs": len(sweep.designs),
        "pareto": [_design(sweep, each) for each in sweep.front],
    }


def _design(sweep: Sweep, design: Design) -> dict[str, Any]:
    names = [each.name for each in sweep.space.objectives]
    return {
        "config": dict(design.values),
        "objectives": dict(zip(names, design.objectives, strict=True)),
        "figures": {name: value for name, value in design.figures.items() if "." not in name},
        "runs": list(design.runs),
    }


def page(sweep: Sweep, command: str) -> str:
    """Return a page of the documentation with the table and the command that makes it."""
    space = sweep.space
    header, rows = table(sweep)
    goals = ", ".join(
        f"{each.name} {'small' if each.goal == 'min' else 'large'}" for each in space.objectives
    )
    flows = f"; {', '.join(space.evaluation.steps)} of the best {space.evaluation.keep}" if (
        space.evaluation.steps) else ""  # fmt: skip
    return (
        f"# {space.title or space.generator}\n\n"
        f"{space.size:,} points, {sweep.estimated:,} estimated by the cost model{flows}: "
        f"{len(sweep.front)} of {len(sweep.designs)} designs are beaten by no other "
        f"({goals}). This page is written by\n\n"
        f"```\n{command}\n```\n\n{markdown(header, rows)}"
    )


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value) if value is None or isinstance(value, bool) else number_text(value)

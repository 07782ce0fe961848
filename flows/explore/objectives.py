"""Objectives, and the designs that no other beats in all of them.

A design dominates another if it is as good in every objective and better in one. The Pareto set is
what nobody dominates. Ranks peel it off layer by layer, and within a layer designs in thinly
settled places come first (crowding distance), after K. Deb et al., *A fast and elitist
multiobjective genetic algorithm: NSGA-II*, 2002.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...generators.registry import nearest
from ..results.expression import Expression, MissingFigure, parse

__all__ = ["Objective", "best_first", "pareto", "parse_objectives", "values_of"]

Goal = Literal["min", "max"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Objective:
    """A figure, or an expression over figures, that is to be small or large."""

    name: str
    expression: Expression
    goal: Goal

    def value(self, figures: Mapping[str, Any]) -> float | None:
        """Return the objective of a design; None if the figures lack one that it needs."""
        try:
            found = self.expression.value(figures)
        except MissingFigure:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float) or found != found:
            raise InputError(
                f"objective {self.name} must be a number for every design, not {found!r}"
            )
        return float(found)

    def check(self, known: Collection[str], prefixes: Collection[str]) -> None:
        """Refuse a name that is neither ``known`` nor below one of the ``prefixes``."""
        for name in sorted(self.expression.names):
            if name in known or any(name.startswith(f"{each}.") for each in prefixes):
                continue
            raise InputError(
                f"objective {self.name} must be of figures that the designs have "
                f"({', '.join(sorted(known))}), not {name!r}{nearest(name, sorted(known))}"
            )


def parse_objectives(told: Any, where: str) -> tuple[Objective, ...]:
    """Read ``{area: min, time: {of: cycles * delay, goal: min}}``."""
    if not isinstance(told, dict) or not told:
        raise InputError(
            f"{where}: objectives must be a mapping such as {{area: min, throughput: max}}, "
            f"not {told!r}"
        )
    found = []
    for name, value in told.items():
        text, goal = str(name), value
        if isinstance(value, dict):
            if set(value) != {"of", "goal"}:
                raise InputError(
                    f"{where}: objectives.{name} must be min, max, or a mapping of `of` and "
                    f"`goal`, not {value!r}"
                )
            text, goal = value["of"], value["goal"]
        if goal not in ("min", "max"):
            raise InputError(f"{where}: objectives.{name} must be min or max, not {goal!r}")
        expression = parse(text, f"{where}: objectives.{name}")
        found.append(Objective(str(name), expression, goal))
    return tuple(found)


def values_of(
    objectives: Sequence[Objective], figures: Mapping[str, Any]
) -> tuple[float, ...] | None:
    """Return all objectives of a design; None if one is missing."""
    found = [each.value(figures) for each in objectives]
    return None if None in found else tuple(value for value in found if value is not None)


def pareto(objectives: Sequence[Objective], values: Sequence[Sequence[float]]) -> list[int]:
    """Return the numbers of the designs that no other dominates, in the given order.

    Of designs that are equal in all objectives, all are returned.
    """
    if not values:
        return []
    return [int(at) for at in _front(_costs(objectives, values), np.arange(len(values)))]


def best_first(objectives: Sequence[Objective], values: Sequence[Sequence[float]]) -> list[int]:
    """Return the numbers of all designs by rank, the thinly settled first within a rank."""
    if not values:
        return []
    costs = _costs(objectives, values)
    left, order = np.arange(len(values)), []
    while len(left):
        front = _front(costs, left)
        order += front[np.argsort(-_crowding(costs[front]), kind="stable")].tolist()
        left = np.setdiff1d(left, front)
    return order


def _costs(objectives: Sequence[Objective], values: Sequence[Sequence[float]]) -> Floats:
    signs = np.array([1.0 if each.goal == "min" else -1.0 for each in objectives])
    costs: Floats = np.asarray(values, np.float64) * signs
    return costs


def _front(costs: Floats, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those `among` whom nobody among them dominates."""
    # In lexicographic order nobody is dominated by one that comes later.
    order = among[np.lexsort(costs[among].T[::-1])]
    kept: list[int] = []
    for number in order:
        held = costs[kept]
        beaten = (held <= costs[number]).all(axis=1) & (held < costs[number]).any(axis=1)
        if not beaten.any():
            kept.append(int(number))
    return np.array(sorted(kept), np.int64)


def _crowding(costs: Floats) -> Floats:
    distance = np.zeros(len(costs))
    for column in costs.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0 and len(order) > 2:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance

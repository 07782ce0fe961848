"""The explorer: every method with every option, its cost by the model, and why each one loses.

A method is on the front if no other is as good in area, time per result, time from operand to
residue and table bits, and better in one. Times are cycles times the clock period, so that an
architecture with a short period gets what it is worth; where the period is given, all run at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from ...errors import InputError
from ...hw.modred.reducer import ReducerParameters
from .cost import TARGETS, Cost, Target, estimate
from .digits import NAF_WIDTHS
from .method import Method
from .structure import table_bits

__all__ = ["Constraints", "Plan", "Point", "candidates", "explore"]

_SLACK = 1.02
"""Differences of less than this are below the model's error, and put nobody on the front."""


@dataclass(frozen=True)
class Constraints:
    """What the chosen method must keep. None: no limit.

    Attributes
    ----------
    max_latency
        Cycles from operand to residue.
    min_throughput
        Results per cycle.
    max_area
        In the target's unit.
    max_table_bits
        Bits of all tables together.
    max_period
        Clock period in the target's unit; all methods are compared at it.
    """

    max_latency: int | None = None
    min_throughput: float | None = None
    max_area: float | None = None
    max_table_bits: int | None = None
    max_period: float | None = None

    def misses(self, cost: Cost, target: Target) -> list[tuple[float, str]]:
        """Return by which factor each limit is missed, and a sentence about it."""
        checks: list[tuple[str, float, float | None, str]] = [
            ("max-latency", cost.latency, self.max_latency, "cycles"),
            ("max-area", cost.area, self.max_area, target.area_unit),
            ("max-table-bits", cost.table_bits, self.max_table_bits, "bits"),
            ("period", cost.period, self.max_period, target.delay_unit),
        ]
        missed = [
            (value / limit if limit else float("inf"),
             f"{name} is {limit:,g} {unit}, this needs {value:,.4g}")
            for name, value, limit, unit in checks if limit is not None and value > limit
        ]  # fmt: skip
        if self.min_throughput is not None and 1 / cost.interval < self.min_throughput:
            missed.append((
                self.min_throughput * cost.interval,
                f"min-throughput is {self.min_throughput:g} results per cycle, "
                f"this gives 1/{cost.interval}",
            ))  # fmt: skip
        return missed


@dataclass(frozen=True)
class Point:
    """A method, its cost, and why it is not on the front (None if it is)."""

    method: Method
    parameters: ReducerParameters | None
    cost: Cost | None
    reason: str | None = None
    misses: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Plan:
    """All points: the front by area times time per result, then those that lose."""

    modulus: int
    width: int
    target: Target
    front: tuple[Point, ...]
    rest: tuple[Point, ...]

    @property
    def best(self) -> Point:
        """The first of the front."""
        if self.front:
            return self.front[0]
        raise InputError(_nobody(self))

    def point(self, choice: str) -> Point:
        """Return the point of the front that a number from 1, or an architecture's name, means."""
        if not self.front:
            raise InputError(_nobody(self))
        if choice.isdecimal():
            if 1 <= int(choice) <= len(self.front):
                return self.front[int(choice) - 1]
            raise InputError(f"choose must be from 1 to {len(self.front)}, not {choice}")
        for point in self.front:
            if choice in (point.method.architecture, point.method.title):
                return point
        names = list(dict.fromkeys(point.method.architecture for point in self.front))
        lost = [point for point in self.rest if point.method.architecture == choice]
        why = f": {lost[0].method.title} is {lost[0].reason}" if lost else ""
        raise InputError(
            f"choose must be from 1 to {len(self.front)} or one of {', '.join(names)}, "
            f"not {choice!r}{why}"
        )


def explore(
    modulus: int,
    width: int,
    target: str = "ecp5",
    constraints: Constraints | None = None,
    methods: Iterable[Method] | None = None,
    *,
    montgomery: bool = False,
) -> Plan:
    """Evaluate every method and keep the best.

    Parameters
    ----------
    modulus, width
        M, and the bits of what is reduced.
    target
        ``ecp5`` or ``asic``: the technology of the model.
    constraints
        Without a ``max_area`` it is the target's capacity.
    methods
        To choose among; all that there are by default.
    montgomery
        Whether a residue times 2^-n will do.

    Returns
    -------
    Plan
        The front in ascending area times time per result; every other point with its reason.
    """
    technology = TARGETS[target]
    constraints = constraints or Constraints()
    if constraints.max_area is None:
        constraints = replace(constraints, max_area=technology.capacity)
    points = [
        _evaluate(method, modulus, width, technology, constraints, montgomery)
        for method in (candidates(technology.style) if methods is None else methods)
    ]
    return _judge(points, modulus, width, technology, constraints)


def candidates(technology: str, store: str | None = None) -> Iterator[Method]:
    """Yield every method worth a look, ordered by architecture; with tables as ``store`` says."""

    def each(architecture: str, mode: str, **options: tuple[Any, ...]) -> Iterator[Method]:
        for values in product(*options.values()):
            chosen = zip(options, values, strict=True)
            yield Method(
                architecture, mode, technology,
                tuple((name, value) for name, value in chosen if value is not None),
            )  # fmt: skip

    ranks = ("levels", "stages", "none")
    if store in (None, "logic"):
        yield from each("lut", "streaming", group_bits=(2, 3, 4, 5, 6), pipeline=ranks)
    if store in (None, "block_ram"):
        yield from each("lut", "streaming", group_bits=(6, 7, 8, 9), pipeline=ranks[:2],
                        store=("block_ram",))  # fmt: skip
    stores = (store,)
    if store != "writable":
        yield from each("lut", "multi_cycle", group_bits=(1, 2, 3, 4), tree=(1, 2), store=stores)
        yield from each("hybrid", "multi_cycle", group_bits=(1, 2, 3, 4), tree=(1, 2),
                        restore_bits=(1, 2, 3, 4), store=stores)  # fmt: skip
    for mode in ("multi_cycle", "streaming"):
        if mode == "streaming" and store not in (None, "logic"):
            return
        yield from each("horner", mode, digit_bits=(1, 2, 3, 4, 5, 6, 7), store=stores)
        yield from each("horner", mode, digit_bits=(4, 6, 8), tables=(2,), store=stores)
        yield from each("horner", mode, digit_bits=(6, 9), tables=(3,), store=stores)
        if store != "writable":
            yield from each("horner_cs", mode, digit_bits=(1, 2, 3, 4, 5, 6), store=stores)
        if store is None:
            yield from each("restoring", mode, restore_bits=(1, 2, 4))
    for architecture in ("barrett_mcm", "montgomery_mcm"):
        if store is None:
            yield from each(architecture, "streaming", naf=(None, *NAF_WIDTHS), pipeline=ranks)


def _evaluate(
    method: Method, modulus: int, width: int, target: Target, constraints: Constraints,
    montgomery: bool,
) -> Point:  # fmt: skip
    if method.architecture == "montgomery_mcm" and not montgomery:
        return Point(method, None, None, "gives x 2^-n mod M, which was not asked for")
    try:
        parameters = method.parameters(modulus, width)
    except ValueError as refused:
        return Point(method, None, None, f"impossible: {refused}")
    bits, limit = table_bits(parameters), constraints.max_table_bits
    if limit is not None and bits > limit:
        # Not costed: to plan tables of gigabits takes long.
        reason = f"max-table-bits is {limit:,} bits, this needs {bits:,}"
        return Point(method, parameters, None, reason, ((bits / max(limit, 0.5), reason),))
    return Point(method, parameters, estimate(parameters, target))


def _judge(
    points: list[Point], modulus: int, width: int, target: Target, constraints: Constraints
) -> Plan:
    rest = [point for point in points if point.cost is None]
    able = []
    for point in points:
        if point.cost is None:
            continue
        misses = constraints.misses(point.cost, target)
        if misses:
            reason = "; ".join(sentence for _, sentence in misses)
            rest.append(replace(point, reason=reason, misses=tuple(misses)))
        else:
            able.append(point)
    period = constraints.max_period
    able.sort(key=lambda point: _merit(point, period))
    front: list[Point] = []
    for point in able:
        winner = next((each for each in front if _dominates(each, point, period)), None)
        if winner is None:
            front.append(point)
        else:
            rest.append(replace(point, reason=_why(winner, point, period, target)))
    return Plan(modulus, width, target, tuple(front), tuple(rest))


def _axes(point: Point, period: float | None) -> dict[str, float]:
    """What must be small: area, time per result, time to the residue, table bits."""
    assert point.cost is not None
    cost = point.cost
    clock = period or cost.period
    return {
        "area": cost.area,
        "time per result": cost.interval * clock,
        "latency": max(1, cost.latency) * clock,
        "table bits": cost.table_bits,
    }


def _merit(point: Point, period: float | None) -> tuple[float, ...]:
    """Area times time per result first; the other axes settle equals."""
    axes = _axes(point, period)
    return (axes["area"] * axes["time per result"], *axes.values())


def _dominates(one: Point, other: Point, period: float | None) -> bool:
    mine, theirs = _axes(one, period), _axes(other, period)
    return all(mine[name] <= theirs[name] * _SLACK for name in mine)


def _why(winner: Point, loser: Point, period: float | None, target: Target) -> str:
    mine, theirs = _axes(winner, period), _axes(loser, period)
    parts = [f"area {mine['area']:,.0f} against {theirs['area']:,.0f} {target.area_unit}"]
    parts += [
        f"{name} {mine[name]:,.1f} against {theirs[name]:,.1f} {target.delay_unit}"
        for name in ("time per result", "latency")
    ]
    return f"dominated by {winner.method.title}: {', '.join(parts)}"


def _nobody(plan: Plan) -> str:
    """Say which point comes nearest to the constraints, and which of them it misses."""
    missing = [point for point in plan.rest if point.misses]
    if not missing:
        why = plan.rest[0].reason if plan.rest else "there is no method to choose among"
        return f"no method does modulus of {plan.modulus.bit_length()} bits: {why}"
    nearest = min(missing, key=lambda point: max(factor for factor, _ in point.misses))
    binding = max(nearest.misses)[1]
    return (
        f"constraints must be met by some method, and none does: {binding}, in the nearest, "
        f"{nearest.method.title}"
    )

"""Passes whose weights an engine cannot hold at once are cut into several.

A product that is too large for a pass of its own is cut by columns where it is lowered, see
`lowering/rows.py`; here whole products go on to the next pass.
"""

from __future__ import annotations

from ....hw.gnn.parameters import GnnParameters
from .constants import tiles
from .ir import MatMul, Value
from .placement import Schedule, schedule

__all__ = ["fitting_schedule"]


def fitting_schedule(output: Value, hoisted: frozenset[Value], p: GnnParameters) -> Schedule:
    """Return who computes what, when, with weights that fit; a pass may still be refused."""
    cuts: dict[Value, int] = {}
    while True:
        plan = schedule(output, hoisted, cuts)
        over = next((v for n in plan.passes if (v := _too_much(plan, n, p)) is not None), None)
        if over is None:
            return plan
        cuts[over] = plan.at[over][0] + 1


def _too_much(plan: Schedule, number: int, p: GnnParameters) -> MatMul | None:
    """Return the first product of a pass for which those before it leave no room."""
    seen: set[bytes] = set()
    used = 0
    for value in plan.values:
        if not isinstance(value, MatMul) or plan.at.get(value, (-1, 0))[0] != number:
            continue
        words = tiles(value.weights, p)
        key = words.tobytes()
        if key not in seen:
            seen.add(key)
            if used and used + len(words) > p.weight_words:
                return value
            used += len(words)
    return None

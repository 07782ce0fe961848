"""Passes whose weights an engine cannot hold at once are cut into several.

A product that is too large for a pass of its own is cut by columns where it is lowered, see
`lowering/rows.py`; here whole products go on to the next pass.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....errors import InputError
from ....hw.gnn.parameters import GnnParameters
from .constants import tiles
from .dependence import sorted_values
from .ir import MatMul, Value
from .placement import Schedule, schedule

__all__ = ["fitting_schedule"]


def fitting_schedule(output: Value, hoisted: frozenset[Value], p: GnnParameters) -> Schedule:
    """Return who computes what, when, with weights that fit; a pass may still be refused."""
    matrices = {
        value: tiles(value.weights, p).tobytes()
        for value in sorted_values([output]) if isinstance(value, MatMul)
    }  # fmt: skip
    cuts: dict[Value, int] = {}
    # A pass that is too full keeps a product at least, so there are no more rounds than products
    # unless their arguments move; then there are few.
    for _ in range(4 * len(matrices) + 4):
        plan = schedule(output, hoisted, cuts)
        full = (_sorted_out(plan, number, matrices, p) for number in plan.passes)
        first = next(filter(None, full), None)
        if first is None:
            return plan
        cuts |= first
    needed = sum(len(key) // p.columns for key in set(matrices.values()))
    raise InputError(
        f"weight_words must be larger, or at least {needed} for all products, not {p.weight_words}"
    )


def _sorted_out(
    plan: Schedule, number: int, matrices: Mapping[MatMul, bytes], p: GnnParameters
) -> dict[Value, int]:
    """Return the passes of a pass's products: its own, or the next one for what is too much.

    Nothing if none is too much.
    """
    seen: set[bytes] = set()
    used = 0
    result: dict[Value, int] = {}
    for value, key in matrices.items():
        if plan.at.get(value, (-1, 0))[0] != number:
            continue
        words = 0 if key in seen else len(key) // p.columns
        stays = not used or used + words <= p.weight_words
        if stays:
            seen.add(key)
            used += words
        result[value] = number if stays else number + 1
    return result if number + 1 in result.values() else {}

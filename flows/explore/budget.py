"""What a sweep may take: runs or minutes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...errors import InputError

__all__ = ["Budget", "parse_budget"]

_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(runs?|m|min|minutes?|s|seconds?|h|hours?)?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Budget:
    """Most runs, most seconds; None: no limit."""

    runs: int | None = None
    seconds: float | None = None


def parse_budget(told: Any, where: str) -> Budget:
    """Understand ``40`` or ``40 runs``, ``10 minutes``, ``1.5h``; ``None`` is no limit.

    Raises
    ------
    InputError
        If it is none of these, or nothing at all.
    """
    if told is None:
        return Budget()
    match = _FORM.fullmatch(str(told).strip())
    unit = (match[2] or "runs")[0] if match else ""
    if match is None or float(match[1]) == 0 or (unit == "r" and "." in match[1]):
        raise InputError(
            f"{where} must be a number of runs or a time (40 runs, 10 minutes, 90s), not {told!r}"
        )
    if unit == "r":
        return Budget(runs=int(match[1]))
    return Budget(seconds=float(match[1]) * _SECONDS[unit])

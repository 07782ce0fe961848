"""The values of a parameter: a list, or a range."""

from __future__ import annotations

import math
from typing import Any

from ...errors import InputError

__all__ = ["expand"]

_MOST = 100_000


def expand(told: Any, where: str) -> tuple[Any, ...]:
    """Return the values of a parameter, each once.

    Parameters
    ----------
    told
        A list of values; or ``{from: 4, to: 64, step: 4}``, or ``{from: 4, to: 64, factor: 2}``,
        with both ends.

    Raises
    ------
    InputError
        If it is neither, or holds no value.
    """
    if isinstance(told, list):
        values: list[Any] = []
        for value in told:
            if not any(value == each and type(value) is type(each) for each in values):
                values.append(value)
    elif isinstance(told, dict):
        values = _range(told, where)
    else:
        raise InputError(
            f"{where} must be a list, or a range such as {{from: 4, to: 64, factor: 2}}, "
            f"not {told!r}"
        )
    if not values:
        raise InputError(f"{where} must have at least one value, not none")
    return tuple(values)


def _range(told: dict[Any, Any], where: str) -> list[Any]:
    how = set(told) - {"from", "to"}
    if not {"from", "to"} <= set(told) or how - {"step", "factor"} or len(how) > 1:
        raise InputError(
            f"{where} must be a range of from and to, with step or factor, not {told!r}"
        )
    for key, value in told.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{where}.{key} must be a number, not {value!r}")
    low, high = told["from"], told["to"]
    if low > high:
        raise InputError(f"{where}.to must be at least from = {low}, not {high}")
    if "factor" in told:
        factor = told["factor"]
        if factor <= 1 or low <= 0:
            raise InputError(f"{where} must have a factor above 1 and start above 0, not {told!r}")
        count = math.floor(math.log(high / low) / math.log(factor) + 1e-9) + 1
        values: list[Any] = [low * factor**index for index in range(min(count, _MOST + 1))]
    else:
        step = told.get("step", 1)
        if step <= 0:
            raise InputError(f"{where}.step must be above 0, not {step}")
        count = math.floor((high - low) / step + 1e-9) + 1
        values = [low + step * index for index in range(min(count, _MOST + 1))]
    if len(values) > _MOST:
        raise InputError(f"{where} must have at most {_MOST:,} values, not {count:,}")
    return values

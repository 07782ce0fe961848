"""Workloads of cost models: mappings that a person wrote, checked key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from .registry import nearest

__all__ = ["take"]


def take(workload: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workload with its defaults filled in.

    A whole number must stay one of at least 1 (a seed: 0), a mapping a mapping.

    Raises
    ------
    InputError
        If a key is unknown, or a value is not of its default's kind.
    """
    for name, value in workload.items():
        if name not in defaults:
            raise InputError(
                f"workload must be of {', '.join(defaults)}, not {name!r}"
                + nearest(str(name), list(defaults))
            )
        default = defaults[name]
        if isinstance(default, int):
            least = 0 if name == "seed" else 1
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(
                    f"workload.{name} must be a whole number from {least}, not {value!r}"
                )
        elif isinstance(default, float):
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise InputError(f"workload.{name} must be a number above 0, not {value!r}")
        elif not isinstance(value, type(default)):
            kind = "mapping" if isinstance(default, dict) else type(default).__name__
            raise InputError(f"workload.{name} must be a {kind}, not {value!r}")
    return {**defaults, **workload}

"""Numbers and settings of modules that are known by their names alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from ....errors import InputError
from ....golden.gnn.graph import Reals

__all__ = ["array", "maybe", "module_name", "refuse", "require", "setting"]


def module_name(module: object) -> str:
    """Return what an error calls a module."""
    return type(module).__name__


def array(module: nn.Module, path: str) -> Reals:
    """Return a parameter of a module, or of a module inside of it (``lin.weight``), as float64.

    Raises
    ------
    InputError
        If there is none, or it has no numbers yet.
    """
    value: Any = module
    for name in path.split("."):
        value = getattr(value, name, None)
    if not isinstance(value, Tensor):
        raise InputError(f"{module_name(module)} must have a parameter {path}, and has none")
    if isinstance(value, nn.parameter.UninitializedParameter):
        raise InputError(f"{path} of {module_name(module)} must be initialised: run it once")
    numbers: Reals = value.detach().cpu().double().numpy()
    return np.asarray(numbers)


def maybe(module: nn.Module, path: str) -> Reals | None:
    """Return a parameter as `array`, or None if it is None or absent."""
    value: Any = module
    for name in path.split("."):
        value = getattr(value, name, None)
    return None if value is None else array(module, path)


def setting(module: nn.Module, name: str, default: Any = None) -> Any:
    """Return an attribute of a module."""
    return getattr(module, name, default)


def require(module: nn.Module, name: str, allowed: Any, default: Any = None) -> None:
    """Refuse a module with an attribute that differs from the only value that is computed."""
    value = getattr(module, name, default)
    if value != allowed:
        raise InputError(f"{name} of {module_name(module)} must be {allowed}, not {value}")


def refuse(module: nn.Module, name: str, why: str) -> None:
    """Refuse a module that has something."""
    if getattr(module, name, None) is not None:
        raise InputError(f"{name} of {module_name(module)} must be None, because {why}")

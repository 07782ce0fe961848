"""Linear layers and activations of ordinary PyTorch modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from ....errors import InputError
from ....golden.gnn.activations import Activation
from ....golden.gnn.dense import Linear
from .weights import array, maybe, module_name, require

__all__ = ["activation_of", "linear", "linears", "parts", "passes_through", "stack"]

_ACTIVATIONS: dict[str, Activation] = {
    "ReLU": Activation.RELU, "ELU": Activation.ELU, "GELU": Activation.GELU,
    "Sigmoid": Activation.SIGMOID, "Tanh": Activation.TANH,
}  # fmt: skip
_NOTHING = ("Dropout", "Identity", "LogSoftmax")
"""Modules that do nothing when a network is used; LogSoftmax does not change which class wins."""


def activation_of(module: nn.Module) -> Activation | None:
    """Return the activation that a module is, None if it is none.

    Raises
    ------
    InputError
        If it is one with settings that are not computed.
    """
    kind = _ACTIVATIONS.get(module_name(module))
    if kind is Activation.ELU and getattr(module, "alpha", 1.0) != 1.0:
        raise InputError(f"alpha of ELU must be 1, not {getattr(module, 'alpha', None)}")
    if kind is Activation.GELU and getattr(module, "approximate", "none") != "none":
        raise InputError(f"approximate of GELU must be none, not {module.approximate}")
    return kind


def passes_through(module: nn.Module) -> bool:
    """Whether a module changes nothing when the network is used."""
    return module_name(module) in _NOTHING


def stack(module: nn.Module, layers: Any) -> Iterator[nn.Module]:
    """Yield the layers of a model of PyTorch Geometric, its activation ``act`` between them.

    Raises
    ------
    InputError
        If it normalises between layers, or ends with an activation.
    """
    for norm in getattr(module, "norms", None) or ():
        if norm is not None and not passes_through(norm):
            raise InputError(
                f"norms of {module_name(module)} must be Identity, not {module_name(norm)}"
            )
    require(module, "act_first", False, False)
    require(module, "plain_last", True, True)
    act = getattr(module, "act", None)
    for i, layer in enumerate(layers):
        if i and act is not None:
            yield act
        yield layer


def linear(module: nn.Module) -> Linear:
    """Return a linear layer."""
    return Linear(array(module, "weight").T, maybe(module, "bias"))


def parts(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the modules of a chain, those of chains inside of it one by one."""
    if module_name(module) in ("Sequential", "ModuleList"):
        for child in module.children():
            yield from parts(child)
    elif module_name(module) == "MLP" and isinstance(getattr(module, "lins", None), nn.ModuleList):
        yield from stack(module, module.lins)
    else:
        yield module


def linears(module: nn.Module, name: str) -> tuple[Linear, ...]:
    """Return the linear layers of a chain with their activations.

    Raises
    ------
    InputError
        If it has anything else.
    """
    result: list[Linear] = []
    for part in parts(module):
        kind = activation_of(part)
        if kind is not None and result and result[-1].activation is Activation.NONE:
            result[-1] = replace(result[-1], activation=kind)
        elif module_name(part) == "Linear":
            result.append(linear(part))
        elif not passes_through(part):
            raise InputError(
                f"{name} must be a chain of Linear and {', '.join(_ACTIVATIONS)}, not have "
                f"{module_name(part)} there"
            )
    return tuple(result)

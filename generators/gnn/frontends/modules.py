"""Networks of PyTorch modules: chains of graph layers, linear layers and activations.

A chain is a list, ``nn.Sequential``, ``Sequential`` of PyTorch Geometric, a single layer, or a
model of PyTorch Geometric's ``nn.models`` (``GCN``, ``GraphSAGE``, ``GIN``, ``GAT``): a module with
``convs`` and one activation ``act`` between them. What another module does in its ``forward`` is
not guessed: give its layers as a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from torch import nn

from ....errors import InputError
from ....golden.gnn.activations import Activation
from ....golden.gnn.gin import Gin
from ....golden.gnn.layer import Layer
from ....golden.gnn.network import Network
from .dgl import DGL
from .mlp import activation_of, linear, parts, passes_through, stack
from .pyg import PYG
from .weights import module_name, refuse

__all__ = ["network_of"]


def network_of(
    model: nn.Module | Sequence[nn.Module], features: int | None = None
) -> Network:
    """Return the network of a module or of a list of modules.

    Parameters
    ----------
    features
        Of the input: a first layer of GatedGraphConv or APPNP does not tell them itself.

    Raises
    ------
    InputError
        If a layer is not known, or computes what an engine cannot; the line names it.
    """
    layers: list[Layer] = []
    for part in _chain(model):
        kind = activation_of(part)
        if kind is not None:
            if not layers:
                raise InputError(f"{module_name(part)} must follow a layer, not be the first")
            layers[-1] = _activated(layers[-1], kind)
        elif not passes_through(part):
            layers.append(_layer(part, layers[-1].out_features if layers else features))
    return Network(layers)


def _chain(model: nn.Module | Sequence[nn.Module]) -> Iterator[nn.Module]:
    if isinstance(model, list | tuple):
        return chain.from_iterable(_chain(each) for each in model)
    if not isinstance(model, nn.Module):
        raise InputError(f"model must be a module or a list of modules, not {type(model).__name__}")
    if isinstance(getattr(model, "convs", None), nn.ModuleList):
        return _basic(model)
    return parts(model)


def _basic(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the chain of a model with ``convs`` and ``act``."""
    refuse(model, "jk", "layers read only the one before")
    refuse(model, "lin", "the last layer is one of convs")
    yield from stack(model, model.convs)


def _layer(module: nn.Module, features: int | None) -> Layer:
    name = module_name(module)
    table = DGL if type(module).__module__.split(".")[0] == "dgl" else PYG
    if name == "Linear":
        return linear(module)
    if name in table:
        return table[name](module, features)
    known = ", ".join(sorted({*PYG, *DGL, "Linear"}))
    raise InputError(
        f"layer must be one of {known}, or a chain of them, not {name}; of a module with a forward "
        "of its own give the layers as a list"
    )


def _activated(layer: Any, kind: Activation) -> Any:
    """Return a layer with an activation behind it."""
    if isinstance(layer, Gin):
        *rest, last = layer.mlp
        return replace(layer, mlp=(*rest, _activated(last, kind)))
    if layer.activation is not Activation.NONE:
        raise InputError(f"a layer must be followed by one activation, not also by {kind.value}")
    return replace(layer, activation=kind)

"""Layers of PyTorch Geometric 2.3 and later, by class and parameter names.

torch_geometric is not imported: a module with the names of one of these classes is one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from ....errors import InputError
from ....golden.gnn.appnp import Appnp
from ....golden.gnn.gat import Gat
from ....golden.gnn.gcn import Gcn
from ....golden.gnn.ggnn import Ggnn
from ....golden.gnn.gin import Gin
from ....golden.gnn.layer import Layer
from ....golden.gnn.sage import Reduction, Sage
from .mlp import linears
from .weights import array, maybe, refuse, require, setting

__all__ = ["PYG"]


def _gcn(conv: nn.Module, features: int | None) -> Layer:
    require(conv, "improved", False, False)
    require(conv, "add_self_loops", True, True)
    require(conv, "normalize", True, True)
    return Gcn(array(conv, "lin.weight").T, maybe(conv, "bias"))


def _sgc(conv: nn.Module, features: int | None) -> Layer:
    require(conv, "add_self_loops", True, True)
    return Gcn(
        array(conv, "lin.weight").T, maybe(conv, "lin.bias"), hops=int(setting(conv, "K", 1))
    )


def _appnp(conv: nn.Module, features: int | None) -> Layer:
    require(conv, "add_self_loops", True, True)
    require(conv, "normalize", True, True)
    if features is None:
        raise InputError("features must be given where APPNP is the first layer")
    return Appnp(features, int(setting(conv, "K")), float(setting(conv, "alpha")))


def _sage(conv: nn.Module, features: int | None) -> Layer:
    require(conv, "normalize", False, False)
    require(conv, "project", False, False)
    reduction = str(setting(conv, "aggr", "mean"))
    allowed = {"mean": Reduction.MEAN, "max": Reduction.MAX, "sum": Reduction.SUM,
               "add": Reduction.SUM}  # fmt: skip
    if reduction not in allowed:
        raise InputError(f"aggr of SAGEConv must be mean, max or sum, not {reduction}")
    weight = array(conv, "lin_l.weight").T
    root = maybe(conv, "lin_r.weight")
    return Sage(
        weight, np.zeros_like(weight) if root is None else root.T, maybe(conv, "lin_l.bias"),
        allowed[reduction],
    )  # fmt: skip


def _gin(conv: nn.Module, features: int | None) -> Layer:
    eps = maybe(conv, "eps")
    inner = setting(conv, "nn")
    if not isinstance(inner, nn.Module):
        raise InputError(f"nn of GINConv must be a module, not {inner!r}")
    return Gin(linears(inner, "nn of GINConv"), 0.0 if eps is None else float(eps.item()))


def _gat(conv: nn.Module, features: int | None) -> Layer:
    require(conv, "add_self_loops", True, True)
    require(conv, "residual", False, False)
    refuse(conv, "lin_edge", "edges have no features here")
    path = "lin.weight" if setting(conv, "lin") is not None else "lin_src.weight"
    if setting(conv, "lin") is None:
        other = setting(conv, "lin_dst")
        if other is not None and other is not setting(conv, "lin_src"):
            raise InputError("lin_dst of GATConv must be lin_src, not a matrix of its own")
    heads = int(setting(conv, "heads", 1))
    return Gat(
        array(conv, path).T, array(conv, "att_src").reshape(heads, -1),
        array(conv, "att_dst").reshape(heads, -1), maybe(conv, "bias"),
        concat=bool(setting(conv, "concat", True)),
        slope=float(setting(conv, "negative_slope", 0.2)),
    )  # fmt: skip


def _ggnn(conv: nn.Module, features: int | None) -> Layer:
    if str(setting(conv, "aggr", "add")) not in ("add", "sum"):
        raise InputError(f"aggr of GatedGraphConv must be add, not {setting(conv, 'aggr')}")
    weights = array(conv, "weight")
    return Ggnn(
        weights.shape[2] if features is None else features, weights,
        array(conv, "rnn.weight_ih").T, array(conv, "rnn.weight_hh").T,
        maybe(conv, "rnn.bias_ih"), maybe(conv, "rnn.bias_hh"),
    )  # fmt: skip


PYG: dict[str, Callable[[nn.Module, int | None], Layer]] = {
    "GCNConv": _gcn, "SGConv": _sgc, "APPNP": _appnp, "SAGEConv": _sage, "GINConv": _gin,
    "GATConv": _gat, "GatedGraphConv": _ggnn,
}  # fmt: skip
"""Converters by class name; they are given the features of the layer before, if there is one."""

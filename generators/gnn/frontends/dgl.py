"""Layers of DGL 1.0 and later, by class and parameter names.

DGL adds no self loops: GraphConv, SGConv, APPNPConv and GATConv are what ours are on a graph to
which the user gave one loop per vertex (``dgl.add_self_loop``), as DGL's own examples do. GraphConv
normalises by the out-degree of sources: ours by the in-degree, the same on undirected graphs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from ....errors import InputError
from ....golden.gnn.appnp import Appnp
from ....golden.gnn.gat import Gat
from ....golden.gnn.gcn import Gcn
from ....golden.gnn.gin import Gin
from ....golden.gnn.layer import Layer
from ....golden.gnn.sage import Reduction, Sage
from .mlp import linears
from .weights import array, maybe, refuse, require, setting

__all__ = ["DGL"]


def _gcn(conv: nn.Module, features: int | None) -> Layer:
    require(conv, "_norm", "both")
    return Gcn(array(conv, "weight"), maybe(conv, "bias"))


def _sgc(conv: nn.Module, features: int | None) -> Layer:
    refuse(conv, "norm", "rows are not normalised between hops")
    return Gcn(
        array(conv, "fc.weight").T, maybe(conv, "fc.bias"), hops=int(setting(conv, "_k", 1))
    )


def _appnp(conv: nn.Module, features: int | None) -> Layer:
    if features is None:
        raise InputError("features must be given where APPNPConv is the first layer")
    return Appnp(features, int(setting(conv, "_k")), float(setting(conv, "_alpha")))


def _sage(conv: nn.Module, features: int | None) -> Layer:
    require(conv, "_aggre_type", "mean")
    refuse(conv, "norm", "rows are not normalised")
    return Sage(
        array(conv, "fc_neigh.weight").T, array(conv, "fc_self.weight").T, maybe(conv, "bias"),
        Reduction.MEAN,
    )  # fmt: skip


def _gin(conv: nn.Module, features: int | None) -> Layer:
    require(conv, "_aggregator_type", "sum")
    inner = setting(conv, "apply_func")
    if not isinstance(inner, nn.Module):
        raise InputError(f"apply_func of GINConv must be a module, not {inner!r}")
    return Gin(
        linears(inner, "apply_func of GINConv"), float(np.ravel(array(conv, "eps"))[0])
    )


def _gat(conv: nn.Module, features: int | None) -> Layer:
    refuse(conv, "res_fc", "there are no residuals")
    slope = setting(setting(conv, "leaky_relu"), "negative_slope", 0.2)
    source = array(conv, "attn_l")
    heads = source.shape[1]
    return Gat(
        array(conv, "fc.weight").T, source.reshape(heads, -1),
        array(conv, "attn_r").reshape(heads, -1), maybe(conv, "bias"), slope=float(slope),
    )  # fmt: skip


DGL: dict[str, Callable[[nn.Module, int | None], Layer]] = {
    "GraphConv": _gcn, "SGConv": _sgc, "APPNPConv": _appnp, "SAGEConv": _sage, "GINConv": _gin,
    "GATConv": _gat,
}  # fmt: skip
"""Converters by class name; GAT's heads come side by side, as ``flatten(1)`` puts them."""

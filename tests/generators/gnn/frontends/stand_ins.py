"""Modules with the class and parameter names of PyTorch Geometric 2.8 and of DGL 2.

Only what an importer reads.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


def drawn(*shape):
    return nn.Parameter(torch.randn(*shape, dtype=torch.double))


class Conv(nn.Module):
    """Attributes given by name; tensors become parameters."""

    def __init__(self, **attributes):
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)


def linear(wide, out, bias=True):
    return nn.Linear(wide, out, bias=bias, dtype=torch.double)


class GCNConv(Conv):
    def __init__(self, wide, out, **more):
        super().__init__(
            improved=False, add_self_loops=True, normalize=True, lin=linear(wide, out, False),
            bias=drawn(out), **more,
        )  # fmt: skip


class SGConv(Conv):
    def __init__(self, wide, out, K):
        super().__init__(add_self_loops=True, K=K, lin=linear(wide, out))


class APPNP(Conv):
    def __init__(self, K, alpha):
        super().__init__(K=K, alpha=alpha, add_self_loops=True, normalize=True)


class SAGEConv(Conv):
    def __init__(self, wide, out, aggr="mean", root=True, **more):
        super().__init__(
            aggr=aggr, normalize=False, project=False, lin_l=linear(wide, out), **more
        )  # fmt: skip
        if root:
            self.lin_r = linear(wide, out, False)


class GINConv(Conv):
    def __init__(self, inner, eps=0.0):
        super().__init__(nn=inner, eps=torch.tensor([eps]))


class GATConv(Conv):
    def __init__(self, wide, out, heads=1, concat=True, **more):
        super().__init__(
            heads=heads, concat=concat, negative_slope=0.2, add_self_loops=True, residual=False,
            lin=linear(wide, heads * out, False), att_src=drawn(1, heads, out),
            att_dst=drawn(1, heads, out), bias=drawn(heads * out if concat else out), **more,
        )  # fmt: skip


class GatedGraphConv(Conv):
    def __init__(self, out, steps):
        super().__init__(
            aggr="add", weight=drawn(steps, out, out),
            rnn=nn.GRUCell(out, out, dtype=torch.double),
        )  # fmt: skip


class GCN(Conv):
    """A model of `torch_geometric.nn.models`."""

    def __init__(self, *convs, act=None, **more):
        super().__init__(convs=nn.ModuleList(convs), act=act or nn.ReLU(), act_first=False, **more)


class MLP(Conv):
    def __init__(self, *widths):
        lins = nn.ModuleList(linear(*pair) for pair in pairwise(widths))
        norms = nn.ModuleList(nn.Identity() for _ in lins)
        super().__init__(lins=lins, norms=norms, act=nn.ReLU(), plain_last=True)


def of_dgl(name, **attributes):
    """Return a module whose class looks like one of DGL."""
    kind = type(name, (Conv,), {"__module__": "dgl.nn.pytorch.conv"})
    return kind(**attributes)

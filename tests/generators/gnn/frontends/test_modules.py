"""Modules of PyTorch Geometric and DGL become the networks that they are.

The modules are stand-ins with the names that the importer reads. With PyTorch Geometric 2.8.1
itself (GCN, GraphSAGE, GIN, GAT of `nn.models`, `Sequential` of GCN, GAT, SG, APPNP, GatedGraph and
Linear) outputs of network and module were equal to 9e-16; torch_geometric is not installed here.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gatewright.errors import InputError
from gatewright.generators.gnn.frontends.modules import network_of
from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.graph import Graph

from .stand_ins import (
    APPNP,
    GCN,
    MLP,
    Conv,
    GATConv,
    GatedGraphConv,
    GCNConv,
    GINConv,
    SAGEConv,
    SGConv,
    linear,
    of_dgl,
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(1)


def graph(seed=0):
    rng = np.random.default_rng(seed)
    return Graph(9, rng.integers(0, 9, 30), rng.integers(0, 9, 30))


def dense(conv, x, g):
    """What the documentation of each layer says, vertex by vertex, in torch."""
    kind = type(conv).__name__
    if kind in ("SAGEConv", "GINConv"):
        rows = []
        for v in range(g.vertices):
            of_v = x[torch.from_numpy(g.src[g.dst == v])]
            if kind == "GINConv":
                rows.append(of_v.sum(0))
            elif conv.aggr == "max":
                rows.append(of_v.max(0).values if len(of_v) else torch.zeros_like(x[0]))
            else:
                rows.append(of_v.sum(0) / max(1, len(of_v)))
        h = torch.stack(rows)
        if kind == "GINConv":
            return conv.nn((1 + conv.eps.double()) * x + h)
        return conv.lin_l(h) + conv.lin_r(x)
    looped = g.looped
    degree = np.bincount(looped.dst, minlength=g.vertices)
    a = torch.zeros(g.vertices, g.vertices, dtype=torch.double)
    if kind == "GATConv":
        z = conv.lin(x).reshape(g.vertices, conv.heads, -1)
        count = a.clone()
        for u, v in zip(looped.src, looped.dst, strict=True):
            count[v, u] += 1
        e = (z * conv.att_src).sum(-1)[None] + (z * conv.att_dst).sum(-1)[:, None]
        weight = count[..., None] * nn.functional.leaky_relu(e, 0.2).exp()
        alpha = weight / weight.sum(1, keepdim=True)
        y = torch.einsum("vuh,uhc->vhc", alpha, z)
        return (y.flatten(1) if conv.concat else y.mean(1)) + conv.bias
    for u, v in zip(looped.src, looped.dst, strict=True):
        a[v, u] += 1 / np.sqrt(degree[u] * degree[v])
    if kind == "GCNConv":
        return a @ conv.lin(x) + conv.bias
    if kind == "SGConv":
        return conv.lin(torch.matrix_power(a, conv.K) @ x)
    if kind == "APPNP":
        h = x
        for _ in range(conv.K):
            h = (1 - conv.alpha) * a @ h + conv.alpha * x
        return h
    assert kind == "GatedGraphConv"
    x = nn.functional.pad(x, (0, conv.weight.shape[2] - x.shape[1]))
    for weight in conv.weight:
        m = torch.zeros_like(x)
        for u, v in zip(g.src, g.dst, strict=True):
            m[v] += x[u] @ weight
        x = conv.rnn(m, x)
    return x


LAYERS = {
    "gcn": lambda: GCNConv(6, 4),
    "sgc": lambda: SGConv(6, 4, 3),
    "sage": lambda: SAGEConv(6, 4),
    "sage max": lambda: SAGEConv(6, 4, "max"),
    "gin": lambda: GINConv(nn.Sequential(linear(6, 5), nn.ReLU(), linear(5, 4)), 0.25),
    "gin with a model's mlp": lambda: GINConv(MLP(6, 5, 4)),
    "gat": lambda: GATConv(6, 4, heads=3),
    "gat, averaged": lambda: GATConv(6, 4, heads=3, concat=False),
    "ggnn": lambda: GatedGraphConv(7, 2),
}



@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_what_modules_do(name):
    conv, g = LAYERS[name](), graph()
    x = torch.randn(9, 6, dtype=torch.double)
    if name.endswith("mlp"):
        mlp = conv.nn
        wanted = mlp.lins[1](torch.relu(mlp.lins[0](x + dense_sum(g, x))))
    else:
        wanted = dense(conv, x, g)
    found = network_of(conv, 6).forward(g, x.numpy())
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-12, atol=1e-12)


def dense_sum(g, x):
    result = torch.zeros_like(x)
    return result.index_add(0, torch.from_numpy(g.dst), x[torch.from_numpy(g.src)])


def test_a_chain_of_everything():
    g, x = graph(3), torch.randn(9, 6, dtype=torch.double)
    gcn, gat, appnp, last = GCNConv(6, 8), GATConv(8, 2, heads=4), APPNP(3, 0.2), linear(8, 3)
    chain = [nn.Sequential(gcn, nn.ReLU(), nn.Dropout()), [gat, nn.ELU()], appnp, last, nn.Tanh()]
    h = dense(appnp, nn.functional.elu(dense(gat, torch.relu(dense(gcn, x, g)), g)), g)
    wanted = torch.tanh(last(h)).detach().numpy()
    network = network_of(chain)
    np.testing.assert_allclose(network.forward(g, x.numpy()), wanted, rtol=1e-12, atol=1e-12)
    kinds = [layer.activation for layer in network.layers]
    assert kinds == [Activation.RELU, Activation.ELU, Activation.NONE, Activation.TANH]


def test_models_have_their_activation_between_layers():
    first, second = GCNConv(6, 5), GCNConv(5, 4)
    g, x = graph(4), torch.randn(9, 6, dtype=torch.double)
    found = network_of(GCN(first, second)).forward(g, x.numpy())
    wanted = dense(second, torch.relu(dense(first, x, g)), g).detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_layers_of_dgl():
    """On an undirected graph, loops added, DGL's GraphConv is the GCN of the others."""
    gcn = GCNConv(6, 4)
    same = of_dgl("GraphConv", weight=nn.Parameter(gcn.lin.weight.T), bias=gcn.bias, _norm="both")
    gat = GATConv(6, 4, heads=2)
    twin = of_dgl(
        "GATConv", fc=gat.lin, attn_l=gat.att_src, attn_r=gat.att_dst, bias=gat.bias,
        leaky_relu=nn.LeakyReLU(0.2), res_fc=None,
    )  # fmt: skip
    sage = SAGEConv(6, 4)
    sage_twin = of_dgl(
        "SAGEConv", fc_neigh=nn.Linear(6, 4, bias=False), fc_self=sage.lin_r, bias=sage.lin_l.bias,
        _aggre_type="mean", norm=None,
    )  # fmt: skip
    sage_twin.fc_neigh.weight = sage.lin_l.weight
    gin = GINConv(linear(6, 4), 0.5)
    gin_twin = of_dgl("GINConv", apply_func=gin.nn, eps=gin.eps, _aggregator_type="sum")
    sgc = SGConv(6, 4, 2)
    sgc_twin = of_dgl("SGConv", fc=sgc.lin, _k=2, norm=None)
    appnp = of_dgl("APPNPConv", _k=3, _alpha=0.1)
    x, g = np.random.default_rng(0).normal(size=(9, 6)), graph()
    for ours, theirs in (
        (gcn, same), (gat, twin), (sage, sage_twin), (gin, gin_twin), (sgc, sgc_twin),
        ([gcn, APPNP(3, 0.1)], [same, appnp]),
    ):  # fmt: skip
        assert np.array_equal(network_of(ours).forward(g, x), network_of(theirs).forward(g, x))


class GATv2Conv(Conv):
    pass


class Custom(nn.Module):
    pass


BATCH = nn.ModuleList([nn.BatchNorm1d(3)])


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (lambda: 7, "model must be a module or a list of modules, not int"),
        (lambda: nn.Sequential(), "layers must be at least one, not none"),
        (lambda: GATv2Conv(), "layer must be one of .*, not GATv2Conv; of a module with"),
        (lambda: Custom(), "give the layers as a list"),
        (lambda: nn.ReLU(), "ReLU must follow a layer, not be the first"),
        (lambda: [linear(2, 2), nn.ReLU(), nn.Tanh()], "followed by one activation, not also by t"),
        (lambda: [linear(2, 2), nn.ELU(alpha=2.0)], "alpha of ELU must be 1, not 2.0"),
        (lambda: [linear(2, 2), nn.GELU(approximate="tanh")], "approximate of GELU must be none"),
        (lambda: [linear(2, 3), linear(2, 3)], "layer 1 must have 3 inputs"),
        (lambda: changed(GCNConv(2, 2), add_self_loops=False), "add_self_loops of GCNConv must be"),
        (lambda: changed(GCNConv(2, 2), improved=True), "improved of GCNConv must be False"),
        (lambda: changed(GCNConv(2, 2), lin=None), "must have a parameter lin.weight"),
        (lambda: SAGEConv(2, 2, "lstm"), "aggr of SAGEConv must be mean, max or sum, not lstm"),
        (lambda: changed(SAGEConv(2, 2), project=True), "project of SAGEConv must be False"),
        (lambda: changed(GATConv(2, 2), residual=True), "residual of GATConv must be False"),
        (lambda: changed(GATConv(2, 2), lin_edge=linear(1, 1)), "lin_edge of GATConv must be"),
        (lambda: GINConv(nn.Sequential(nn.BatchNorm1d(2))), "must be a chain of .*BatchNorm"),
        (lambda: APPNP(3, 0.1), "features must be given where APPNP is"),
        (lambda: GCN(GCNConv(2, 2), norms=BATCH), "norms of GCN must be Identity, not BatchNorm1d"),
        (lambda: GCN(GCNConv(2, 2), jk=nn.Identity()), "jk of GCN must be None"),
        (lambda: of_dgl("GraphConv", _norm="right"), "_norm of GraphConv must be both, not right"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused(model, line):
    with pytest.raises(InputError, match=line):
        network_of(model())


def changed(module, **attributes):
    for name, value in attributes.items():
        setattr(module, name, value)
    return module

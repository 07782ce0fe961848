"""Compare every layer with PyTorch Geometric, and record what that returns.

Not a test: torch_geometric is no dependency. Run where it is installed, from above the clone:
`python -m gatewright.tests.golden.gnn.record_pyg` prints the largest differences on random graphs
and writes `pyg_values.json`, which the tests read.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch_geometric
from torch import nn
from torch_geometric.nn import (
    APPNP,
    GATConv,
    GatedGraphConv,
    GCNConv,
    GINConv,
    SAGEConv,
    SGConv,
)

from gatewright.golden.gnn.appnp import Appnp
from gatewright.golden.gnn.gat import Gat
from gatewright.golden.gnn.gcn import Gcn
from gatewright.golden.gnn.ggnn import Ggnn
from gatewright.golden.gnn.gin import Gin
from gatewright.golden.gnn.sage import Sage

from .cases import FEATURES, SMALL, layers, numbers, random_graph


def put(parameter, values):
    parameter.data.copy_(torch.from_numpy(np.array(values)).reshape(parameter.shape))


def linear(module, layer):
    put(module.weight, layer.weight.T)
    if layer.bias is not None:
        put(module.bias, layer.bias)


def module_of(layer):
    """Return PyG's module with the weights of a layer."""
    k, n, bias = layer.in_features, layer.out_features, getattr(layer, "bias", None) is not None
    match layer:
        case Gcn(hops=1):
            made = GCNConv(k, n, bias=bias)
            put(made.lin.weight, layer.weight.T)
            if bias:
                put(made.bias, layer.bias)
        case Gcn():
            made = SGConv(k, n, K=layer.hops, bias=bias)
            linear(made.lin, layer)
        case Appnp():
            made = APPNP(layer.hops, layer.teleport)
        case Sage():
            made = SAGEConv(k, n, aggr=str(layer.reduction), bias=bias)
            linear(made.lin_l, layer)
            put(made.lin_r.weight, layer.root.T)
        case Gin():
            parts = []
            for part in layer.mlp:
                parts += [nn.Linear(part.in_features, part.out_features)]
                parts += [nn.ReLU()] if part.activation == "relu" else []
            made = GINConv(nn.Sequential(*parts), eps=layer.eps)  # initialises the MLP anew
            linears = [each for each in made.nn if isinstance(each, nn.Linear)]
            for module, part in zip(linears, layer.mlp, strict=True):
                linear(module, part)
        case Gat():
            channels = layer.source.shape[1]
            made = GATConv(
                k, channels, layer.heads, concat=layer.concat, negative_slope=layer.slope
            )
            put(made.lin.weight, layer.weight.T)
            put(made.att_src, layer.source)
            put(made.att_dst, layer.target)
            put(made.bias, layer.bias)
        case Ggnn():
            made = GatedGraphConv(n, len(layer.weights))
            put(made.weight, layer.weights)
            put(made.rnn.weight_ih, layer.weight_m.T)
            put(made.rnn.weight_hh, layer.weight_x.T)
            put(made.rnn.bias_ih, layer.bias_m)
            put(made.rnn.bias_hh, layer.bias_x)
    return made.double()


def run(layer, graph, x):
    # First float64, then the numbers: the parameters are born as float32.
    torch.set_default_dtype(torch.float64)
    edges = torch.from_numpy(np.stack([graph.src, graph.dst]))
    with torch.no_grad():
        return module_of(layer)(torch.from_numpy(np.array(x)), edges).numpy()


def main():
    values = {}
    for name, layer in layers().items():
        values[name] = run(layer, SMALL, numbers(SMALL.vertices, FEATURES, seed=7)).tolist()
    worst = {}
    rng = np.random.default_rng(1)
    for seed in range(20):
        graph = random_graph(seed, 30, [0, 1, 20, 100, 400][seed % 5])
        made = layers(7, 6, lambda *shape, seed: rng.normal(size=shape))
        x = rng.normal(size=(30, 7))
        for name, layer in made.items():
            ours = layer.forward(graph, x)
            difference = np.abs(ours - run(layer, graph, x)).max() / max(1, np.abs(ours).max())
            worst[name] = max(worst.get(name, 0), float(difference))
    for name, difference in worst.items():
        print(f"{name:20} {difference:.1e}")
    recorded = {
        "torch_geometric": torch_geometric.__version__,
        "torch": torch.__version__,
        "outputs": values,
    }
    Path(__file__).with_name("pyg_values.json").write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""A two-layer GCN trained in torch, as Kipf and Welling set it up (ICLR 2017, section 5.2)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.gcn import Gcn, Order
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.network import Network


def citation_graph(path: Path):
    """Return graph, row-normalised features, labels and the masks of a data file."""
    data = np.load(path)
    graph = Graph(int(data["n"]), data["src"], data["dst"])
    x = np.zeros((graph.vertices, int(data["feat_dim"])))
    rows = np.repeat(np.arange(graph.vertices), np.diff(data["feat_indptr"]))
    x[rows, data["feat_indices"]] = data["feat_data"]
    x /= np.maximum(x.sum(axis=1, keepdims=True), 1)
    return graph, x, data["labels"].astype(np.int64), data["train"], data["test"]


def train_gcn(graph, x, labels, train, *, hidden=16, epochs=200, seed=0):
    """Return the trained network, both layers in transform order."""
    torch.manual_seed(seed)
    looped = graph.looped
    root = np.sqrt(looped.degree)
    edges = (looped.dst, looped.src, 1 / (root[looped.src] * root[looped.dst]))
    adjacency = [torch.from_numpy(each) for each in edges]
    features = [torch.from_numpy(each) for each in (*np.nonzero(x), x[np.nonzero(x)])]
    target, chosen = torch.from_numpy(labels), torch.from_numpy(train)

    def times(matrix, dense):
        """Product of rows, columns and values of a sparse matrix and a dense one."""
        rows, columns, values = matrix
        result = torch.zeros(graph.vertices, dense.shape[1])
        return result.index_add(0, rows, values.float()[:, None] * dense[columns])

    classes = int(labels.max()) + 1
    weights = [torch.empty(x.shape[1], hidden), torch.empty(hidden, classes)]
    for weight in weights:
        torch.nn.init.xavier_uniform_(weight)
    biases = [torch.zeros(hidden), torch.zeros(classes)]
    for parameter in (*weights, *biases):
        parameter.requires_grad_()
    optimiser = torch.optim.Adam(
        [
            {"params": [weights[0], biases[0]], "weight_decay": 5e-4},
            {"params": [weights[1], biases[1]]},
        ],
        lr=0.01,
    )
    drop = torch.nn.Dropout(0.5)
    for _ in range(epochs):
        optimiser.zero_grad()
        inputs = (*features[:2], drop(features[2]))
        h = torch.relu(times(adjacency, times(inputs, weights[0])) + biases[0])
        logits = times(adjacency, drop(h) @ weights[1]) + biases[1]
        torch.nn.functional.cross_entropy(logits[chosen], target[chosen]).backward()
        optimiser.step()
    (w0, w1), (b0, b1) = ([each.detach().double().numpy() for each in p] for p in (weights, biases))
    return Network(
        [
            Gcn(w0, b0, activation=Activation.RELU, order=Order.TRANSFORM),
            Gcn(w1, b1, order=Order.TRANSFORM),
        ]
    )

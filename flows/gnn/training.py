"""A two-layer GCN trained as Kipf and Welling set it up (ICLR 2017, section 5.2).

Hidden layer of 16, dropout of one half before each layer, Adam with a rate of 0.01, 200 epochs,
weight decay of 5e-4 on the first layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...golden.gnn.activations import Activation
from ...golden.gnn.gcn import Gcn
from ...golden.gnn.graph import Graph, Integers, Reals
from ...golden.gnn.network import Network

__all__ = ["Trained", "train_gcn"]


@dataclass(frozen=True, eq=False)
class Trained:
    """A network and how well it does.

    Attributes
    ----------
    network
        float64.
    loss
        Of the last epoch, on the training vertices.
    """

    network: Network
    loss: float


def train_gcn(
    graph: Graph, x: Reals, labels: Integers, train: NDArray[np.bool_], *, hidden: int = 16,
    epochs: int = 200, seed: int = 0,
    progress: Callable[[str, float, float], None] = lambda what, done, total: None,
) -> Trained:  # fmt: skip
    """Return a network that was trained to tell the classes of vertices.

    Parameters
    ----------
    x
        Features [N, F], their rows normalised already if they should be.
    labels
        Class of each vertex, from 0.
    train
        Vertices whose labels are used.
    """
    torch.manual_seed(seed)
    looped = graph.looped
    root = np.sqrt(looped.degree)
    edges = (looped.dst, looped.src, 1 / (root[looped.src] * root[looped.dst]))
    adjacency = [torch.from_numpy(each) for each in edges]
    rows, columns = np.nonzero(x)
    features = [torch.from_numpy(each) for each in (rows, columns, x[rows, columns])]
    target, chosen = torch.from_numpy(labels), torch.from_numpy(train)

    def times(matrix: list[torch.Tensor], dense: torch.Tensor) -> torch.Tensor:
        """Product of rows, columns and values of a sparse matrix and a dense one."""
        at, from_, values = matrix
        result = torch.zeros(graph.vertices, dense.shape[1])
        return result.index_add(0, at, values.float()[:, None] * dense[from_])

    classes = int(labels.max()) + 1
    weights = [torch.empty(x.shape[1], hidden), torch.empty(hidden, classes)]
    for weight in weights:
        torch.nn.init.xavier_uniform_(weight)
    biases = [torch.zeros(hidden), torch.zeros(classes)]
    for parameter in (*weights, *biases):
        parameter.requires_grad_()
    groups: list[dict[str, Any]] = [
        {"params": [weights[0], biases[0]], "weight_decay": 5e-4},
        {"params": [weights[1], biases[1]]},
    ]
    optimiser = torch.optim.Adam(groups, lr=0.01)
    drop = torch.nn.Dropout(0.5)
    loss = torch.zeros(())
    for epoch in range(epochs):
        optimiser.zero_grad()
        inputs = [*features[:2], drop(features[2])]
        h = torch.relu(times(adjacency, times(inputs, weights[0])) + biases[0])
        logits = times(adjacency, drop(h) @ weights[1]) + biases[1]
        loss = torch.nn.functional.cross_entropy(logits[chosen], target[chosen])
        torch.autograd.backward(loss)
        optimiser.step()
        progress("epochs", epoch + 1, epochs)
    (w0, w1), (b0, b1) = ([each.detach().double().numpy() for each in p] for p in (weights, biases))
    layers = [Gcn(w0, b0, activation=Activation.RELU), Gcn(w1, b1)]
    return Trained(Network(layers), float(loss.item()))

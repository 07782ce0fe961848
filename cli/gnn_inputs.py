"""Graphs, features and models that the commands of gnn are given."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..generators.gnn.features import VertexData, normalized_rows, read_vertex_data
from ..generators.gnn.frontends.description import load_description
from ..generators.gnn.frontends.modules import network_of
from ..generators.gnn.graph import Graph, Progress
from ..generators.gnn.graph_files import Reading, read_graph
from ..golden.gnn.network import Network

__all__ = ["Inputs", "load_inputs", "load_model"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """A graph and what is known of its vertices; features may be absent."""

    graph: Graph
    data: VertexData


def load_inputs(
    graph: Path, reading: Reading, features: Path | None, progress: Progress
) -> Inputs:
    """Read a graph and the data of its vertices: from a file of its own, or the graph's."""
    edges = read_graph(graph, reading, progress)
    if edges.vertices < 1:
        raise InputError(f"graph must have a vertex, and {graph} has none")
    source = features
    if source is None and graph.suffix == ".npz":
        source = graph
    data = VertexData() if source is None else read_vertex_data(source, edges.vertices)
    if features is not None and data.features is None:
        raise InputError(f"features must be in {features}: x, features or feat_data")
    return Inputs(edges, data)


def load_model(model: str, features: int | None) -> tuple[Network, bool]:
    """Return a network, and whether it wants the rows of its input normalised.

    Parameters
    ----------
    model
        ``FILE.yaml``, or ``FILE.py:NAME`` of a module, of a list of modules, or of a function that
        returns one.
    features
        Of the input, if they are known.
    """
    file, _, name = model.partition(":")
    path = Path(file)
    if path.suffix in (".yaml", ".yml") and not name:
        return load_description(path)
    if path.suffix != ".py" or not name:
        raise InputError(f"model must be FILE.yaml or FILE.py:NAME, not {model!r}")
    made = getattr(_python(path), name, None)
    if made is None:
        raise InputError(f"model must be a name that {path} has, not {name!r}")
    module = made() if callable(made) and not _is_module(made) else made
    return network_of(module, features), False


def _is_module(value: object) -> bool:
    from torch import nn

    return isinstance(value, nn.Module)


def _python(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"model must be in a file that exists, not {str(path)!r}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # for what it imports beside itself
    spec.loader.exec_module(module)
    return module


def features_of(
    inputs: Inputs, network: Network, *, normalize: bool, seed: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the features of the vertices, random ones where there are none.

    Raises
    ------
    InputError
        If they are not as many as the network reads.
    """
    wide = network.layers[0].in_features
    x = inputs.data.features
    if x is None:
        return np.random.default_rng(seed).normal(size=(inputs.graph.vertices, wide))
    if x.shape[1] != wide:
        raise InputError(
            f"features must be {wide}, as the network's first layer reads, not {x.shape[1]}"
        )
    return normalized_rows(x) if normalize else x

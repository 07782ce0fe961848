"""The work behind ``gatewright gnn train``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..flows.gnn.training import train_gcn
from ..generators.artifacts import write_text
from ..generators.gnn.features import normalized_rows
from ..generators.gnn.graph_files import Reading
from ..generators.gnn.staging import staged
from ..golden.gnn.gcn import Gcn
from .console import Console
from .gnn_inputs import load_inputs

__all__ = ["TrainJob", "train"]

_MODEL, _WEIGHTS = "model.yaml", "weights.npz"


@dataclass(frozen=True)
class TrainJob:
    """What the command line asks for."""

    graph: Path
    reading: Reading
    features: Path | None
    normalize: bool
    hidden: int
    epochs: int
    seed: int
    out: Path


def train(console: Console, job: TrainJob) -> None:
    """Train a GCN on a labelled graph and write it as a model."""
    with console.progress() as bar:
        inputs = load_inputs(job.graph, job.reading, job.features, bar)
        data = inputs.data
        for name in ("features", "labels", "train", "test"):
            if getattr(data, name) is None:
                raise InputError(f"{name} must be in {job.features or job.graph} for training")
        assert data.features is not None and data.labels is not None
        assert data.train is not None and data.test is not None
        if data.labels.min() < 0 or not data.train.any() or not data.test.any():
            raise InputError("labels must be from 0 on, and train and test have a vertex each")
        x = normalized_rows(data.features) if job.normalize else data.features
        graph = inputs.graph.golden
        made = train_gcn(
            graph, x, data.labels, data.train, hidden=job.hidden, epochs=job.epochs, seed=job.seed,
            progress=bar,
        )  # fmt: skip
    guess = made.network.forward(graph, x).argmax(axis=1)
    accuracy = float((guess == data.labels)[data.test].mean())
    arrays: dict[str, Any] = {}
    lines = [f"features: {x.shape[1]}", f"weights: {_WEIGHTS}"]
    lines += [f"normalize_rows: {str(job.normalize).lower()}", "layers:"]
    for i, layer in enumerate(made.network.layers):
        assert isinstance(layer, Gcn) and layer.bias is not None
        arrays |= {f"{i}.weight": layer.weight, f"{i}.bias": layer.bias}
        lines.append(
            f"  - {{kind: gcn, features: {layer.out_features}, "
            f"activation: {layer.activation.value}}}"
        )
    with staged(job.out) as folder:
        np.savez_compressed(folder / _WEIGHTS, allow_pickle=False, **arrays)
        write_text(folder / _MODEL, "\n".join(lines) + "\n")
    console.document({
        "format": "gatewright-report", "version": 1, "step": "gnn-train", "loss": made.loss,
        "accuracy": accuracy, "model": str(job.out / _MODEL),
    })  # fmt: skip
    console.say(f"accuracy on {int(data.test.sum()):,} test vertices: {accuracy:.1%}")
    console.say(f"written: {job.out / _MODEL}, {_WEIGHTS}")

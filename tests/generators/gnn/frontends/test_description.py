"""Networks from YAML."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.generators.gnn.frontends.description import load_description
from gatewright.golden.gnn.graph import Graph

EVERY = """
features: 6
layers:
  - {kind: gcn, features: 8, activation: relu}
  - {kind: sgc, features: 8, hops: 2, bias: false}
  - {kind: sage, features: 8, reduction: max}
  - {kind: gin, features: 8, hidden: [5, 4], eps: 0.5, activation: elu}
  - {kind: gat, features: 2, heads: 4}
  - {kind: gat, features: 8, heads: 3, concat: false, slope: 0.1}
  - {kind: ggnn, features: 9, steps: 2}
  - {kind: appnp, hops: 3, teleport: 0.2}
  - {kind: linear, features: 2}
seed: 5
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "model.yaml"
    path.write_text(text)
    return path


def test_every_kind_of_layer(tmp_path):
    network, normalize = load_description(written(tmp_path, EVERY))
    graph = Graph(5, np.array([0, 1, 2]), np.array([1, 2, 2]))
    shapes = [value.shape for value in network.trace(graph, np.ones((5, 6)))]
    assert [shape[1] for shape in shapes] == [6, 8, 8, 8, 8, 8, 8, 9, 9, 2]
    assert not normalize
    again, _ = load_description(written(tmp_path, EVERY))
    assert np.array_equal(
        again.forward(graph, np.ones((5, 6))), network.forward(graph, np.ones((5, 6)))
    )
    other, _ = load_description(written(tmp_path, EVERY.replace("seed: 5", "seed: 6")))
    assert not np.array_equal(
        other.forward(graph, np.ones((5, 6))), network.forward(graph, np.ones((5, 6)))
    )


def test_weights_from_a_file(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"0.weight": rng.normal(size=(3, 4)), "0.bias": rng.normal(size=4),
              "1.mlp0.weight": rng.normal(size=(4, 2)), "1.mlp0.bias": rng.normal(size=2)}
    np.savez(tmp_path / "w.npz", **arrays)
    text = (
        "features: 3\nweights: w.npz\nnormalize_rows: true\nlayers:\n"
        "  - {kind: linear, features: 4}\n  - {kind: gin, features: 2}\n"
    )
    network, normalize = load_description(written(tmp_path, text))
    assert normalize
    assert np.array_equal(network.layers[0].weight, arrays["0.weight"])
    assert np.array_equal(network.layers[1].mlp[0].bias, arrays["1.mlp0.bias"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("features: 3\nlayers: []", "layers must be a list of 1 or more"),
        ("features: 3\nlayers: [{kind: gan, features: 2}]",
         r"layers\[0\].kind must be one of .*, not 'gan'; did you mean 'gin'\?"),
        ("features: 3\nlayers: [{features: 2}]", r"layers\[0\].kind must be one of .*, not None"),
        ("features: 3\nlayers: [7]", r"layers\[0\] must be a mapping with kind appnp or"),
        ("features: 3\nlayers: [{kind: gat, features: 2, heads: 0}]",
         r"layers\[0\].heads must be an integer from 1 to 256, not 0"),
        ("features: 3\nlayers: [{kind: gat, features: 2, head: 1}]",
         r"field of layers\[0\] must be one of .*, not 'head'; did you mean 'heads'\?"),
        ("layers: [{kind: linear, features: 2}]", "features must be given"),
        ("features: 3\nweights: none.npz\nlayers: [{kind: linear, features: 2}]",
         "weights .* must be a readable npz file"),
        ("features: 3\nweights: w.npz\nlayers: [{kind: linear, features: 2}]",
         r"0.weight of weights must be of shape \[3, 2\], not \[2, 2\]"),
        ("features: 2\nweights: w.npz\nlayers: [{kind: linear, features: 2}]",
         "weights must have 0.bias, not only 0.weight, 4.x"),
        ("features: 2\nweights: w.npz\nlayers: [{kind: linear, features: 2, bias: false}]",
         "weights must belong to a layer, not be 4.x"),
    ],
)  # fmt: skip
def test_bad_descriptions(tmp_path, text, line):
    np.savez(tmp_path / "w.npz", **{"0.weight": np.ones((2, 2)), "4.x": np.ones(1)})
    with pytest.raises(InputError, match=line):
        load_description(written(tmp_path, text))

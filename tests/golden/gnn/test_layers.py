from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.golden.gnn.activations import Activation
from gatewright.golden.gnn.appnp import Appnp
from gatewright.golden.gnn.dense import Linear
from gatewright.golden.gnn.gat import Gat
from gatewright.golden.gnn.gcn import Gcn
from gatewright.golden.gnn.ggnn import Ggnn
from gatewright.golden.gnn.gin import Gin
from gatewright.golden.gnn.graph import Graph
from gatewright.golden.gnn.sage import Reduction, Sage

from . import loops
from .cases import FEATURES, SMALL, layers, numbers, random_graph

RECORDED = json.loads(Path(__file__).with_name("pyg_values.json").read_text())
NONE = np.zeros(0, np.int64)


@pytest.mark.parametrize("name", layers())
def test_against_torch_geometric(name):
    """Values recorded by `record_pyg`, on a graph with every kind of edge and vertex."""
    assert RECORDED["torch_geometric"] == "2.8.1"
    x = numbers(SMALL.vertices, FEATURES, seed=7)
    expected = np.array(RECORDED["outputs"][name])
    assert np.abs(layers()[name].forward(SMALL, x) - expected).max() < 1e-12


@pytest.mark.parametrize("name", layers())
@pytest.mark.parametrize("edges", [0, 1, 60])
def test_against_loops(name, edges):
    graph = random_graph(edges, 9, edges)
    rng = np.random.default_rng(edges)
    layer = layers(5, 4, lambda *shape, seed: rng.normal(size=shape))[name]
    x = rng.normal(size=(9, 5))
    expected = np.array(loops.real(layer, graph, x.tolist()))
    assert np.abs(layer.forward(graph, x) - expected).max() < 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("name", layers())
def test_activation_is_applied_last(name):
    x = numbers(SMALL.vertices, FEATURES, seed=7)
    layer = layers()[name]
    before = layer.forward(SMALL, x)
    if isinstance(layer, Gin):
        last = replace(layer.mlp[-1], activation=Activation.RELU)
        after = replace(layer, mlp=(*layer.mlp[:-1], last)).forward(SMALL, x)
    else:
        after = replace(layer, activation=Activation.RELU).forward(SMALL, x)
    assert np.array_equal(after, np.maximum(before, 0))
    assert before.min() < 0


def test_blocks_of_columns_are_one_matrix():
    """A graph whose messages do not fit memory at once."""
    rng = np.random.default_rng(0)
    src, dst = rng.integers(0, 50, (2, 50_000))
    graph = Graph(50, src, dst)
    x = rng.integers(-9, 9, (50, 200))
    counts = np.zeros((50, 50), np.int64)
    np.add.at(counts, (dst, src), 1)
    assert np.array_equal(graph.gather_rows(x, "sum"), counts @ x)


def test_any_integer_type_and_no_edges():
    for kind in (np.uint8, np.int32, np.uint64):
        graph = Graph(3, np.array([0, 2], kind), np.array([1, 1], kind))
        assert graph.degree.tolist() == [0, 2, 0]
        assert graph.largest_degree == 2
    empty = Graph(1, NONE, NONE)
    assert empty.largest_degree == 0
    assert empty.looped.degree.tolist() == [1]
    assert Graph(2, np.array([]), np.array([])).degree.tolist() == [0, 0]


def test_bad_graphs():
    for vertices, src, dst, text in (
        (0, NONE, NONE, "vertices must be at least 1, not 0"),
        (3, [0, 3], [0, 0], r"src must be in 0\.\.2, not 3 at 1"),
        (3, [0, 1], [0, -1], r"dst must be in 0\.\.2, not -1 at 1"),
        (3, [0.0, 1.0], [0, 1], "src must hold integers, not float64"),
        (3, [[0, 1]], [0, 1], r"src must be a vector, not of shape \[1, 2\]"),
        (3, [0, 1], [0], "src and dst must be of one length, not 2 and 1"),
    ):
        with pytest.raises(InputError, match=f"^{text}$"):
            Graph(vertices, np.array(src), np.array(dst))


def test_bad_layers():
    w, b = numbers(4, 3), numbers(3)
    broken = w.copy()
    broken[2, 1] = np.nan
    cell = (numbers(3, 9), numbers(3, 9))
    for make, text in (
        (lambda: Linear(b), r"weight must be of shape \[any, any\], not \[3\]"),
        (lambda: Linear(np.zeros((0, 3))), r"weight must be of shape \[any, any\], not \[0, 3\]"),
        (lambda: Linear(w, numbers(4)), r"bias must be of shape \[3\], not \[4\]"),
        (lambda: Gcn(broken), r"weight must be finite, not nan at \[2, 1\]"),
        (lambda: Gcn(w, b, hops=0), "hops must be at least 1, not 0"),
        (lambda: Gcn(w, fraction_bits=15), r"fraction_bits must be in 0\.\.14, not 15"),
        (lambda: Appnp(3, 2, 1.5), r"teleport must be in 0\.\.1, not 1\.5"),
        (lambda: Appnp(0, 2, 0.5), "features must be at least 1, not 0"),
        (lambda: Sage(w, w.T), r"root must be of shape \[4, 3\], not \[3, 4\]"),
        (lambda: Gin(()), "mlp must have at least one layer, not none"),
        (lambda: Gin((Linear(w), Linear(w))), "mlp must have layers that fit each other, not 3 .*"),
        (lambda: Gin((Linear(w),), 4e3), r"1 \+ eps must be below 2048 in magnitude, not 4001.0"),
        (lambda: Gin((Linear(w),), np.nan), r"1 \+ eps must be below 2048 in magnitude, not nan"),
        (lambda: Gat(w, numbers(2, 2), numbers(2, 2)), "weight must have 4 columns, .*, not 3"),
        (lambda: Gat(w, numbers(1, 3), numbers(3, 1)), r"target must be of shape \[1, 3\], .*"),
        (lambda: Gat(w, numbers(1, 3), numbers(1, 3), slope=2), r"slope must be in 0\.\.1, not 2"),
        (lambda: Gat(w, numbers(1, 3), numbers(1, 3), exp_bits=0), r"exp_bits .* 1\.\.14, not 0"),
        (lambda: Ggnn(4, numbers(2, 3, 3), *cell), r"features must be in 1\.\.3, not 4"),
        (lambda: Ggnn(3, numbers(2, 3, 4), *cell), r"weights must be of shape \[any, 4, 4\], .*"),
        (lambda: Ggnn(3, numbers(2, 3, 3), w, cell[1]), r"weight_m .* \[3, 9\], not \[4, 3\]"),
    ):
        with pytest.raises(InputError, match=f"^{text}$"):
            make()


def test_reduction_of_nothing_is_zero():
    alone = Graph(2, NONE, NONE)
    x = numbers(2, FEATURES, seed=7)
    for reduction in Reduction:
        layer = Sage(numbers(FEATURES, 3), np.zeros((FEATURES, 3)), numbers(3), reduction)
        assert np.array_equal(layer.forward(alone, x), np.tile(numbers(3), (2, 1)))

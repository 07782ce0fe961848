"""Tiles of a product: beats that a plain model of the array multiplies, and the matrix back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.flint.config import FlintConfig
from gatewright.generators.flint.workload import Product, Rounding, Tiling, gather, tile_beats
from gatewright.golden.flint.types import NumberType, decode_table

INT, FLINT, POT = NumberType.INT, NumberType.FLINT, NumberType.POT
SIZES = st.integers(1, 9)


def array(beats, rows, cols):
    """What the array answers, beat by beat and in Python integers, from the streams alone."""
    tables = {
        (kind.select, signed): decode_table(kind, 4, signed)
        for kind in (INT, FLINT)
        for signed in (False, True)
    }
    tile = beats["tile"]
    at = 0
    results = []
    for number in range(len(tile["depth"])):
        depth = int(tile["depth"][number])
        a = tables[int(tile["activation.kind"][number]), bool(tile["activation.signed"][number])]
        w = tables[int(tile["weight.kind"][number]), True]
        sums = [[int(bias) for bias in beats["bias"][number]] for _ in range(rows)]
        for k in range(at, at + depth):
            for row in range(rows):
                for col in range(cols):
                    sums[row][col] += a[beats["activation"][k][row]] * w[beats["weight"][k][col]]
        at += depth
        results += sums
    assert at == len(beats["activation"]) == len(beats["weight"])
    return np.array(results)


@st.composite
def products(draw):
    config = FlintConfig(rows=draw(st.integers(1, 4)), cols=draw(st.integers(1, 4)), max_k=16)
    samples, depth, channels = draw(SIZES), draw(SIZES), draw(SIZES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    product = Product(
        activation=rng.integers(0, 16, (samples, depth)).astype(np.uint8),
        weight=rng.integers(0, 16, (depth, channels)).astype(np.uint8),
        activation_kind=draw(st.sampled_from([INT, FLINT])),
        activation_signed=draw(st.booleans()),
        weight_kind=draw(st.sampled_from([INT, FLINT])),
        bias=rng.integers(-100, 100, channels),
    )
    return config, product


@given(products())
def test_tiles_multiply_to_the_whole_matrix(drawn):
    config, product = drawn
    tiling, beats = tile_beats(product, config)
    got = gather(array(beats, config.rows, config.cols), tiling)
    a = np.array(decode_table(product.activation_kind, 4, product.activation_signed))
    w = np.array(decode_table(product.weight_kind, 4, True))
    expected = np.einsum("nk,km->nm", a[product.activation], w[product.weight]) + product.bias
    assert np.array_equal(got, expected)


@given(products())
def test_place_says_where_a_result_is(drawn):
    config, product = drawn
    tiling, beats = tile_beats(product, config)
    results = array(beats, config.rows, config.cols)
    whole = gather(results, tiling)
    for sample in range(tiling.samples):
        for channel in range(tiling.channels):
            tile, row, col = tiling.place(sample, channel)
            assert whole[sample, channel] == results[tile * tiling.rows + row, col]


def test_scales_go_with_their_channels():
    config = FlintConfig(rows=2, cols=2, max_k=16, output="codes")
    rounding = Rounding(
        FLINT, False, True, multiplier=np.array([7, 8, 9]), shift=np.array([1, 2, 63])
    )
    codes = np.ones((3, 4), np.uint8)
    product = Product(codes, codes[:2].T.repeat(2, 1)[:, :3], INT, False, INT, None, rounding)
    tiling, beats = tile_beats(product, config)
    assert tiling.tiles == 4
    scale = beats["scale"]
    assert scale["0.multiplier"].tolist() == [7, 9, 7, 9]
    assert scale["1.multiplier"].tolist() == [8, 0, 8, 0]  # no fourth channel
    assert scale["0.shift"].tolist() == [1, 63, 1, 63]
    assert scale["1.shift"].tolist() == [2, 1, 2, 1]  # 0 is no legal shift
    assert beats["tile"]["result.kind"].tolist() == [FLINT.select] * 4
    assert beats["tile"]["result.signed"].tolist() == [0] * 4
    assert beats["tile"]["relu"].tolist() == [1] * 4


def test_cycles_and_utilisation():
    tiling = Tiling.of(FlintConfig(), samples=33, depth=100, channels=17)
    assert (tiling.row_tiles, tiling.col_tiles, tiling.tiles) == (3, 2, 6)
    assert tiling.cycles_per_tile == 100 + 16 + 4 - 1  # four clusters of four rows
    assert tiling.cycles == 6 * 119
    assert tiling.utilisation(1000) == 33 * 100 * 17 / (1000 * 256)
    full = Tiling.of(FlintConfig(rows=1, cols=1, share=1), 1, 64, 1)
    assert full.utilisation(full.cycles) == 64 / 65


OK = {
    "activation": np.zeros((3, 4), np.uint8), "weight": np.zeros((4, 2), np.uint8),
    "activation_kind": INT, "activation_signed": False, "weight_kind": FLINT,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "config", "told"),
    [
        ({"weight": np.zeros((5, 2), np.uint8)}, {}, "codes must be [N, K] and [K, M]"),
        ({"weight": np.zeros(4, np.uint8)}, {}, "codes must be [N, K] and [K, M]"),
        ({"activation": np.full((3, 4), 16, np.uint8)}, {}, "0..15, not 16 at [0, 0]"),
        ({"weight": np.full((4, 2), 99, np.uint8)}, {}, "weight codes must be 0..15, not 99"),
        ({}, {"max_k": 3}, "depth must be at most max_k = 3, not 4"),
        ({"activation": np.zeros((0, 4), np.uint8)}, {}, "samples must be at least 1"),
        ({"activation_kind": POT}, {}, "activation type must be out of int, flint, not 'pot'"),
        ({}, {"types": ("int",)}, "weight type must be out of int, not 'flint'"),
        ({}, {"activation_sign": "signed"}, "activation codes must be signed on this array"),
        ({"bias": np.array([0, 40000])}, {}, "bias must be -32768..32767, not 40000 at [1]"),
        ({"bias": np.array([0, 1])}, {"bias_bits": 0}, "bias must be 0 for an array"),
        ({"bias": np.array([1, 2, 3])}, {}, "bias must be 2 integers"),
        ({}, {"output": "codes"}, "rounding must be one for output 'codes', not none"),
    ],
)
def test_refuses(change, config, told):
    with pytest.raises(InputError) as error:
        tile_beats(Product(**(OK | change)), FlintConfig(**({"rows": 2, "cols": 2} | config)))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shift": np.array([0, 1])}, "shift must be 1..63, not 0 at [0]"),
        ({"multiplier": np.array([1, 1 << 16])}, "multiplier must be 0..65535, not 65536 at [1]"),
        ({"kind": POT}, "result type must be out of int, flint, not 'pot'"),
    ],
)
def test_refuses_a_rounding(change, told):
    fields = {"kind": INT, "signed": True, "relu": False, "multiplier": np.array([1, 1]),
              "shift": np.array([1, 1])}  # fmt: skip
    product = Product(**OK, rounding=Rounding(**(fields | change)))
    with pytest.raises(InputError) as error:
        tile_beats(product, FlintConfig(rows=2, cols=2, output="codes"))
    assert told in str(error.value)


def test_refuses_results_of_another_shape():
    tiling = Tiling.of(FlintConfig(rows=2, cols=2), 3, 4, 2)
    with pytest.raises(InputError, match=r"results must be of shape \[4, 2\], not \[3, 2\]"):
        gather(np.zeros((3, 2), np.int64), tiling)

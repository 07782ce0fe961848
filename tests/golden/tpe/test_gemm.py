from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.golden.tpe.encodings import operand_range
from gatewright.golden.tpe.gemm import accumulator_bits, gemm, product_range

EIGHT = (-128, 127)


def python_gemm(a, b, c, bits, overflow, tile_k):
    """The definition in Python integers."""
    rows = []
    for m in range(a.shape[0]):
        row = []
        for n in range(b.shape[1]):
            total = 0 if c is None else int(c[m, n])
            for start in range(0, a.shape[1], tile_k):
                for k in range(start, min(start + tile_k, a.shape[1])):
                    total += int(a[m, k]) * int(b[k, n])
                if overflow == "wrap":
                    total = (total + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
                elif overflow == "saturate":
                    total = min(max(total, -(1 << bits - 1)), (1 << bits - 1) - 1)
            row.append(total)
        rows.append(row)
    return rows


@given(st.data())
def test_against_python_integers(data):
    m, k, n = (data.draw(st.integers(1, 5)) for _ in range(3))
    a_format = data.draw(st.tuples(st.integers(2, 32), st.booleans()))
    b_format = data.draw(st.tuples(st.integers(2, 32), st.booleans()))
    bits = data.draw(st.integers(2, 80))
    overflow = data.draw(st.sampled_from(["refuse", "wrap", "saturate"]))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))

    def matrix(rows, cols, low, high):
        edge = generator.choice(np.array([low, high]), (rows, cols))
        inside = generator.integers(low, high, (rows, cols), endpoint=True)
        return np.where(generator.random((rows, cols)) < 0.5, edge, inside)

    a = matrix(m, k, *operand_range(*a_format))
    b = matrix(k, n, *operand_range(*b_format))
    limit = 1 << min(bits, 64) - 1
    c = matrix(m, n, -limit, limit - 1) if data.draw(st.booleans()) else None
    tile_k = data.draw(st.integers(1, 6))
    expected = python_gemm(a, b, c, bits, overflow, tile_k)
    if overflow == "refuse":
        partial = [python_gemm(a[:, :end], b[:end], c, bits, overflow, tile_k)
                   for end in (*range(tile_k, k, tile_k), k)]  # fmt: skip
        inside = all(-(1 << bits - 1) <= x < 1 << bits - 1 for p in partial for row in p
                     for x in row)  # fmt: skip
        if not inside:
            with pytest.raises(InputError, match=f"^results must fit {bits} bits unless "):
                gemm(a, b, c, bits=bits, tile_k=tile_k)
            return
    assert gemm(a, b, c, bits=bits, overflow=overflow, tile_k=tile_k).tolist() == expected


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 1, 3), (17, 300, 9), (64, 1000, 33)])
def test_against_torch(shape):
    m, k, n = shape
    a = torch.randint(-128, 128, (m, k))
    b = torch.randint(-128, 128, (k, n))
    c = torch.randint(-(2**31), 2**31, (m, n))
    assert torch.equal(torch.from_numpy(gemm(a.numpy(), b.numpy(), c.numpy())), a @ b + c)


@pytest.mark.parametrize("depth", range(1, 6))
@pytest.mark.parametrize("largest", [2**31 - 1, 2**32 - 1])
def test_wide_products_are_exact(depth, largest):
    a = np.full((1, depth), largest, np.uint32)
    product = gemm(a, a.T)
    assert product[0, 0] == depth * largest**2
    assert product.dtype == (np.int64 if depth * largest**2 < 2**63 else object)


@pytest.mark.parametrize("bits", [*range(58, 68), 80])
@pytest.mark.parametrize("c", [0, 2**57, 2**61, 2**62 - 1, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
def test_wide_accumulators(bits, c, overflow):
    one = np.ones((1, 1), np.int64)
    c = np.array([[c]], object)
    expected = python_gemm(one, one, c, bits, overflow, 1)
    assert gemm(one, one, c, bits=bits, overflow=overflow).tolist() == expected


def test_wrapping_does_not_depend_on_stretches_but_saturation_does():
    a, b = np.array([[100, 100, -100]]), np.array([[1], [1], [1]])
    for tile_k in (1, 2, 3, None):
        assert gemm(a, b, bits=8, overflow="wrap", tile_k=tile_k)[0, 0] == 100
    assert gemm(a, b, bits=8, overflow="saturate")[0, 0] == 100
    assert gemm(a, b, bits=8, overflow="saturate", tile_k=1)[0, 0] == 27


@given(st.integers(1, 5000), st.sampled_from([2, 4, 8, 16]), st.booleans(), st.booleans())
def test_accumulator_is_as_narrow_as_can_be(depth, width, a_signed, b_signed):
    low, high = product_range(operand_range(width, a_signed), operand_range(8, b_signed))
    bits = accumulator_bits((low, high), depth)
    assert -(1 << bits - 1) <= depth * low and depth * high <= (1 << bits - 1) - 1
    assert depth * low < -(1 << bits - 2) or depth * high > (1 << bits - 2) - 1


def test_accumulator_of_powers_of_two():
    """(-128)^2 K is a power of two, and one more than the largest sum that a bit less holds."""
    assert accumulator_bits(product_range(EIGHT, EIGHT), 1024) == 26
    assert accumulator_bits(product_range(EIGHT, EIGHT), 1) == 16
    assert accumulator_bits((0, 0), 9) == 1


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda one: gemm(one, np.ones((3, 2), int)),
         "a and b must be [M, K] and [K, N], not [2, 2] and [3, 2]"),
        (lambda one: gemm(one, one[0]), "b must be a matrix, not of shape [2]"),
        (lambda one: gemm(one[:0], one), "a must be at least 1 x 1, not [0, 2]"),
        (lambda one: gemm(one * 0.5, one), "a must hold integers, not float64"),
        (lambda one: gemm(one, one, np.ones((2, 3), int)), "c must be [2, 2], not [2, 3]"),
        (lambda one: gemm(one, one, bits=1), "bits must be at least 2, not 1"),
        (lambda one: gemm(one, one, tile_k=0), "tile_k must be at least 1, not 0"),
        (lambda one: gemm(one, one, overflow="clip"),
         "overflow must be one of refuse, wrap, saturate, not 'clip'"),
        (lambda one: gemm(one, one, bits=2),
         "results must fit 2 bits unless wrap or saturate is chosen, not 2 at [0, 0]"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(InputError) as refused:
        call(np.ones((2, 2), int))
    assert str(refused.value) == message

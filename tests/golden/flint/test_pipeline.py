"""The integer pipeline against Python integers and fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.golden.flint.pipeline import (
    accumulate,
    accumulator_width,
    fixed_point_scale,
    product_range,
    requantize,
)
from gatewright.golden.flint.types import decode_table

KINDS = st.sampled_from(["int", "flint", "pot", "float"])

# The brief's table of accumulator widths: activation, weight, product range, and W for each depth.
DEPTHS = (64, 256, 1024, 4096, 4608, 25088)
WIDTHS = [
    (("int", 4, True), ("int", 4), (-56, 64), (14, 16, 18, 20, 20, 22)),
    (("int", 4, False), ("int", 4), (-120, 105), (14, 16, 18, 20, 21, 23)),
    (("flint", 4, True), ("int", 4), (-128, 128), (15, 17, 19, 21, 21, 23)),
    (("flint", 4, True), ("flint", 4), (-256, 256), (16, 18, 20, 22, 22, 24)),
    (("flint", 4, False), ("flint", 4), (-1024, 1024), (18, 20, 22, 24, 24, 26)),
    (("pot", 4, True), ("pot", 4), (-4096, 4096), (20, 22, 24, 26, 26, 28)),
    (("float", 4, False), ("flint", 4), (-3072, 3072), (19, 21, 23, 25, 25, 28)),
    (("float", 4, False), ("pot", 4), (-12288, 12288), (21, 23, 25, 27, 27, 30)),
    (("pot", 4, False), ("flint", 4), (-(2**18), 2**18), (26, 28, 30, 32, 32, 34)),
    (("pot", 4, False), ("pot", 4), (-(2**20), 2**20), (28, 30, 32, 34, 34, 36)),
    (("int", 8, True), ("int", 8), (-16256, 16384), (22, 24, 26, 28, 28, 30)),
    (("int", 8, False), ("int", 8), (-32640, 32385), (22, 24, 26, 28, 29, 31)),
    (("flint", 6, True), ("flint", 6), (-65536, 65536), (24, 26, 28, 30, 30, 32)),
    (("flint", 8, True), ("flint", 8), (-(2**24), 2**24), (32, 34, 36, 38, 38, 40)),
]


@pytest.mark.parametrize(("a", "w", "products", "widths"), WIDTHS)
def test_accumulator_widths_are_the_published_ones(a, w, products, widths):
    assert product_range(*a, *w) == products
    assert tuple(accumulator_width(products, depth) for depth in DEPTHS) == widths


@given(
    low=st.integers(-300, 300), high=st.integers(-300, 300), depth=st.integers(0, 20),
    bias=st.tuples(st.integers(-50, 0), st.integers(0, 50)),
)  # fmt: skip
def test_accumulator_width_is_the_smallest(low, high, depth, bias):
    products = (min(low, high), max(low, high))
    width = accumulator_width(products, depth, bias)
    ends = (depth * products[0] + bias[0], depth * products[1] + bias[1])

    def holds(bits):
        return all(-(2 ** (bits - 1)) <= end <= 2 ** (bits - 1) - 1 for end in ends)

    assert holds(width)
    assert width == 1 or not holds(width - 1)


@settings(deadline=None)
@given(
    rows=st.integers(1, 4), depth=st.integers(0, 9), columns=st.integers(1, 4),
    a=st.tuples(KINDS, st.integers(3, 6), st.booleans()), w=st.tuples(KINDS, st.integers(3, 5)),
    with_bias=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_accumulate_is_exact(rows, depth, columns, a, w, with_bias, seed):
    generator = torch.Generator().manual_seed(seed)
    a_codes = torch.randint(0, 2 ** a[1], (rows, depth), generator=generator)
    w_codes = torch.randint(0, 2 ** w[1], (depth, columns), generator=generator)
    bias = torch.randint(-(10**6), 10**6, (columns,), generator=generator) if with_bias else None
    if max(map(abs, product_range(*a, *w))) * depth >= 2**62:
        with pytest.raises(InputError, match=r"^depth times the largest product must be below"):
            accumulate(a_codes, w_codes, *a, *w, bias)
        return
    a_table, w_table = decode_table(*a), decode_table(*w, True)
    expected = [
        [
            sum(a_table[int(a_codes[r, k])] * w_table[int(w_codes[k, c])] for k in range(depth))
            + (int(bias[c]) if bias is not None else 0)
            for c in range(columns)
        ]
        for r in range(rows)
    ]
    assert accumulate(a_codes, w_codes, *a, *w, bias).tolist() == expected


def slow_requantize(acc, multiplier, shift, relu, kind, bits, signed):
    """Code of the grid value nearest to an exact fraction, later values winning ties."""
    y = Fraction(acc * multiplier, 2**shift)
    if relu:
        y = max(y, Fraction(0))
    table = decode_table(kind, bits, signed)
    best = min(table)
    for value in sorted(set(table)):
        if abs(value - y) <= abs(best - y):
            best = value
    return table.index(best)


@given(
    acc=st.lists(st.integers(-(2**40), 2**40) | st.integers(-300, 300), min_size=1, max_size=6),
    multiplier=st.integers(0, 2**32) | st.integers(0, 9),
    shift=st.integers(1, 63) | st.integers(1, 5),
    relu=st.booleans(), kind=KINDS, bits=st.integers(3, 8), signed=st.booleans(),
)  # fmt: skip
def test_requantize_is_exact(acc, multiplier, shift, relu, kind, bits, signed):
    if (kind, bits, signed) == ("pot", 8, False):
        signed = True
    got = requantize(
        torch.tensor([acc]).t(), torch.tensor([multiplier]), torch.tensor([shift]), relu,
        kind, bits, signed,
    )  # fmt: skip
    expected = [slow_requantize(a, multiplier, shift, relu, kind, bits, signed) for a in acc]
    assert got.flatten().tolist() == expected


def test_requantize_every_half_step():
    """Shift 1 and multiplier 1: every midpoint of the unsigned flint is met exactly."""
    acc = torch.arange(-20, 150)[:, None]
    one = torch.tensor([1])
    got = requantize(acc, one, one, False, "flint", 4, False).flatten().tolist()
    assert got == [slow_requantize(a, 1, 1, False, "flint", 4, False) for a in range(-20, 150)]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("kind", ["int", "flint"])
def test_requantize_products_beyond_int64(kind, relu):
    accs = [-(2**40), -(2**40) + 3, 0, 2**40 - 5, 2**40]
    factor, shift = 2**32 - 1, 63
    got = requantize(
        torch.tensor(accs)[:, None], torch.tensor([factor]), torch.tensor([shift]), relu, kind, 8,
        True,
    )  # fmt: skip
    expected = [slow_requantize(acc, factor, shift, relu, kind, 8, True) for acc in accs]
    assert got.flatten().tolist() == expected


def test_requantize_per_channel():
    acc = torch.tensor([[10, 10, -10], [-3, 3, 3]])
    codes = requantize(acc, torch.tensor([1, 2, 3]), torch.tensor([1, 2, 3]), True, "int", 8, False)
    assert codes.tolist() == [[5, 5, 0], [0, 2, 1]]


def test_requantize_refuses_bad_factors():
    acc, one = torch.tensor([[1]]), torch.tensor([1])
    with pytest.raises(InputError, match=r"^multiplier must be 0 or more, not -1$"):
        requantize(acc, -one, one, False, "int", 4, True)
    for shift in (0, 64):
        with pytest.raises(InputError, match=rf"^shift must be in 1\.\.63, not \[{shift}\]$"):
            requantize(acc, one, one * shift, False, "int", 4, True)


@given(exponent=st.floats(-40, 14), width=st.integers(2, 32))
def test_fixed_point_scale(exponent, width):
    real = 2.0**exponent
    if real >= 2.0 ** (width - 1) * (1 - 2.0**-width):
        return
    multiplier, shift = fixed_point_scale(torch.tensor([real], dtype=torch.float64), width)
    m, s = int(multiplier), int(shift)
    assert 0 < m < 2**width
    assert 1 <= s <= 63
    relative = 2.0**-width if m >= 2 ** (width - 1) else 2.0**-63 / real
    assert abs(Fraction(m, 2**s) - Fraction(real)) <= Fraction(real) * Fraction(relative)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, 2.0**15, 2.0**-65])
def test_fixed_point_scale_refuses(scale):
    with pytest.raises(InputError, match=r"^scale must be "):
        fixed_point_scale(torch.tensor([scale], dtype=torch.float64), 16)


def test_accumulate_refuses_wrong_shapes():
    codes = torch.zeros(2, 3, dtype=torch.int64)
    with pytest.raises(InputError, match=r"^codes must be \[R, K\] and \[K, C\], not "):
        accumulate(codes, codes, "int", 4, True, "int", 4)
    with pytest.raises(InputError, match=r"^bias must be 2 integers, not torch.float32 "):
        accumulate(codes, codes.t(), "int", 4, True, "int", 4, torch.zeros(2))

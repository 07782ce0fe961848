from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.golden.gnn.activations import Activation, Finish, activate, table
from gatewright.golden.gnn.fixed import (
    EMPTY,
    MAX_SHIFT,
    Multiplier,
    exp2n,
    exp2n_table,
    fixmin,
    leaky_relu,
    lookup,
    matmul,
    multiplier,
    ndiv,
    requantize,
    requantize_rows,
    saturate,
    slope_immediate,
    wrap32,
)
from gatewright.golden.gnn.units import codes_of, unit_of

from .loops import clip, factor, half_up, rq, wrap

I32 = st.one_of(st.integers(-(2**31), 2**31 - 1), st.sampled_from([-(2**31), 2**31 - 1, -1, 0, 1]))
TABLES = [kind for kind in Activation if kind.by_table]


def one(value):
    return np.array([value], np.int64)


@given(I32, st.integers(0, 65535), st.integers(0, MAX_SHIFT), st.sampled_from([8, 16, 32]))
def test_requantisation_is_exact(a, m, s, bits):
    assert requantize(one(a), Multiplier(m, s), bits)[0] == rq(a, (m, s), bits)
    # The adder of 48 bits that the docstring allows.
    product = a * m
    carry = product >> s - 1 & 1 if s else 0
    assert clip((product >> s) + carry, bits) == rq(a, (m, s), bits)


def test_requantisation_rounds_ties_up_and_saturates():
    halves = np.array([-3, -1, 1, 3])
    assert requantize(halves, Multiplier(1, 1)).tolist() == [-1, 0, 1, 2]
    ends = np.array([-(2**31), 2**31 - 1])
    for bits in (8, 16, 32):
        assert requantize(ends, Multiplier(65535, 0), bits).tolist() == [
            -(2 ** (bits - 1)),
            2 ** (bits - 1) - 1,
        ]
    # Rectifying before or after is the same.
    a = np.arange(-1000, 1000)
    for by in (Multiplier(40000, 17), Multiplier(1, 1), Multiplier(3, 0)):
        assert np.array_equal(requantize(np.maximum(a, 0), by), np.maximum(requantize(a, by), 0))


@given(st.floats(2.0**-40, 65535.4))
def test_multiplier_is_the_nearest_of_16_bits(r):
    by = multiplier(r)
    assert (by.m, by.s) == factor(r)
    if r >= 2.0**-32:
        assert 2**15 <= by.m < 2**16
        assert abs(Fraction(by.m, 2**by.s) - Fraction(r)) <= Fraction(1, 2 ** (by.s + 1))
    elif by.m == 0:
        # Whatever the accumulator, the exact result would round to 0 too.
        assert half_up(-(2**31) * Fraction(r)) == half_up((2**31 - 1) * Fraction(r)) == 0


def test_multiplier_at_its_ends():
    assert multiplier(0.0) == Multiplier(0, 0)
    assert multiplier(1.0) == Multiplier(2**15, 15)
    assert multiplier(2.0**-32) == Multiplier(2**15, 47)
    assert multiplier(math.nextafter(2.0**-32, 0)) == Multiplier(2**15, 47)  # rounded up to it
    assert multiplier(2.0**-32 * 0.9999) == Multiplier(0, 0)
    assert multiplier(1 - 2.0**-20) == Multiplier(2**15, 15)
    assert multiplier(65535.0) == Multiplier(65535, 0)
    for r in (-1.0, math.nan, math.inf, 65535.5):
        with pytest.raises(InputError, match=f"^factor must be at least 0 and below .*, not {r}$"):
            multiplier(r)


def test_rows_have_their_own_factors():
    a = np.array([[1000, -1000], [7, 9], [2**31 - 1, -(2**31)]])
    factors = np.array([0.1, 0.0, 2.0**-24])
    expected = [[rq(x, factor(r)) for x in row] for row, r in zip(a.tolist(), factors, strict=True)]
    assert requantize_rows(a, factors).tolist() == expected == [[100, -100], [0, 0], [127, -128]]


def test_wrap_saturate_and_matmul():
    values = [-(2**33) - 5, -(2**31) - 1, -(2**31), 0, 2**31 - 1, 2**31, 2**40 + 3]
    assert wrap32(np.array(values)).tolist() == [wrap(x) for x in values]
    assert saturate(np.array([-129, -128, 127, 128]), 8).tolist() == [-128, -128, 127, 127]
    a, b = np.full((2, 4095), -128), np.full((4095, 3), -128)
    assert (matmul(a, b) == 4095 * 2**14).all()
    assert fixmin(np.array([EMPTY, -128, 127])).tolist() == [0, -128, 127]


@given(st.integers(-(2**15), 2**15 - 1), st.integers(0, 2**15))
def test_leaky_relu(a, slope):
    expected = a if a >= 0 else half_up(Fraction(a * slope, 2**15))
    assert leaky_relu(one(a), slope)[0] == expected
    assert -(2**15) <= expected < 2**15


def test_slopes():
    assert [slope_immediate(x) for x in (0.0, 0.2, 1.0)] == [0, 6554, 32768]
    for slope in (-0.1, 1.1, math.nan):
        with pytest.raises(InputError, match=rf"^slope must be in 0\.\.1, not {slope}$"):
            slope_immediate(slope)


@pytest.mark.parametrize("bits", range(1, 15))
def test_exponential_of_every_argument(bits):
    with localcontext() as context:
        context.prec = 40
        for f, entry in enumerate(exp2n_table(bits).tolist()):
            exact = Decimal(2) ** (bits - Decimal(f) / 256) + Decimal("0.5")
            assert entry == math.floor(exact)
            assert f == 0 or abs(exact - round(exact)) > Decimal("1e-8")  # in any libm
    t = np.arange(2**16)
    p = exp2n(t, bits)
    entries = exp2n_table(bits).tolist()
    for x in range(0, 2**16, 7):
        assert p[x] == half_up(Fraction(entries[x % 256], 2 ** (x // 256)))
    assert p[0] == 2**bits
    assert (np.diff(p) <= 0).all()
    # k = bits + 1 still rounds up to 1 (brief, section 14: k = 13 at 12 bits), and nothing beyond.
    assert p[256 * (bits + 1)] == 1
    assert not p[256 * (bits + 2) :].any()
    # Two roundings of at most a half each; the first is halved with every octave.
    assert np.abs(p - 2.0 ** (bits - t / 256)).max() <= 0.75


@given(I32, st.integers(1, 2**31 - 1))
def test_division_is_exact_and_close(num, den):
    k = den.bit_length() - 1
    m = (2 ** (k + 15) + den // 2) // den
    assert 2**14 <= m <= 2**15
    for bits in (8, 32):
        actual = ndiv(np.array([[num]]), one(den), bits)[0, 0]
        assert actual == rq(num, (m, k + 15), bits)
    # As softmax uses it, |num| <= 128 den: the reciprocal is within 2^-15 of the exact one.
    if abs(num) <= 128 * den:
        assert abs(ndiv(np.array([[num]]), one(den), 32)[0, 0] - num / den) <= 0.5 + 128 / 2**15


def test_division_by_nothing_is_zero():
    num = np.full((3, 2), 2**31 - 1)
    assert ndiv(num, np.array([0, -5, 1])).tolist() == [[0, 0], [0, 0], [127, 127]]


@pytest.mark.parametrize("kind", TABLES)
def test_tables(kind):
    unit_in, unit_out = 0.05, 0.01
    entries = table(kind, unit_in, unit_out)
    for code in (-128, -127, -77, -1, 0, 1, 9, 127):
        x = code * unit_in
        exact = {
            "elu": x if x > 0 else math.exp(x) - 1,
            "gelu": x * (1 + math.erf(x / math.sqrt(2))) / 2,
            "sigmoid": 1 / (1 + math.exp(-x)),
            "tanh": math.tanh(x),
        }[kind]
        expected = clip(math.floor(exact / unit_out + 0.5))
        # At the byte's own address.
        assert entries[np.array([code]).astype(np.uint8)[0]] == expected
        assert lookup(one(code), entries)[0] == expected


def test_gates_open_and_close_fully():
    for kind, ends in ((Activation.SIGMOID, [0, 127]), (Activation.TANH, [-127, 127])):
        finish = Finish.of(kind, np.array([-30.0, 30.0]))
        assert finish.unit_out == 1 / 127
        assert finish(np.array([-127, 127])).tolist() == ends
        # No coarser than needed to get there.
        assert finish(np.array([-115, 115])).tolist() == [ends[0] + 1, 126]
        # Smaller inputs have a finer unit.
        assert Finish.of(kind, np.array([1.0])).unit_in == 1 / 127


def test_activations_of_large_numbers():
    x = np.array([-1e4, -800.0, 0.0, 800.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        assert activate(x, Activation.SIGMOID).tolist() == [0, 0, 0.5, 1, 1]
        assert activate(x, Activation.TANH).tolist() == [-1, -1, 0, 1, 1]
        assert activate(x, Activation.ELU).tolist() == [-1, -1, 0, 800, 1e4]
        assert activate(x, Activation.GELU).tolist() == [0, 0, 0, 800, 1e4]
        assert activate(x, Activation.RELU).tolist() == [0, 0, 0, 800, 1e4]


def test_units_and_codes():
    assert unit_of(np.array([-254.0, 3])) == 2
    assert unit_of(np.array([1.0]), np.array([-2.54]), least=0.01) == pytest.approx(0.02)
    assert unit_of(np.array([1.27]), least=0.5) == 0.5
    assert unit_of(np.zeros(3)) == unit_of(np.zeros(0)) == 1 / 127
    x = np.array([-1e300, -128.5, -1.5, -0.5, 0.5, 1.5, 126.5, 127.5, 1e300])
    assert codes_of(x, 1.0).tolist() == [-128, -128, -1, 0, 1, 2, 127, 127, 127]
    assert codes_of(x, 1.0, 16)[[0, -1]].tolist() == [-256 * 128, 256 * 128 - 1]

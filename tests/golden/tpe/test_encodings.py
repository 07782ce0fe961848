from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gatewright.errors import InputError
from gatewright.golden.tpe.encodings import (
    Encoding,
    check_operand,
    decode,
    digit_count,
    encode,
    nonzero_digits,
    operand_range,
    parse_encoding,
)

EVERY = pytest.mark.parametrize("encoding", Encoding)
SIGNS = pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])


def every(width, signed):
    low, high = operand_range(width, signed)
    return np.arange(low, high + 1)


@EVERY
@SIGNS
@pytest.mark.parametrize("width", range(2, 17))
def test_digits_add_up(encoding, signed, width):
    values = every(width, signed)
    digits = encode(values, encoding, width, signed)
    assert digits.shape == (len(values), digit_count(encoding, width, signed))
    assert (decode(digits, encoding) == values).all()
    limit = 1 if encoding.radix == 2 else 2
    assert np.abs(digits).max() <= limit


@EVERY
@SIGNS
@pytest.mark.parametrize("width", [17, 31, 32])
def test_wide_digits_add_up(encoding, signed, width):
    low, high = operand_range(width, signed)
    generator = np.random.default_rng(width)
    values = np.concatenate([generator.integers(low, high, 500), [low, low + 1, high - 1, high]])
    assert (decode(encode(values, encoding, width, signed), encoding) == values).all()


@SIGNS
@pytest.mark.parametrize("width", range(2, 10))
def test_naf_has_the_fewest_digits_of_all(width, signed):
    count = digit_count("naf", width, signed)
    fewest = {}
    for digits in product(range(-2, 3), repeat=count):
        value = sum(digit * 4**index for index, digit in enumerate(digits))
        used = sum(digit != 0 for digit in digits)
        fewest[value] = min(used, fewest.get(value, count))
    values = every(width, signed)
    assert nonzero_digits(values, "naf", width, signed).tolist() == [fewest[v] for v in values]


@pytest.mark.parametrize(
    "value, encoding, digits",
    [
        (91, "ent", [-1, -1, 2, 1]),
        (124, "ent", [0, -1, 0, 2]),
        (-128, "ent", [0, 0, 0, -2]),
        (-91, "ent", [1, 1, -2, -1]),
        (85, "naf", [1, 1, 1, 1]),
        (85, "booth", [1, 1, 1, 1]),
        (-1, "booth", [-1, 0, 0, 0]),
        (-6, "bits", [0, 1, 0, 1, 1, 1, 1, -1]),
        (-6, "sign_magnitude", [0, -1, -1, 0, 0, 0, 0, 0]),
    ],
)
def test_known_digits(value, encoding, digits):
    assert encode(np.array(value), encoding, 8, True).tolist() == digits


def test_shape_is_kept():
    values = np.arange(-8, 8).reshape(2, 2, 4)
    assert encode(values, "naf", 4, True).shape == (2, 2, 4, 2)
    assert encode(values[:0], "naf", 4, True).shape == (0, 2, 4, 2)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: parse_encoding("csd"),
         "encoding must be one of booth, ent, naf, bits, sign_magnitude, not 'csd'"),
        (lambda: digit_count("mbe", 8, True),
         "encoding must be one of booth, ent, naf, bits, sign_magnitude, not 'mbe'"),
        (lambda: operand_range(1, True), "width must be an integer in 2..32, not 1"),
        (lambda: operand_range(True, True), "width must be an integer in 2..32, not True"),
        (lambda: check_operand("a", np.array([[0, 1], [128, 0]]), 8, True),
         r"a must be -128..127, not 128 at [1, 0]"),
        (lambda: check_operand("a", np.array([0.5]), 8, True),
         "a must hold integers, not float64"),
        (lambda: encode(np.array([3, -1]), "naf", 8, False),
         "values must be 0..255, not -1 at [1]"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(InputError) as refused:
        call()
    assert str(refused.value) == message

"""Products and butterflies against torch, and against their definitions."""

from __future__ import annotations

import random

import pytest
import torch

from gatewright.golden.modred.operations import (
    OPERANDS,
    butterfly,
    factor,
    multiply_accumulate,
    reduce,
)
from gatewright.golden.modred.vectors import residue_tuples

MODULI = [2, 3, 256, 3329, 8380417, 2**31 - 1]


def columns(modulus: int, size: int) -> list[list[int]]:
    drawn = residue_tuples(modulus, size, random.Random(modulus), 100)
    tuples = [each for tuples in drawn.values() for each in tuples]
    return [list(column) for column in zip(*tuples, strict=True)]


@pytest.mark.parametrize("modulus", MODULI)
def test_products_as_torch_computes_them(modulus: int) -> None:
    a, b, c = columns(modulus, 3)
    ta, tb, tc = (torch.tensor(column) for column in (a, b, c))
    assert multiply_accumulate(a, b, c, modulus) == ((ta * tb + tc) % modulus).tolist()
    assert reduce(a, modulus) == (ta % modulus).tolist()
    high, low = butterfly(a, b, c, modulus)
    assert high == ((ta + tb * tc) % modulus).tolist()
    assert low == ((ta - tb * tc) % modulus).tolist()
    high, low = butterfly(a, b, c, modulus, gentleman_sande=True)
    assert high == ((ta + tb) % modulus).tolist()
    assert low == (torch.remainder(ta - tb, modulus) * tc % modulus).tolist()


@pytest.mark.parametrize("modulus", [3, 3329, 2**255 - 19])
def test_montgomery_products(modulus: int) -> None:
    """In Montgomery's form, ``a 2^n``, products keep the form."""
    scale = factor("montgomery_mcm", modulus)
    power = 1 << modulus.bit_length()
    assert scale * power % modulus == 1
    assert factor("lut", modulus) == 1
    a, b, c = columns(modulus, 3)
    into = [[x * power % modulus for x in column] for column in (a, b)]
    zeros = [0] * len(a)
    got = multiply_accumulate(*into, zeros, modulus, scale)
    assert got == [x * y * power % modulus for x, y in zip(a, b, strict=True)]
    assert butterfly(a, into[0], c, modulus, scale=scale) == butterfly(a, a, c, modulus)


def test_every_operation_has_operands() -> None:
    assert set(OPERANDS) == {"reduce", "multiply", "multiply_accumulate", "butterfly"}

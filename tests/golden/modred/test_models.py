"""Every model against Python's ``%``, and against torch where 64 bits hold the numbers."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewright.golden.modred.model import Model
from gatewright.golden.modred.quotients import MontgomeryModel
from gatewright.golden.modred.restoring import HybridModel
from gatewright.golden.modred.vectors import classes

from .models import SIZES, one_of_each, variants


def follow(model: Model, xs: list[int]) -> None:
    """Reduce each x; every stage checks its bound."""
    for x in xs:
        assert model.reduce(x) == x * model.factor % model.modulus, f"{model} of {x:#x}"


def operands(modulus: int, width: int, *, count: int = 8, seed: int = 0) -> list[int]:
    drawn = classes(modulus, width, random.Random(seed), count)
    return [x for xs in drawn.values() for x in xs]


@pytest.mark.one_in(16)
@pytest.mark.parametrize("modulus", range(2, 32))
def test_every_operand(modulus: int) -> None:
    width = 2 * modulus.bit_length()
    for model in [*one_of_each(modulus, width), *variants(modulus, width)]:
        follow(model, list(range(1 << width)))


@pytest.mark.one_in(6)
@pytest.mark.parametrize("modulus", [2, 3, 5, 7, 12, 64, 97, 255])
def test_every_width(modulus: int) -> None:
    for width in range(1, 14):
        for model in one_of_each(modulus, width):
            follow(model, list(range(1 << width)))


NOTABLE = [
    3329, 2**31 - 1, 2**64 - 2**32 + 1, 2**60 - 2**18 + 1, 2**255 - 19, 2**521 - 1,
    2**127 + 1, 2**127 + 2, 2**128 - 1, 2**128 - 2, 2**127, 3 << 126, *SIZES.values(),
]  # fmt: skip


@pytest.mark.one_in(16)
@pytest.mark.parametrize("modulus", NOTABLE, ids=lambda m: f"{m.bit_length()}b{hex(m)[-4:]}")
def test_notable_moduli(modulus: int) -> None:
    """Just above a power of two, all ones, even, powers of two, curves, transform primes."""
    width = 2 * modulus.bit_length()
    for model in one_of_each(modulus, width):
        follow(model, operands(modulus, width))


@given(
    modulus=st.integers(2, 1 << 80) | st.integers(2, 300),
    extra=st.integers(-3, 90),
    seed=st.integers(0, 99),
)
def test_random_moduli_widths_and_options(modulus: int, extra: int, seed: int) -> None:
    width = max(1, modulus.bit_length() + extra)
    rng = random.Random(seed)
    xs = rng.sample(found := operands(modulus, width, count=3, seed=seed), min(12, len(found)))
    models = [*one_of_each(modulus, width), *variants(modulus, width)]
    for model in rng.sample(models, 6):
        follow(model, xs)


@pytest.mark.parametrize("bits", [1024, 8192])
def test_large_moduli(bits: int) -> None:
    rng = random.Random(bits)
    modulus = rng.getrandbits(bits) | 1 << bits - 1 | 1
    xs = [0, modulus * modulus - 1, (1 << 2 * bits) - 1, rng.getrandbits(2 * bits)]
    for model in one_of_each(modulus, 2 * bits):
        if bits > 4096 and isinstance(model, HybridModel):
            continue  # the same subtractions as the restoring model's, one by one
        follow(model, xs)


@pytest.mark.parametrize("modulus", [2, 3, 255, 3329, 2**31 - 1, 0x7FFFFFFF - 18])
def test_torch_agrees(modulus: int) -> None:
    width = min(2 * modulus.bit_length(), 62)
    xs = operands(modulus, width)
    expected = torch.remainder(torch.tensor(xs, dtype=torch.int64), modulus).tolist()
    for model in one_of_each(modulus, width):
        if not isinstance(model, MontgomeryModel):
            assert [model.reduce(x) for x in xs] == expected


def test_montgomery_refuses() -> None:
    with pytest.raises(ValueError, match="modulus must be odd for Montgomery, not 10"):
        MontgomeryModel(modulus=10, width=8)
    with pytest.raises(ValueError, match="width must be at most 6, not 7"):
        MontgomeryModel(modulus=7, width=7)


def test_operands_beyond_the_width_are_refused() -> None:
    for model in one_of_each(11, 6):
        for x in (-1, 64):
            with pytest.raises(AssertionError, match="operand must be from 0 to 0x3f"):
                model.reduce(x)

"""The operands are what their classes say."""

from __future__ import annotations

import random

import pytest

from gatewright.golden.modred.vectors import classes, mixed, residue_tuples, residues, sharp


@pytest.mark.parametrize("modulus", [2, 3, 4, 7, 255, 256, 3329, 2**64 - 2**32 + 1, 3 << 90])
def test_all_fit_and_repeat_with_their_seed(modulus: int) -> None:
    n = modulus.bit_length()
    for width in (1, n - 1 or 1, n, n + 1, 2 * n, 3 * n):
        drawn = classes(modulus, width, random.Random(5))
        assert all(0 <= x < 1 << width for xs in drawn.values() for x in xs)
        assert drawn == classes(modulus, width, random.Random(5))
        assert {0, (1 << width) - 1} <= set(drawn["extremes"])
        volume = mixed(modulus, width, random.Random(5), 500)
        assert len(volume) == 500 and all(0 <= x < 1 << width for x in volume)


def test_extremes_of_a_full_width() -> None:
    m = 3329
    found = set(classes(m, 24, random.Random(0))["extremes"])
    assert {0, 1, m - 1, m, m + 1, 2 * m - 1, 2 * m, (m - 1) ** 2, m * m - 1, m * m,
            2**24 - 1, 2**12 - 1, 2**12, 2**12 + 1} <= found  # fmt: skip
    largest = (2**24 - 1) // m * m
    assert {largest - 1, largest} <= found


def test_boundaries_are_next_to_multiples_on_both_sides() -> None:
    m, width = 0x93D1E9E3, 64
    found = set(classes(m, width, random.Random(0))["group boundaries"])
    for at in range(32, 64):
        below = (1 << at) // m * m
        assert {below - 1, below, below + 1, below + m - 1, below + m} <= found


@pytest.mark.parametrize("modulus", [17, 3329, 2**60 - 2**18 + 1, 5 << 20])
def test_sharp_multiples_have_a_small_low_part(modulus: int) -> None:
    zeros = (modulus & -modulus).bit_length() - 1
    odd = modulus >> zeros
    low = odd.bit_length() - 2
    width = 2 * modulus.bit_length()
    xs = sharp(modulus, width, random.Random(0), 300)
    assert len(xs) > 280
    small = [(x >> zeros) + d & (1 << low) - 1 for x in xs for d in (-1, 0, 1)
             if ((x >> zeros) + d) % odd == 0]  # fmt: skip
    assert sum(j <= 5 for j in small) > 0.9 * len(xs)


@pytest.mark.parametrize("modulus", [2, 3, 12, 3329, 2**61 - 1])
def test_tuples_of_residues(modulus: int) -> None:
    extreme = residues(modulus)
    assert {0, 1, modulus - 1} <= set(extreme)
    drawn = residue_tuples(modulus, 3, random.Random(0), 50)
    assert drawn == residue_tuples(modulus, 3, random.Random(0), 50)
    everything = [each for tuples in drawn.values() for each in tuples]
    assert all(len(each) == 3 and all(0 <= x < modulus for x in each) for each in everything)
    ends = {0, 1, modulus - 1}
    assert {(a, b) for a in ends for b in ends} <= {each[:2] for each in drawn["extremes"]}
    products = {a * b % modulus for a, b, _ in drawn["next to a multiple"]}
    assert products <= {d % modulus for d in (-2, -1, 0, 1, 2)}

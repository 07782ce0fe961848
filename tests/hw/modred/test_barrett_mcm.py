"""Barrett's method: proofs, the error budget against every operand, traffic."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.barrett_mcm import BarrettParameters
from gatewright.hw.modred.quotient import QuotientEstimate, estimate_quotient, roundest
from gatewright.hw.modred.reducer import Pipelining, Style
from gatewright.tests.hw.modred.streaming import (
    check_traffic,
    merged_sums,
    odd_modulus,
    operands,
    prove_reducer,
)
from gatewright.tests.hw.refusal import refusal

GOLDILOCKS = 2**64 - 2**32 + 1
HE_60 = 2**60 - 2**18 + 1


@pytest.mark.one_in(8)
@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    ("modulus", "width", "naf"),
    [
        (3, 2, 2), (3, 4, 3), (5, 9, 3), (17, 10, 2), (31, 10, 3), (33, 15, 4), (113, 14, 3),
        (181, 16, 4), (251, 16, 2), (129, 9, 3),
    ],
)  # fmt: skip
def test_equals_the_remainder(style, modulus, width, naf):
    prove_reducer(
        BarrettParameters(
            modulus=modulus, width=width, reciprocal_naf=naf, modulus_naf=naf, style=style,
            pipeline=Pipelining.NONE,
        )
    )


@pytest.mark.one_in(6)
@pytest.mark.parametrize("pipeline", Pipelining)
@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("naf", [2, 5])
def test_traffic(style, pipeline, naf):
    p = BarrettParameters(
        modulus=8380417, width=46, reciprocal_naf=naf, modulus_naf=naf, style=style,
        pipeline=pipeline, tag_bits=6,
    )
    check_traffic(p, operands(p, 150))


@pytest.mark.parametrize("modulus", [GOLDILOCKS, HE_60, 0xE7D9849F3C94F8E0D974B822F0A612E1])
def test_large_moduli(modulus):
    p = BarrettParameters(
        modulus=modulus, width=2 * modulus.bit_length(), reciprocal_naf=3, modulus_naf=3,
        pipeline=Pipelining.STAGES,
    )
    check_traffic(p, operands(p, 300), stalls=0)


@pytest.mark.thorough
@settings(deadline=None, max_examples=12)
@given(st.data())
def test_any_modulus(data):
    modulus = odd_modulus(data, 70)
    n = modulus.bit_length()
    p = BarrettParameters(
        modulus=modulus,
        width=data.draw(st.integers(n, 3 * n), label="width"),
        reciprocal_naf=data.draw(st.integers(2, 8), label="reciprocal_naf"),
        modulus_naf=data.draw(st.integers(2, 8), label="modulus_naf"),
        style=data.draw(st.sampled_from(Style), label="style"),
        pipeline=data.draw(st.sampled_from(Pipelining), label="pipeline"),
    )
    check_traffic(p, operands(p, 60), stalls=0)


def quotient(at: QuotientEstimate, x: int, offset: int) -> int:
    """The estimate as its rows say."""
    total = offset
    for digit, position in at.digits:
        row = (abs(digit) * (x >> at.cut) << position) >> at.low
        total += row if digit > 0 else -row
    return total >> at.guard


@pytest.mark.parametrize("naf", [2, 3, 4])
@pytest.mark.parametrize("modulus", [3, 5, 7, 9, 13, 29, 31, 33, 61])
def test_every_operand_keeps_the_budget(modulus, naf):
    n = modulus.bit_length()
    for width in (n, n + 1, 2 * n):
        at = estimate_quotient(modulus, (1 << width) - 1, naf)
        differences = []
        for x in range(1 << width):
            q = quotient(at, x, at.offset)
            assert 0 <= q <= at.quotient
            differences.append(x - q * modulus)
        assert min(differences) >= -modulus
        assert max(differences) <= at.remainder < modulus


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 300), st.integers(2, 8), st.data())
def test_estimates_of_large_quotients(n, naf, data):
    modulus = data.draw(st.integers(1 << (n - 1), (1 << n) - 1)) | 1
    width = data.draw(st.integers(n, 3 * n))
    p = BarrettParameters(modulus=modulus, width=width, reciprocal_naf=naf)
    at = p.estimate
    for x in operands(p, 60):
        assert -modulus <= x - quotient(at, x, at.offset) * modulus <= at.remainder < modulus
    assert all(bound.holds for bound in p.bounds)


@pytest.mark.parametrize("modulus", [23, 113, 251])
def test_one_guard_column_less_is_not_enough(modulus):
    """No offset makes up for it: the search takes no column too many, by its own bounds."""
    at = estimate_quotient(modulus, (1 << 2 * modulus.bit_length()) - 1, 3)
    assert dataclasses.replace(at, low=at.low + 1).offset is None


def test_an_offset_beside_the_allowed_ones_is_wrong():
    """The mutant without the correction of Barrett's method in its offset."""
    modulus = 113
    at = estimate_quotient(modulus, (1 << 14) - 1, 3)
    wrong = [x for x in range(1 << 14) if x - quotient(at, x, 0) * modulus >= modulus]
    assert wrong


def test_roundest():
    for least in range(40):
        for most in range(40):
            found = roundest(least, most)
            if least > most:
                assert found is None
            else:
                zeros = [v & -v if v else 1 << 9 for v in range(least, most + 1)]
                assert least <= found <= most
                assert (found & -found if found else 1 << 9) == max(zeros)


def test_sums_without_registers_stay_on_carry_chains():
    p = BarrettParameters(modulus=0xC96B, width=32, pipeline=Pipelining.NONE)
    assert merged_sums(p) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reciprocal_naf": 1}, "reciprocal_naf must be from 2 to 8, not 1"),
        ({"modulus_naf": 9}, "modulus_naf must be from 2 to 8, not 9"),
        ({"modulus": 12}, "modulus must be odd, not 12"),
    ],
)
def test_refuses(options, message):
    assert refusal(BarrettParameters, **{"modulus": 11, "width": 8, **options}).startswith(message)

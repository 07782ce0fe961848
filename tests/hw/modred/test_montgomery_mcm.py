"""Montgomery's method: proofs, the truncated product against every operand, traffic."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.montgomery_mcm import MontgomeryParameters, UpperProduct
from gatewright.hw.modred.reducer import Pipelining, Style
from gatewright.tests.hw.modred.streaming import check_traffic, odd_modulus, operands, prove_reducer
from gatewright.tests.hw.refusal import refusal


@pytest.mark.one_in(12)
@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    ("modulus", "width", "naf", "largest"),
    [
        (3, 2, 2, None), (3, 4, 3, None), (5, 6, 3, None), (17, 10, 2, 256), (31, 10, 3, None),
        (33, 11, 4, None), (113, 14, 3, 112**2), (127, 14, 2, None), (53, 12, 4, None),
        (129, 8, 3, None),
    ],
)  # fmt: skip
def test_equals_the_remainder(style, modulus, width, naf, largest):
    prove_reducer(
        MontgomeryParameters(
            modulus=modulus, width=width, inverse_naf=naf, modulus_naf=naf, style=style,
            pipeline=Pipelining.NONE, largest=largest,
        )
    )


@pytest.mark.parametrize("pipeline", Pipelining)
@pytest.mark.parametrize("style", Style)
def test_traffic(style, pipeline):
    p = MontgomeryParameters(
        modulus=8380417, width=46, inverse_naf=3, modulus_naf=4, style=style, pipeline=pipeline,
        tag_bits=6,
    )
    check_traffic(p, operands(p, 150))


@settings(deadline=None, max_examples=12)
@given(st.data())
def test_any_modulus(data):
    modulus = odd_modulus(data, 70)
    n = modulus.bit_length()
    width = data.draw(st.integers(n, 2 * n), label="width")
    p = MontgomeryParameters(
        modulus=modulus,
        width=width,
        inverse_naf=data.draw(st.integers(2, 8), label="inverse_naf"),
        modulus_naf=data.draw(st.integers(2, 8), label="modulus_naf"),
        style=data.draw(st.sampled_from(Style), label="style"),
        pipeline=data.draw(st.sampled_from(Pipelining), label="pipeline"),
        largest=data.draw(
            st.one_of(st.none(), st.integers(modulus, (1 << width) - 1)), label="largest"
        ),
    )
    check_traffic(p, operands(p, 60), stalls=0)


def upper(at: UpperProduct, x: int, q: int) -> int:
    """``(x - q M) >> n`` from the truncated rows."""
    total = (x >> at.low) + at.offset
    for digit, position in at.kept:
        row = (abs(digit) * q << position) >> at.low
        total -= row if digit > 0 else -row
    return total >> at.guard


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 300), st.integers(2, 8), st.data())
def test_truncated_columns_lose_nothing(n, naf, data):
    modulus = data.draw(st.integers(1 << (n - 1), (1 << n) - 1)) | 1
    p = MontgomeryParameters(modulus=modulus, width=2 * n, inverse_naf=naf, modulus_naf=naf)
    inverse = sum(digit << position for digit, position in p.inverse)
    assert (inverse * modulus) % (1 << n) == 1
    generator = random.Random(n)
    for _ in range(50):
        x = generator.randrange(modulus << n)
        q = x * inverse % (1 << n)
        difference = upper(p.product, x, q)
        assert difference == (x - q * modulus) >> n
        assert -modulus < difference < modulus


@pytest.mark.parametrize("modulus", [5, 13, 23, 29])
def test_one_guard_column_less_is_wrong(modulus):
    n = modulus.bit_length()
    p = MontgomeryParameters(modulus=modulus, width=2 * n, inverse_naf=2, modulus_naf=2)
    at = p.product
    exact = [(x, x * pow(modulus, -1, 1 << n) % (1 << n)) for x in range(modulus << n)]
    assert all(upper(at, x, q) << n == x - q * modulus for x, q in exact)
    if at.guard:
        assert dataclasses.replace(at, low=at.low + 1, guard=at.guard - 1).offset is None


def test_m_is_taken_off_first_only_where_the_operand_can_reach_it():
    full = MontgomeryParameters(modulus=113, width=14)
    assert full.subtracts_first
    assert not MontgomeryParameters(modulus=113, width=13).subtracts_first
    assert not MontgomeryParameters(modulus=113, width=14, largest=112**2).subtracts_first
    assert not MontgomeryParameters(modulus=113, width=14, largest=(113 << 7) - 1).subtracts_first
    assert MontgomeryParameters(modulus=113, width=14, largest=113 << 7).subtracts_first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inverse_naf": 1}, "inverse_naf must be from 2 to 8, not 1"),
        ({"modulus_naf": 9}, "modulus_naf must be from 2 to 8, not 9"),
        ({"modulus": 12}, "modulus must be odd, not 12"),
        ({"width": 9}, "width must be at most 8, twice the bits of the modulus, not 9"),
    ],
)
def test_refuses(options, message):
    told = refusal(MontgomeryParameters, **{"modulus": 11, "width": 8, **options})
    assert told.startswith(message)

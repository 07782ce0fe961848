"""Restoring division: cycles, traffic, and what it must refuse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.restoring import RestoringParameters
from gatewright.tests.hw.modred.streaming import check_traffic, odd_modulus, operands
from gatewright.tests.hw.refusal import refusal


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("bits", "cycles"), [(1, 130), (2, 66), (4, 34)])
def test_traffic_of_128_bits(bits, cycles):
    p = RestoringParameters(
        modulus=0xE7D9849F3C94F8E0D974B822F0A612E1, width=256, bits_per_cycle=bits, tag_bits=4
    )
    assert p.interval == p.latency == cycles
    check_traffic(p, operands(p, 10))


@settings(max_examples=15)
@given(st.data())
def test_any_modulus(data):
    modulus = odd_modulus(data, 60)
    n = modulus.bit_length()
    p = RestoringParameters(
        modulus=modulus,
        width=data.draw(st.integers(n, 2 * n + 9), label="width"),
        bits_per_cycle=data.draw(st.integers(1, 7), label="bits_per_cycle"),
        unrolled=data.draw(st.booleans(), label="unrolled"),
        tag_bits=data.draw(st.sampled_from([0, 3]), label="tag_bits"),
    )
    check_traffic(p, operands(p, 12))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits_per_cycle": 0}, "bits_per_cycle must be 1 to 64, not 0"),
    ],
)
def test_refused(options, message):
    assert refusal(RestoringParameters, **{"modulus": 101, "width": 14, **options}) == message

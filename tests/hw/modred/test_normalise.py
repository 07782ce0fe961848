"""Powers of two, even moduli, and operands that never reach the modulus."""

from __future__ import annotations

import pytest

from gatewright.hw.modred.barrett_mcm import BarrettParameters
from gatewright.hw.modred.lut import LutParameters
from gatewright.hw.modred.montgomery_mcm import MontgomeryParameters
from gatewright.hw.modred.normalise import (
    NormalisedParameters,
    TruncationParameters,
    normalised,
)
from gatewright.hw.modred.reducer import Pipelining, ReducerParameters
from gatewright.tests.hw.modred.streaming import check_traffic, operands, prove_reducer


def plain(modulus: int, width: int, tag_bits: int) -> ReducerParameters:
    return LutParameters(
        modulus=modulus, width=width, tag_bits=tag_bits, group_bits=2, pipeline=Pipelining.NONE
    )


@pytest.mark.one_in(6)
@pytest.mark.parametrize("width", range(1, 9))
def test_every_modulus(width):
    for modulus in range(2, 36, 1 if width == 8 else 3):
        p = normalised(modulus, width, 0, plain)
        assert (p.modulus, p.width, p.tag_bits) == (modulus, width, 0)
        assert all(bound.holds for bound in p.bounds)
        if width < 8 or modulus % 2 == 0:
            prove_reducer(p)


def test_the_class_that_is_chosen():
    assert type(normalised(32, 20, 1, plain)) is TruncationParameters
    assert type(normalised(33, 5, 1, plain)) is TruncationParameters
    assert type(normalised(33, 6, 1, plain)) is LutParameters
    even = normalised(40, 20, 1, plain)
    assert type(even) is NormalisedParameters
    assert even.inner == plain(5, 17, 4)
    assert even.tables == even.inner.tables


@pytest.mark.parametrize("modulus", [12288, 3 << 9, 4096])
@pytest.mark.parametrize("tag_bits", [0, 3])
def test_traffic(modulus, tag_bits):
    p = normalised(
        modulus, 28, tag_bits,
        lambda m, w, t: BarrettParameters(modulus=m, width=w, tag_bits=t),
    )
    check_traffic(p, operands(p, 100))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TruncationParameters(modulus=12, width=4), "modulus must be a power of two"),
        (
            lambda: NormalisedParameters(modulus=10, width=8, inner=plain(3, 7, 1)),
            "modulus must be the inner one, 3, times 2",
        ),
        (
            lambda: NormalisedParameters(modulus=3, width=8, inner=plain(3, 8, 0)),
            "modulus must be the inner one, 3, times 2",
        ),
        (
            lambda: NormalisedParameters(modulus=6, width=8, inner=plain(3, 7, 0)),
            "inner tag_bits must be 1, not 0",
        ),
        (
            lambda: NormalisedParameters(
                modulus=10, width=6, inner=MontgomeryParameters(modulus=5, width=5, tag_bits=1)
            ),
            "inner factor must be 1, not 2",
        ),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()

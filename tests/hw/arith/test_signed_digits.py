from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatewright.hw.arith.signed_digits import naf


@given(st.integers(-(1 << 300), 1 << 300), st.integers(2, 9))
@example(0, 2)
@example(-1, 2)
@example((1 << 255) - 19, 2)
@example((1 << 8192) - 1, 8)
def test_naf_is_the_value_in_odd_digits_that_stand_apart(value, width):
    digits = naf(value, width)
    assert sum(digit << position for digit, position in digits) == value
    assert all(digit % 2 and abs(digit) < 1 << (width - 1) for digit, _ in digits)
    assert all(high - low >= width for (_, low), (_, high) in pairwise(digits))
    assert all(position <= value.bit_length() for _, position in digits)


@given(st.integers(1, 1 << 40))
def test_plain_naf_has_the_fewest_digits(value):
    # The digits of the plain form are where value and 3 * value differ, at half their weights.
    assert len(naf(value)) == (value ^ 3 * value).bit_count()


def test_naf_of_known_constants():
    assert naf(7) == ((-1, 0), (1, 3))
    assert naf(2**64 - 2**32 + 1) == ((1, 0), (-1, 32), (1, 64))
    assert naf(11, 3) == ((3, 0), (1, 3))


def test_width_is_checked():
    with pytest.raises(ValueError, match=r"^width must be at least 2, not 1$"):
        naf(5, 1)

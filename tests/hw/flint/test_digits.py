"""Digit sets: they write what they must, as cheaply as an exhaustive search finds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.hw.flint.digit_datapath import weight_digits
from gatewright.hw.flint.digits import DigitSet, DigitTerm, search_digits
from gatewright.hw.flint.types import OperandFormats, TypeKind
from gatewright.tests.hw.flint.reference import value_table

SHIFTS = range(5)


def subsets(shifts: range) -> Iterator[tuple[int, ...]]:
    for size in range(1, len(shifts) + 1):
        yield from combinations(shifts, size)


def every_digit_set() -> list[DigitSet]:
    """All sets of one or two terms with shifts below 5, and the magnitudes that each writes."""
    sets = [DigitSet((DigitTerm(shifts, False),)) for shifts in subsets(SHIFTS)]
    sets += [
        DigitSet((DigitTerm(low, negative), DigitTerm(high, False)))
        for low in subsets(SHIFTS)
        for high in subsets(SHIFTS)
        for negative in (False, True)
        if low[0] < high[0]
    ]
    return sets


def writes(digit_set: DigitSet) -> frozenset[int]:
    """Every magnitude that one value for each term adds up to."""
    sums = {0}
    for term in digit_set.terms:
        powers = [2**shift for shift in term.shifts]
        values = [0, *powers, *([-p for p in powers] if term.negative else [])]
        sums = {total + value for total in sums for value in values}
    return frozenset(total for total in sums if total >= 0)


ALL = [(digit_set.cost, writes(digit_set)) for digit_set in every_digit_set()]


def cheapest(magnitudes: frozenset[int]) -> int | None:
    return min((cost for cost, written in ALL if magnitudes <= written), default=None)


@given(st.frozensets(st.integers(0, 16), min_size=1, max_size=9))
def test_search_finds_the_cheapest(magnitudes: frozenset[int]) -> None:
    found = search_digits(magnitudes)
    best = cheapest(magnitudes)
    if not magnitudes - {0}:
        return
    # With magnitudes up to 16 a shift above 4 is of use only where nothing else is.
    if best is None:
        assert found is None or max(found.terms[-1].shifts) > max(SHIFTS)
    else:
        assert found is not None and found.cost == best


@given(st.frozensets(st.integers(0, 300), min_size=1, max_size=6))
def test_digits_add_up(magnitudes: frozenset[int]) -> None:
    found = search_digits(magnitudes)
    if found is None:
        return
    for magnitude in magnitudes:
        digits = found.digits(magnitude)
        assert digits is not None and sum(digits) == magnitude
        for digit, term in zip(digits, found.terms, strict=True):
            assert digit in term.values
    for low, high in zip(found.terms, found.terms[1:], strict=False):
        assert low.shifts[0] < high.shifts[0] and not high.negative


@pytest.mark.parametrize("bits", range(3, 9))
@pytest.mark.parametrize(
    "kinds", [each for size in (1, 2, 3, 4) for each in combinations(TypeKind, size)]
)
def test_every_weight_is_written(bits: int, kinds: tuple[TypeKind, ...]) -> None:
    found = weight_digits(OperandFormats.of(kinds, bits))
    tables = [value_table(kind.name.lower(), bits, True) for kind in kinds]
    magnitudes = {abs(value) for table in tables for value in table}
    if found is None:
        assert bits > 4, "4-bit types must all have digits"
        return
    assert magnitudes <= writes(found)


def test_int_and_flint_take_the_published_digits() -> None:
    found = weight_digits(OperandFormats.of([TypeKind.INT, TypeKind.FLINT], 4))
    assert found == DigitSet((DigitTerm((0, 1), True), DigitTerm((2, 3, 4), False)))
    assert found.selects == 6
    assert [found.digits(value) for value in (0, 1, 2, 3, 4, 6, 7, 8, 16)] == [
        (0, 0), (1, 0), (2, 0), (-1, 4), (0, 4), (2, 4), (-1, 8), (0, 8), (0, 16),
    ]  # fmt: skip
    assert found.digits(9) == (1, 8) and found.digits(11) is None


def test_powers_of_two_take_one_term() -> None:
    assert search_digits(frozenset({0, 1, 2, 64})) == DigitSet((DigitTerm((0, 1, 6), False),))

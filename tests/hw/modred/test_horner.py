"""Horner's rule: bounds by brute force, cycles, traffic, and what it must refuse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.corrections import plan_corrections
from gatewright.hw.modred.digit_table import DigitTable
from gatewright.hw.modred.horner import HornerParameters
from gatewright.hw.modred.reducer import Store
from gatewright.tests.hw.modred.streaming import check_traffic, odd_modulus, operands
from gatewright.tests.hw.refusal import refusal

MODULUS_128 = 0xE7D9849F3C94F8E0D974B822F0A612E1


def states(p: HornerParameters) -> set[int]:
    """Every state that a long operand can lead to."""
    n, digits = p.modulus_bits, range(1 << p.digit_bits)
    reached, fresh = set(), set(range(1 << n))
    while fresh:
        reached |= fresh
        following = set()
        for state in fresh:
            for digit in digits:
                shifted = (state << p.digit_bits) + digit
                value = shifted % (1 << n)
                for table in p.tables:
                    index = shifted >> table.shift
                    value += table[index % table.entries]
                assert (value - shifted) % p.modulus == 0
                following.add(value)
        fresh = following - reached
    return reached


@pytest.mark.parametrize("modulus", [3, 5, 9, 15, 17, 29, 31, 33, 57, 63])
@pytest.mark.parametrize(("digit_bits", "tables"), [(1, 1), (3, 1), (3, 2), (4, 2), (5, 3)])
def test_bounds_hold_for_every_state(modulus, digit_bits, tables):
    p = HornerParameters(
        modulus=modulus, width=40, digit_bits=digit_bits, table_count=tables
    )
    low, high = p.state_range
    reached = states(p)
    assert -low <= min(reached) and max(reached) <= high
    assert low <= 1 << (p.modulus_bits + p.excess - 1) > high
    assert tables > 1 or p.excess == 1
    half_a_modulus = modulus // 2 + 1
    assert max(reached) >= high - half_a_modulus * tables, "the bound is near what is reached"


@pytest.mark.parametrize("modulus", [27, 57, 63])
def test_multiples_lie_where_no_state_reads(modulus):
    p = HornerParameters(modulus=modulus, width=40, digit_bits=6, table_count=2)
    top = p.tables[-1]
    assert len(p.spare) == len(p.corrections) == 3
    low = top.shift - p.digit_bits
    assert not {(state >> low) % top.entries for state in states(p)} & set(p.spare)


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 3000), st.integers(0, 1 << 30)
)
def test_corrections_reach_the_residue(low, high, modulus, choice):
    value = choice % (low + high + 1) - low
    plan = plan_corrections(low, high, modulus)
    residue = value
    for each in plan:
        if (residue < 0) == each.negative:
            residue += each.multiple * modulus
        assert -each.low <= residue <= each.high
    assert residue == value % modulus


def test_corrections_are_two_from_three_moduli():
    assert [each.multiple for each in plan_corrections(101, 201, 101)] == [-1, 1]
    assert [each.multiple for each in plan_corrections(101, 202, 101)] != [-1, 1]
    assert plan_corrections(0, 100, 101) == ()


def test_table_of_signed_digits():
    table = DigitTable(13, 5, 8, signed=True, negative=True)
    signed = (0, 1, 2, 3, -4, -3, -2, -1)
    assert table.values == tuple((v << 5) % 13 - (13 if v else 0) for v in signed)
    assert table.largest == max(-value for value in table.values)


@pytest.mark.parametrize("store", [Store.LOGIC, Store.BLOCK_RAM])
@pytest.mark.parametrize("tables", [1, 2])
def test_traffic_of_128_bits(tables, store):
    p = HornerParameters(
        modulus=MODULUS_128, width=256, digit_bits=3 * tables, table_count=tables, tag_bits=4,
        store=store,
    )
    assert (p.interval, p.latency) == ((46, 46) if tables == 1 else (26, 26))
    check_traffic(p, operands(p, 16))


@pytest.mark.thorough
@settings(max_examples=20)
@given(st.data())
def test_any_modulus(data):
    modulus = odd_modulus(data, 70)
    n = modulus.bit_length()
    digit_bits = data.draw(st.integers(1, 7), label="digit_bits")
    unrolled = data.draw(st.booleans(), label="unrolled")
    p = HornerParameters(
        modulus=modulus,
        width=data.draw(st.integers(n, 2 * n + 9), label="width"),
        digit_bits=digit_bits,
        table_count=data.draw(st.integers(1, min(4, digit_bits)), label="table_count"),
        unrolled=unrolled,
        store=Store.LOGIC if unrolled else data.draw(st.sampled_from(list(Store)[:2])),
        tag_bits=data.draw(st.sampled_from([0, 3]), label="tag_bits"),
    )
    check_traffic(p, operands(p, 12))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"digit_bits": 0}, "digit_bits must be 1 to 16, not 0"),
        ({"digit_bits": 17}, "digit_bits must be 1 to 16, not 17"),
        ({"table_count": 4}, "table_count must be 1 to digit_bits = 3, not 4"),
        (
            {"unrolled": True, "store": Store.BLOCK_RAM},
            "store must be LOGIC where unrolled, not BLOCK_RAM",
        ),
    ],
)
def test_refused(options, message):
    assert refusal(HornerParameters, **{"modulus": 101, "width": 14, **options}) == message

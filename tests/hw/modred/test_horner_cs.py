"""Carry-save Horner: bounds by brute force, the chunked end, cycles, traffic."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.chunked_fold import ChunkedFold, ChunkedFoldParameters
from gatewright.hw.modred.horner_cs import HornerCarrySaveParameters
from gatewright.hw.modred.reducer import Store
from gatewright.tests.hw.modred.arithmetic import transfer
from gatewright.tests.hw.modred.streaming import check_traffic, odd_modulus, operands
from gatewright.tests.hw.refusal import refusal

MODULUS_128 = 0xE7D9849F3C94F8E0D974B822F0A612E1


@pytest.mark.parametrize("modulus", [3, 5, 7, 9, 13, 15])
@pytest.mark.parametrize("digit_bits", [1, 2, 3])
def test_bounds_hold_for_every_state(modulus, digit_bits):
    p = HornerCarrySaveParameters(modulus=modulus, width=20, digit_bits=digit_bits)
    n = p.modulus_bits
    low = (1 << n) - 1
    reached, fresh = set(), {(a, 0) for a in range(1 << n)}
    indices = set()
    while fresh:
        reached |= fresh
        following = set()
        for a, b in fresh:
            for digit in range(1 << digit_bits):
                ta, tb = (a << digit_bits) + digit, b << digit_bits
                h = (ta >> n) + (tb >> n)
                indices.add(h)
                entry = p.digit_table[h]
                la, lb = ta & low, tb & low
                new = la ^ lb ^ entry, ((la & lb) | (la & entry) | (lb & entry)) << 1
                assert (sum(new) - ta - tb) % modulus == 0
                following.add(new)
        fresh = following - reached
    assert max(map(sum, reached)) <= p.largest_state
    assert max(indices) < p.digit_table.entries <= 3 << digit_bits
    assert all(bound.holds for bound in p.bounds)


@pytest.mark.one_in(6)
@pytest.mark.parametrize(("modulus", "chunk_bits"), [
    (3, 4), (13, 4), (57, 4), (0xFFF1, 7), (MODULUS_128, 7), (2**521 - 1, 4),
])  # fmt: skip
def test_chunked_end(modulus, chunk_bits):
    n = modulus.bit_length()
    p = ChunkedFoldParameters(modulus=modulus, largest=(3 << n) - 1, chunk_bits=chunk_bits)
    generator = random.Random(modulus)
    rows = [(0, 0), ((1 << n) - 1, (2 << n) - 1), ((1 << n) - 1, 1), (0, (2 << n) - 1)]
    count = max(3, 100 - n)
    rows += [(generator.randrange(1 << n), generator.randrange(2 << n)) for _ in range(count)]
    rows = [(a, b) for a, b in rows if a + b <= p.largest]
    latencies, intervals = transfer(ChunkedFold(p), rows, lambda a, b: ((a + b) % modulus,))
    assert (latencies, intervals) == ({p.latency}, {p.interval})


@pytest.mark.one_in(4)
@pytest.mark.parametrize("store", [Store.LOGIC, Store.BLOCK_RAM])
@pytest.mark.parametrize(("digit_bits", "cycles"), [(2, 65), (3, 44)])
def test_traffic_of_128_bits(digit_bits, cycles, store):
    p = HornerCarrySaveParameters(
        modulus=MODULUS_128, width=256, digit_bits=digit_bits, tag_bits=4, store=store
    )
    assert p.interval == cycles
    check_traffic(p, operands(p, 10))


@pytest.mark.thorough
@settings(max_examples=15)
@given(st.data())
def test_any_modulus(data):
    modulus = odd_modulus(data, 60)
    n = modulus.bit_length()
    unrolled = data.draw(st.booleans(), label="unrolled")
    p = HornerCarrySaveParameters(
        modulus=modulus,
        width=data.draw(st.integers(n, 2 * n + 9), label="width"),
        digit_bits=data.draw(st.integers(1, 6), label="digit_bits"),
        chunk_bits=data.draw(st.integers(4, 20), label="chunk_bits"),
        unrolled=unrolled,
        store=data.draw(st.sampled_from([Store.LOGIC, *([] if unrolled else [Store.BLOCK_RAM])])),
        tag_bits=data.draw(st.sampled_from([0, 3]), label="tag_bits"),
    )
    check_traffic(p, operands(p, 12))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"digit_bits": 0}, "digit_bits must be 1 to 16, not 0"),
        ({"chunk_bits": 3}, "chunk_bits must be at least 4, not 3"),
        ({"store": Store.WRITABLE}, "store must be LOGIC or BLOCK_RAM, not WRITABLE"),
        (
            {"unrolled": True, "store": Store.BLOCK_RAM},
            "store must be LOGIC where unrolled, not BLOCK_RAM",
        ),
    ],
)
def test_refused(options, message):
    assert refusal(HornerCarrySaveParameters, **{"modulus": 101, "width": 14, **options}) == message

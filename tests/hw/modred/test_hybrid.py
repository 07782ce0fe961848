"""The hybrid: its split, its fuse shift by brute force, cycles, traffic, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.hybrid import Fuse, HybridParameters
from gatewright.hw.modred.reducer import Store
from gatewright.tests.hw.modred.streaming import check_traffic, odd_modulus, operands
from gatewright.tests.hw.refusal import refusal

MODULUS_128 = 0xE7D9849F3C94F8E0D974B822F0A612E1


def test_split_balances_both_parts():
    """Brief, section 2.6: the formula gives 45 with two bits per group, 15 with four at n = 64."""
    p = HybridParameters(modulus=MODULUS_128, width=256, group_bits=2)
    assert 44 <= p.best_split <= 46
    assert abs(p.add_cycles - p.early_cycles) <= 3
    small = HybridParameters(modulus=0x9FF63C0179E58219, width=128, group_bits=4)
    assert 14 <= small.best_split <= 16


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("r", [1, 2])
def test_no_split_is_faster_than_the_best(k, r):
    p = HybridParameters(modulus=MODULUS_128, width=256, group_bits=k, restore_bits=r)
    fastest = min(replace(p, split=split).interval for split in range(129))
    assert p.interval <= fastest + 3
    assert replace(p, split=0).interval > 1.15 * p.interval


@pytest.mark.parametrize("fuse", Fuse)
@pytest.mark.parametrize("modulus", [3, 5, 9, 23, 31, 33])
def test_bounds_by_brute_force(modulus, fuse):
    n = modulus.bit_length()
    for k in (1, 2, 3):
        p = HybridParameters(modulus=modulus, width=3 * n, group_bits=k, fuse=fuse, split=n // 2)
        sums = {0}
        for table in p.tables:
            sums = {total + entry for total in sums for entry in table.values}
        assert max(sums) == p.largest_sum
        most = p.largest_sum + (modulus - 1 if fuse is Fuse.LATE else 0)
        f = p.correction_shift
        assert most <= modulus << f and (f == 0 or most > modulus << (f - 1)), "f is the smallest"
        assert all(bound.holds for bound in p.bounds)
        assert p.tail_bits >= p.divided_bits - n + 1 or fuse is not Fuse.EARLY


@pytest.mark.parametrize("modulus", [13, 29, 251])
def test_a_fuse_shift_below_f_breaks_the_proof(modulus, monkeypatch):
    p = HybridParameters(modulus=modulus, width=4 * modulus.bit_length(), group_bits=1, split=0)
    less = p.correction_shift - 1
    mutant = replace(p)
    monkeypatch.setitem(vars(mutant), "correction_shift", less)
    monkeypatch.setitem(vars(mutant), "fuse_shift", less)
    assert not all(bound.holds for bound in mutant.bounds)


@pytest.mark.one_in(6)
@pytest.mark.parametrize(
    ("options", "cycles"),
    [
        ({"split": 0, "group_bits": 3}, 52),
        ({"group_bits": 1}, 70),
        ({"group_bits": 2, "store": Store.BLOCK_RAM}, 50),
        ({"group_bits": 2, "restore_bits": 2}, 36),
        ({"group_bits": 1, "tree": 2, "restore_bits": 2, "fuse": Fuse.LATE}, None),
    ],
)
def test_traffic_of_128_bits(options, cycles):
    p = HybridParameters(modulus=MODULUS_128, width=256, tag_bits=4, **options)
    assert p.interval == p.latency == (cycles or p.latency)
    check_traffic(p, operands(p, 8))


@pytest.mark.thorough
@settings(max_examples=30)
@given(st.data())
def test_any_modulus(data):
    modulus = odd_modulus(data, 40)
    n = modulus.bit_length()
    width = data.draw(st.integers(n, 3 * n + 5), label="width")
    p = HybridParameters(
        modulus=modulus,
        width=width,
        group_bits=data.draw(st.integers(1, 5), label="group_bits"),
        split=data.draw(st.none() | st.integers(0, width - n), label="split"),
        tree=data.draw(st.integers(1, 3), label="tree"),
        restore_bits=data.draw(st.integers(1, 4), label="restore_bits"),
        fuse=data.draw(st.sampled_from(Fuse), label="fuse"),
        store=data.draw(st.sampled_from(list(Store)[:2]), label="store"),
        tag_bits=data.draw(st.sampled_from([0, 3]), label="tag_bits"),
    )
    check_traffic(p, operands(p, 12))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_bits": 0}, "group_bits must be 1 to 16, not 0"),
        ({"split": 8}, "split must be 0 to 7, not 8"),
        ({"split": -1}, "split must be 0 to 7, not -1"),
        ({"tree": 0}, "tree must be 1 to 64, not 0"),
        ({"restore_bits": 65}, "restore_bits must be 1 to 64, not 65"),
        ({"store": Store.WRITABLE}, "store must be LOGIC or BLOCK_RAM, not WRITABLE"),
    ],
)
def test_refused(options, message):
    assert refusal(HybridParameters, **{"modulus": 101, "width": 14, **options}) == message

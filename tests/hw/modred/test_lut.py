"""The parallel table method: proofs, bounds that are reached, traffic, block RAM."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.modred.lut import LutParameters
from gatewright.hw.modred.reducer import Pipelining, Store, Style
from gatewright.tests.hw.modred.streaming import (
    check_traffic,
    merged_sums,
    odd_modulus,
    operands,
    prove_reducer,
)
from gatewright.tests.hw.refusal import refusal


@pytest.mark.one_in(6)
@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    ("modulus", "width", "group_bits", "fold_bits"),
    [
        (3, 2, 4, 4), (3, 4, 1, 1), (5, 9, 2, 3), (17, 10, 3, 4), (31, 10, 4, 3), (33, 15, 2, 2),
        (127, 14, 3, 3), (251, 15, 4, 4), (129, 15, 2, 3), (37, 9, 2, 4),
    ],
)  # fmt: skip
def test_equals_the_remainder(style, modulus, width, group_bits, fold_bits):
    prove_reducer(
        LutParameters(
            modulus=modulus, width=width, group_bits=group_bits, fold_bits=fold_bits, style=style,
            pipeline=Pipelining.NONE,
        )
    )


@pytest.mark.one_in(6)
@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    ("pipeline", "store"),
    [*((each, Store.LOGIC) for each in Pipelining), (Pipelining.NONE, Store.BLOCK_RAM),
     (Pipelining.LEVELS, Store.BLOCK_RAM)],
)  # fmt: skip
def test_traffic(style, pipeline, store):
    p = LutParameters(
        modulus=12289, width=31, group_bits=3, fold_bits=3, style=style, pipeline=pipeline,
        store=store, tag_bits=5,
    )
    check_traffic(p, operands(p, 150))


@settings(deadline=None, max_examples=12)
@given(st.data())
def test_any_modulus(data):
    modulus = odd_modulus(data, 70)
    n = modulus.bit_length()
    p = LutParameters(
        modulus=modulus,
        width=data.draw(st.integers(n, 2 * n + 5), label="width"),
        group_bits=data.draw(st.integers(1, 6), label="group_bits"),
        fold_bits=data.draw(st.integers(1, 5), label="fold_bits"),
        style=data.draw(st.sampled_from(Style), label="style"),
        pipeline=data.draw(st.sampled_from(Pipelining), label="pipeline"),
        store=data.draw(st.sampled_from([Store.LOGIC, Store.BLOCK_RAM]), label="store"),
    )
    check_traffic(p, operands(p, 60), stalls=0)


@pytest.mark.parametrize("largest", [None, 28 * 28])
def test_the_bound_of_the_first_fold_is_reached(largest):
    p = LutParameters(modulus=29, width=10, group_bits=2, largest=largest)
    fold = p.folds[0]
    sums = []
    for x in range(p.largest_operand + 1):
        residues = sum(
            group.contents[x >> group.position & ((1 << group.bits) - 1)] for group in fold.groups
        )
        sums.append((x & ((1 << fold.cut) - 1)) + residues)
        assert (sums[-1] - x) % p.modulus == 0
    assert max(sums) <= fold.bound
    if largest is None:  # only then are the groups independent
        assert max(sums) == fold.bound


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 300), st.integers(1, 7), st.integers(1, 5), st.sampled_from(Style), st.data())
def test_folds_keep_residues_and_bounds(n, group_bits, fold_bits, style, data):
    modulus = data.draw(st.integers(1 << (n - 1), (1 << n) - 1)) | 1
    p = LutParameters(
        modulus=modulus, width=2 * n, group_bits=group_bits, fold_bits=fold_bits, style=style
    )
    generator = random.Random(n)
    for x in operands(p, 40):
        rows = [x]
        for fold in p.folds:
            assert sum(rows) <= fold.largest
            # Whatever way counters split a number in two, the upper parts alone are added.
            upper = sum(row >> fold.cut for row in rows) << fold.cut
            kept = [row & ((1 << fold.cut) - 1) for row in rows]
            residues = [
                group.contents[upper >> group.position & ((1 << group.bits) - 1)]
                for group in fold.groups
            ]
            total = sum(kept) + sum(residues)
            assert total <= fold.bound
            part = generator.randint(0, total)
            rows = [part, total - part] if style is Style.COMPRESSOR else [total]
        total = sum(rows)
        assert (total - x) % modulus == 0
        h = total >> (n - 1)
        difference = p.last[h] + (total & ((1 << (n - 1)) - 1))
        assert -modulus <= difference < modulus
        assert (difference - x) % modulus == 0


def test_an_operand_below_2m_needs_no_table():
    p = LutParameters(modulus=29, width=6, largest=57)
    assert p.subtracts and not p.tables
    prove_reducer(LutParameters(modulus=29, width=6, largest=57, pipeline=Pipelining.NONE))


def test_few_bits_above_the_modulus_need_one_table():
    p = LutParameters(modulus=37, width=9)
    assert not p.folds and [len(table) for table in p.tables] == [16]


def test_sums_without_registers_stay_on_carry_chains():
    p = LutParameters(modulus=0xC96B, width=32, pipeline=Pipelining.NONE)
    assert merged_sums(p) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_bits": 0}, "group_bits must be at least 1, not 0"),
        ({"fold_bits": 0}, "fold_bits must be at least 1, not 0"),
        ({"store": Store.WRITABLE}, "store must be LOGIC or BLOCK_RAM"),
        ({"modulus": 10}, "modulus must be odd, not 10"),
        ({"modulus": 1}, "modulus must be at least 2, not 1"),
        ({"width": 3}, "width must be at least the 4 bits of the modulus, not 3"),
        ({"largest": 10}, "largest must be from the modulus to"),
        ({"largest": 256}, "largest must be from the modulus to"),
    ],
)
def test_refuses(options, message):
    assert refusal(LutParameters, **{"modulus": 11, "width": 8, **options}).startswith(message)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.salo.pattern import MAX_TOKENS, Pattern
from gatewright.generators.salo.terms import (
    Band,
    Blocks,
    Explicit,
    GlobalColumns,
    GlobalRows,
    Window2d,
    Windows2d,
)


def matrix(queries, keys, allowed):
    return np.array([[allowed(q, k) for k in range(keys)] for q in range(queries)])


def check(term, allowed, queries, keys=None):
    keys = queries if keys is None else keys
    pattern = Pattern(queries, keys, [term])
    expected = matrix(queries, keys, allowed)
    assert (pattern.block(0, queries) == expected).all()
    assert pattern.counts.tolist() == expected.sum(axis=1).tolist()
    assert pattern.allowed == expected.sum()
    assert pattern.density == expected.mean()
    cut = Pattern(queries, keys, [term], causal=True)
    assert (cut.block(0, queries) == np.tril(expected)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(-40, 40), st.integers(0, 50), st.integers(1, 60), st.integers(1, 30),
       st.integers(1, 30))  # fmt: skip
def test_band(lo, length, step, queries, keys):
    offsets = range(lo, lo + length + 1, step)
    check(Band(lo, lo + length, step), lambda q, k: k - q in offsets, queries, keys)


def test_global_rows_and_columns():
    check(GlobalColumns([4, 0, 4]), lambda q, k: k in (0, 4), 7, 5)
    check(GlobalRows([6, 2]), lambda q, k: q in (2, 6), 7, 5)
    assert Pattern(9, 9, [GlobalRows([6, 2]), GlobalRows([2])]).global_queries == (2, 6)


@pytest.mark.parametrize("height, width, rows, cols, first",
                         [(5, 6, 3, 3, 0), (4, 3, 1, 5, 2), (3, 3, 9, 9, 1)])  # fmt: skip
def test_window2d(height, width, rows, cols, first):
    def allowed(q, k):
        q, k = q - first, k - first
        if min(q, k) < 0 or max(q, k) >= height * width:
            return False
        down, right = k // width - q // width, k % width - q % width
        return abs(down) <= rows // 2 and abs(right) <= cols // 2

    check(Window2d(height, width, rows, cols, first), allowed, first + height * width + 2)


@pytest.mark.parametrize("shift", [(0, 0), (2, 1), (3, 3)])
def test_windows2d(shift):
    """As Swin: the grid is rolled, cut into windows, and what came from the other side masked."""
    height, width, size = 8, 12, 4

    def window(token):
        row, col = divmod(token, width)
        row, col = (row - shift[0]) % height, (col - shift[1]) % width
        rolled = row >= height - shift[0], col >= width - shift[1]
        return row // size, col // size, rolled

    check(Windows2d(height, width, size, size, shift), lambda q, k: window(q) == window(k), 96)


def test_windows2d_that_do_not_fit_are_cut():
    term = Windows2d(5, 3, 2, 2)
    check(term, lambda q, k: (q // 3 // 2, q % 3 // 2) == (k // 3 // 2, k % 3 // 2), 15)


def test_blocks():
    listed = [(0, 1), (2, 0), (0, 0), (3, 2), (0, 1)]
    check(Blocks(4, listed), lambda q, k: (q // 4, k // 4) in listed, 14, 10)


def test_union_counts_a_pair_once():
    pattern = Pattern(40, 40, [Band(-3, 3), Band(-8, 8, 2), GlobalColumns([1])])
    expected = matrix(40, 40, lambda q, k: abs(k - q) <= 3 or k - q in range(-8, 9, 2) or k == 1)
    assert (pattern.block(0, 40) == expected).all()
    queries = np.array([17, 3, 39])
    place, key = pattern.pairs(queries)
    assert [key[place == at].tolist() for at in range(3)] == [
        np.flatnonzero(expected[query]).tolist() for query in queries
    ]


def test_signatures_tell_sets_apart():
    pattern = Pattern(64, 64, [Windows2d(8, 8, 4, 4)])
    rows = pattern.block(0, 64)
    same = (rows[:, None] == rows[None]).all(axis=2)
    signatures = pattern.signatures
    assert ((signatures[:, None] == signatures) == same).all()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Band(0, 4, 0), "step must be at least 1, not 0"),
        (lambda: Band(2, 1), "lo must be at most hi = 1, not 2"),
        (lambda: Band(0.5, 1), "lo must be a whole number, not 0.5"),
        (lambda: Window2d(4, 4, 2, 3), "rows must be positive and odd, not 2"),
        (lambda: Window2d(4, 4, 3, -1), "cols must be positive and odd, not -1"),
        (lambda: Window2d(0, 4, 3, 3), "height must be at least 1, not 0"),
        (lambda: Windows2d(4, 4, 2, 2, (0, 2)), "shift must be from 0 to cols - 1 = 1, not 2"),
        (lambda: Windows2d(4, 4, 2, 0), "cols must be at least 1, not 0"),
        (lambda: Blocks(0, []), "size must be at least 1, not 0"),
        (lambda: Pattern(8, 8, []), "terms must be at least one, not none"),
        (lambda: Pattern(0, 8, [Band(0, 0)]),
         f"queries must be a whole number from 1 to {MAX_TOKENS}, not 0"),
        (lambda: Pattern(8, MAX_TOKENS + 1, [Band(0, 0)]),
         f"keys must be a whole number from 1 to {MAX_TOKENS}, not {MAX_TOKENS + 1}"),
        (lambda: Pattern(8, 9, [GlobalColumns([9])]), "global_cols must be from 0 to 8, not 9"),
        (lambda: Pattern(8, 9, [GlobalRows([-1])]), "global_rows must be from 0 to 7, not -1"),
        (lambda: Pattern(8, 9, [Blocks(4, [(0, 3)])]), "blocks must be numbered 0 to 2, not 3"),
        (lambda: Pattern(8, 9, [Window2d(3, 3, 1, 1)]),
         "height * width must fit 8 queries and 9 keys, not 9 tokens"),
        (lambda: Pattern(2, 2, [Explicit(np.array([0, 1]), np.array([0], np.int32))]),
         "mask must have 2 rows as the pattern has queries, not 1"),
        (lambda: Pattern(1, 2, [Explicit(np.array([0, 1]), np.array([2], np.int32))]),
         "mask keys must be from 0 to 1, not 2"),
    ],
)  # fmt: skip
def test_refusals(make, message):
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == message

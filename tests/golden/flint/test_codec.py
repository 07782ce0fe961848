"""Rounding, decoding and encoding of tensors, exact at every midpoint."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.golden.flint.codec import decode, encode, nearest, round_to_codes
from gatewright.golden.flint.packing import pack_codes, packed_size, unpack_codes
from gatewright.golden.flint.types import grid

HOLDS_INT64 = 2**62


def slow_nearest(value: Fraction | int, values: list[int]) -> int:
    """Nearest value of an ascending list, the later one at equal distance."""
    best = values[0]
    for candidate in values:
        if abs(candidate - value) <= abs(best - value):
            best = candidate
    return best


def test_round_trip_is_canonical(number_format, slow_table):
    kind, bits, signed = number_format
    table = slow_table(*number_format)
    if max(table) > HOLDS_INT64:
        again = round_to_codes(torch.tensor(table, dtype=torch.float64), *number_format)
    else:
        values = decode(torch.arange(2**bits), *number_format)
        assert values.tolist() == table
        again = encode(values, *number_format)
    minus_zero = 2 ** (bits - 1) if signed and kind != "int" else None
    assert again.tolist() == [0 if code == minus_zero else code for code in range(2**bits)]


def test_every_midpoint_goes_up(number_format, slow_table):
    table = slow_table(*number_format)
    values = sorted(set(table))
    points, expected = [], []
    for low, high in pairwise(values):
        middle = (low + high) / 2
        points += [math.nextafter(middle, -math.inf), middle, math.nextafter(middle, math.inf)]
        expected += [low, high, high]
    codes = round_to_codes(torch.tensor(points, dtype=torch.float64), *number_format)
    assert [table[code] for code in codes.tolist()] == expected


def test_saturates_at_both_ends(number_format, slow_table):
    table = slow_table(*number_format)
    far = torch.tensor([-math.inf, -1e300, 1e300, math.inf], dtype=torch.float64)
    got = [table[code] for code in round_to_codes(far, *number_format).tolist()]
    assert got == [min(table)] * 2 + [max(table)] * 2


def test_dense_integers_round_as_integers(number_format):
    values = grid(*number_format)
    if values[-1] > HOLDS_INT64:
        pytest.skip("nearest returns int64: wider types are rounded to codes")
    limit = min(values[-1], 800) + 5
    points = list(range(-limit, limit))
    got = nearest(torch.tensor(points), *number_format).tolist()
    assert got == [slow_nearest(point, values) for point in points]


@given(
    kind=st.sampled_from(["int", "flint", "pot", "float"]),
    bits=st.integers(3, 6),
    signed=st.booleans(),
    points=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20),
)
def test_wide_integers_round_as_fractions(kind, bits, signed, points):
    values = grid(kind, bits, signed)
    got = nearest(torch.tensor(points), kind, bits, signed).tolist()
    assert got == [slow_nearest(point, values) for point in points]


@given(
    kind=st.sampled_from(["int", "flint", "pot", "float"]),
    bits=st.integers(3, 6),
    signed=st.booleans(),
    points=st.lists(st.floats(-1e5, 1e5, width=32), min_size=1, max_size=20),
)
def test_floats_round_as_fractions(kind, bits, signed, points):
    values = grid(kind, bits, signed)
    got = nearest(torch.tensor(points, dtype=torch.float32), kind, bits, signed).tolist()
    assert got == [slow_nearest(Fraction(point), values) for point in points]


def test_largest_int64_below_the_last_midpoint_of_a_wide_pot():
    # Between 2^63 - 1 and the midpoint 1.5 * 2^63 no int64 lies.
    code = round_to_codes(torch.tensor([2**63 - 1]), "pot", 8, True)
    assert code.tolist() == [64]


def test_refuses_bad_codes_and_values():
    with pytest.raises(InputError, match=r"^codes must be in 0\.\.15, not 16$"):
        decode(torch.tensor([3, 16]), "int", 4, True)
    with pytest.raises(InputError, match=r"^codes must be in 0\.\.15, not -1$"):
        decode(torch.tensor([-1]), "int", 4, True)
    with pytest.raises(InputError, match=r"^codes must be integers, not torch.float32$"):
        decode(torch.tensor([1.0]), "int", 4, True)
    with pytest.raises(
        InputError, match=r"^values must be on the grid of flint \(4 bits\), not 5 "
    ):
        encode(torch.tensor([4, 5]), "flint", 4, True)
    with pytest.raises(InputError, match=r"^values must be numbers, not nan at flat index 1$"):
        nearest(torch.tensor([0.0, math.nan]), "int", 4, True)
    with pytest.raises(InputError, match=r"^pot with 8 bits must fit in 64 bits, not reach "):
        decode(torch.tensor([1]), "pot", 8, True)


def test_two_codes_a_byte_low_nibble_first():
    assert pack_codes(torch.tensor([0x1, 0xA, 0xF]), 4) == bytes([0xA1, 0x0F])


@given(bits=st.integers(3, 8), data=st.data())
def test_packing_is_a_little_endian_bit_string(bits, data):
    codes = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=40))
    whole = sum(code << (bits * k) for k, code in enumerate(codes))
    size = packed_size(bits, len(codes))
    packed = pack_codes(torch.tensor(codes, dtype=torch.uint8), bits)
    assert packed == whole.to_bytes(size, "little")
    assert unpack_codes(packed, bits, len(codes)).tolist() == codes


def test_packing_in_pieces():
    codes = torch.randint(0, 8, ((1 << 20) + 13,), generator=torch.Generator().manual_seed(1))
    packed = pack_codes(codes, 3)
    assert len(packed) == packed_size(3, len(codes))
    assert torch.equal(unpack_codes(packed, 3, len(codes)).long(), codes)
    with pytest.raises(InputError, match=r"^packed codes must be \d+ bytes, not \d+ bytes$"):
        unpack_codes(packed[:-1], 3, len(codes))

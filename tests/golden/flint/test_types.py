"""Number types against the brief's figures and against the independent decoder."""

from __future__ import annotations

import re

import pytest

from gatewright.errors import InputError
from gatewright.golden.flint.types import (
    NumberType,
    canonical_codes,
    check_format,
    decode_table,
    grid,
    grid_max,
    parse_types,
)

FOUR_BIT_MAGNITUDES = {
    ("flint", True): [0, 1, 2, 3, 4, 6, 8, 16],
    ("flint", False): [*range(9), 10, 12, 14, 16, 24, 32, 64],
    ("pot", True): [0, 1, 2, 4, 8, 16, 32, 64],
    ("pot", False): [0, *(2**k for k in range(15))],
    ("float", True): [0, 1, 2, 4, 8, 16, 32, 64],
    ("float", False): [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192],
}
UNSIGNED_FLINT4 = {
    "0000": 0, "0001": 1, "0010": 2, "0011": 3, "0100": 4, "0101": 5, "0110": 6, "0111": 7,
    "1100": 8, "1101": 10, "1110": 12, "1111": 14, "1010": 16, "1011": 24, "1001": 32, "1000": 64,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "signed"), FOUR_BIT_MAGNITUDES)
def test_four_bit_grids_are_the_published_ones(kind, signed):
    magnitudes = FOUR_BIT_MAGNITUDES[kind, signed]
    expected = sorted({-m for m in magnitudes} | set(magnitudes)) if signed else magnitudes
    assert grid(kind, 4, signed) == expected


def test_four_bit_int_grids():
    assert grid("int", 4, True) == list(range(-8, 8))
    assert grid("int", 4, False) == list(range(16))


def test_flint_codes_are_the_published_ones():
    table = decode_table("flint", 4, False)
    assert {format(code, "04b"): value for code, value in enumerate(table)} == UNSIGNED_FLINT4
    assert decode_table("flint", 4, True)[:8] == [0, 1, 2, 3, 16, 8, 4, 6]
    assert decode_table("flint", 3, True) == [0, 1, 4, 2, 0, -1, -4, -2]


def test_maxima_are_the_published_ones():
    assert [grid_max("flint", b, False) for b in range(3, 9)] == [16, 64, 256, 1024, 4096, 16384]
    assert [grid_max("flint", b, True) for b in range(4, 9)] == [16, 64, 256, 1024, 4096]
    assert [grid_max("float", b, False) for b in range(3, 9)] == [64, 192, 448, 960, 1984, 4032]
    assert [grid_max("int", b, True) for b in range(3, 9)] == [3, 7, 15, 31, 63, 127]
    assert grid_max("pot", 8, True) == 2**126
    assert grid_max("pot", 6, False) == 2**62


def test_coincidences_of_the_types():
    assert grid("flint", 3, True) == grid("pot", 3, True) == grid("float", 3, True)
    assert grid("pot", 4, True) == grid("float", 4, True)
    assert grid("pot", 3, False) == grid("float", 3, False)


def test_every_code_equals_the_independent_decoder(number_format, slow_table):
    assert decode_table(*number_format) == slow_table(*number_format)


def test_canonical_codes_never_hold_minus_zero(number_format):
    kind, bits, signed = number_format
    table = decode_table(kind, bits, signed)
    codes = canonical_codes(kind, bits, signed)
    assert [table[code] for code in codes] == grid(kind, bits, signed)
    spare = set(range(2**bits)) - set(codes)
    assert spare == ({2 ** (bits - 1)} if signed and kind != "int" else set())


def test_select_numbers():
    assert [(kind.value, kind.select) for kind in NumberType] == [
        ("int", 0), ("flint", 1), ("pot", 2), ("float", 3),
    ]  # fmt: skip


def test_types_come_in_the_fixed_order():
    assert parse_types("float, int") == (NumberType.INT, NumberType.FLOAT)
    assert parse_types(["pot", "flint"]) == (NumberType.FLINT, NumberType.POT)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ("", "types must name at least one of int, flint, pot, float, not none"),
        ([], "types must name at least one of int, flint, pot, float, not none"),
        ("int,posit", "types must be out of int, flint, pot, float, not 'posit'"),
        ("int,int", "types must be named once each, not 'int,int'"),
    ],
)
def test_bad_type_lists(types, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        parse_types(types)


@pytest.mark.parametrize("bits", [2, 9, -1, True, 4.0, "4"])
def test_bad_widths(bits):
    with pytest.raises(InputError, match=r"^bits must be an integer in 3\.\.8, not "):
        check_format("int", bits, True)


def test_bad_formats():
    with pytest.raises(InputError, match=r"^pot must have at most 7 magnitude bits, not 8 "):
        grid("pot", 8, False)
    with pytest.raises(InputError, match=r"^type must be one of .*, not 'fp4'$"):
        grid("fp4", 4, True)

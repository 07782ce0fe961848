from __future__ import annotations

import re

import pytest

from gatewright.golden.flint import types as golden
from gatewright.hw.flint.types import NumberFormat, OperandFormats, TypeKind
from gatewright.tests.hw.flint.reference import formats, value_table


@pytest.mark.parametrize("kind, bits, signed", formats())
def test_values_match_definition_and_golden(kind, bits, signed):
    number_format = NumberFormat(TypeKind[kind.upper()], bits, signed)
    table = value_table(kind, bits, signed)
    assert list(number_format.values) == table
    assert golden.decode_table(kind, bits, signed) == table
    assert list(number_format.grid) == golden.grid(kind, bits, signed)
    assert number_format.max_magnitude == max(map(abs, table))
    assert (number_format.value_min, number_format.value_max) == (min(table), max(table))
    for code, value in enumerate(table):
        assert number_format.canonical_code(value) == table.index(value) <= code


def test_published_grids():
    def positive(kind, bits, signed):
        return [v for v in NumberFormat(kind, bits, signed).grid if v >= 0]

    assert positive(TypeKind.FLINT, 4, True) == [0, 1, 2, 3, 4, 6, 8, 16]
    assert positive(TypeKind.FLINT, 4, False) == [*range(9), 10, 12, 14, 16, 24, 32, 64]
    assert positive(TypeKind.FLOAT, 4, False) == [
        0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
    ]
    maxima = [NumberFormat(TypeKind.FLOAT, bits, False).value_max for bits in range(3, 9)]
    assert maxima == [64, 192, 448, 960, 1984, 4032]
    maxima = [NumberFormat(TypeKind.FLINT, bits, False).value_max for bits in range(3, 9)]
    assert maxima == [16, 64, 256, 1024, 4096, 16384]


def test_operand_bounds():
    both = OperandFormats.of([TypeKind.FLINT, TypeKind.INT], 4)
    assert str(both) == "int4s_flint4s"
    assert (both.value_min, both.value_max, both.max_magnitude) == (-16, 16, 16)
    assert (both.base_min, both.base_max) == (-8, 7)
    assert (both.exponent_unit, both.exponent_width, both.magnitude_width) == (2, 2, 5)
    assert both.select_kind and not both.select_signed
    only = OperandFormats.of([TypeKind.INT], 8, [False])
    assert (only.exponent_width, only.base_min, only.base_max) == (0, 0, 255)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: NumberFormat(TypeKind.INT, 2, True),
         "NumberFormat.bits must be from 3 to 8, not 2"),
        (lambda: NumberFormat(TypeKind.INT, 9, True),
         "NumberFormat.bits must be from 3 to 8, not 9"),
        (lambda: NumberFormat(TypeKind.POT, 8, False),
         "NumberFormat.bits must be at most 7 for an unsigned power-of-two type, not 8"),
        (lambda: NumberFormat("int", 4, True), "NumberFormat.kind must be a TypeKind, not 'int'"),
        (lambda: NumberFormat(TypeKind.INT, 4, 1), "NumberFormat.signed must be a bool, not 1"),
        (lambda: NumberFormat(TypeKind.INT, 4.0, True),
         "NumberFormat.bits must be an integer, not 4.0"),
        (lambda: OperandFormats(()),
         "OperandFormats.formats must hold at least one format, not ()"),
        (lambda: OperandFormats((NumberFormat(TypeKind.INT, 4, True),) * 2),
         "OperandFormats.formats must be distinct, not ['int4s', 'int4s']"),
        (lambda: OperandFormats(tuple(NumberFormat(TypeKind.INT, b, True) for b in (4, 5))),
         "OperandFormats.formats must share one width, not ['int4s', 'int5s']"),
    ],
)
def test_refusals(make, message):
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(message)}$"):
        make()


def test_code_and_value_out_of_range():
    number_format = NumberFormat(TypeKind.FLINT, 4, True)
    with pytest.raises(ValueError, match=r"^code must be from 0 to 15, not 16$"):
        number_format.value(16)
    with pytest.raises(ValueError, match=r"^value must be a flint4s number, not 5$"):
        number_format.canonical_code(5)

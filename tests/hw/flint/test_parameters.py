"""Widths and cycles that follow from the parameters of an array."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.hw.flint.datapath import PlainDatapath, product_range
from gatewright.hw.flint.parameters import ArrayParameters, accumulator_bits
from gatewright.hw.flint.types import NumberFormat, OperandFormats, TypeKind
from gatewright.tests.hw.flint.reference import value_table

# The brief's table of accumulator widths without bias.
DEPTHS = (64, 256, 1024, 4096, 4608, 25088)
WIDTHS = [
    ("int4s", "int4s", (-56, 64), (14, 16, 18, 20, 20, 22)),
    ("int4u", "int4s", (-120, 105), (14, 16, 18, 20, 21, 23)),
    ("flint4s", "int4s", (-128, 128), (15, 17, 19, 21, 21, 23)),
    ("flint4s", "flint4s", (-256, 256), (16, 18, 20, 22, 22, 24)),
    ("flint4u", "flint4s", (-1024, 1024), (18, 20, 22, 24, 24, 26)),
    ("pot4s", "flint4s", (-1024, 1024), (18, 20, 22, 24, 24, 26)),
    ("pot4s", "pot4s", (-4096, 4096), (20, 22, 24, 26, 26, 28)),
    ("float4u", "flint4s", (-3072, 3072), (19, 21, 23, 25, 25, 28)),
    ("float4u", "pot4s", (-12288, 12288), (21, 23, 25, 27, 27, 30)),
    ("pot4u", "flint4s", (-(2**18), 2**18), (26, 28, 30, 32, 32, 34)),
    ("pot4u", "pot4s", (-(2**20), 2**20), (28, 30, 32, 34, 34, 36)),
    ("int8s", "int8s", (-16256, 16384), (22, 24, 26, 28, 28, 30)),
    ("int8u", "int8s", (-32640, 32385), (22, 24, 26, 28, 29, 31)),
    ("flint6s", "flint6s", (-65536, 65536), (24, 26, 28, 30, 30, 32)),
    ("flint8s", "flint8s", (-(2**24), 2**24), (32, 34, 36, 38, 38, 40)),
]


def operand(name: str) -> OperandFormats:
    kind, bits, sign = name[:-2], int(name[-2]), name[-1]
    return OperandFormats((NumberFormat(TypeKind[kind.upper()], bits, sign == "s"),))


@pytest.mark.parametrize(("a", "w", "products", "widths"), WIDTHS)
def test_published_accumulator_widths(
    a: str, w: str, products: tuple[int, int], widths: tuple[int, ...]
) -> None:
    activation, weight = operand(a), operand(w)
    assert product_range(activation, weight) == products
    assert tuple(accumulator_bits(activation, weight, depth, 0) for depth in DEPTHS) == widths


@given(
    kinds=st.sets(st.sampled_from([TypeKind.INT, TypeKind.FLINT, TypeKind.FLOAT]), min_size=1),
    bits=st.integers(3, 5), signs=st.sampled_from([(True,), (False,), (False, True)]),
    depth=st.integers(1, 600), bias_bits=st.integers(0, 24),
)  # fmt: skip
def test_width_holds_the_worst_sums_and_no_less_does(
    kinds: set[TypeKind], bits: int, signs: tuple[bool, ...], depth: int, bias_bits: int
) -> None:
    activation, weight = OperandFormats.of(kinds, bits, signs), OperandFormats.of(kinds, bits)
    width = accumulator_bits(activation, weight, depth, bias_bits)
    names = [kind.name.lower() for kind in kinds]
    a_values = [v for name in names for sign in signs for v in value_table(name, bits, sign)]
    w_values = [v for name in names for v in value_table(name, bits, True)]
    products = [a * w for a in a_values for w in w_values]
    biases = [-(1 << bias_bits - 1), (1 << bias_bits - 1) - 1] if bias_bits else [0]
    low, high = depth * min(products) + min(biases), depth * max(products) + max(biases)

    def holds(size: int) -> bool:
        return -(2 ** (size - 1)) <= low and high <= 2 ** (size - 1) - 1

    assert holds(width) and not holds(width - 1)


def parameters(**changes: object) -> ArrayParameters:
    formats = operand("int4s")
    values: dict[str, object] = {
        "datapath": PlainDatapath(formats, formats), "rows": 5, "cols": 7, "share": 3,
        "max_depth": 8, "accumulator_bits": 12, "bias_bits": 6, "result_formats": None,
        "multiplier_bits": 8, "requantizer_stages": 2, "result_depth": 2,
    }  # fmt: skip
    return ArrayParameters(**(values | changes))


def test_groups_cover_the_array() -> None:
    p = parameters()
    assert (p.row_groups, p.col_groups) == (2, 3)
    assert [p.group_size(group) for group in range(3)] == [3, 3, 1]
    assert p.depth_shape == 4, "max_depth itself must fit"
    assert p.offset_bits == 12 - p.datapath.product_bits
    assert parameters(accumulator_bits=3).offset_bits == 0


def test_latency_counts_the_output_stage() -> None:
    raw, codes = parameters(), parameters(result_formats=operand("flint4u"))
    assert codes.result_latency == raw.result_latency + 2
    assert raw.result_bits == 12 and codes.result_bits == 4

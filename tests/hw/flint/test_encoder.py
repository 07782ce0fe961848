"""Encoders against midpoint tables, proven for every input, and encode(decode) canonical."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from amaranth.hdl import Signal, Value, signed
from amaranth.sim import Simulator

from gatewright.hw.flint.decoder import IntegerDecoder
from gatewright.hw.flint.encoder import Encoder, EncoderParameters, half_unit_width
from gatewright.hw.flint.types import NumberFormat, OperandFormats, TypeKind
from gatewright.tests.hw.flint.reference import formats, nearest_code, value_table
from gatewright.tests.hw.formal import Claim, prove


def operand_of(kind: str, bits: int, is_signed: bool) -> OperandFormats:
    return OperandFormats((NumberFormat(TypeKind[kind.upper()], bits, is_signed),))


def expected_code(m, value: Signal, table: list[int]) -> Value:
    """Nearest code of ``value / 2`` by comparing with every midpoint."""
    grid = sorted(set(table))
    code = table.index(grid[0])
    for index, (below, above) in enumerate(pairwise(grid)):
        step = Signal(8, name=f"step_{index}")
        with m.If(value >= below + above):
            m.d.comb += step.eq(table.index(above))
        with m.Else():
            m.d.comb += step.eq(code)
        code = step
    return code


def claim_encoder(operand: OperandFormats, width: int) -> Claim:
    claim = Claim()
    m = claim.m
    value = claim.free(signed(width), "value")
    m.submodules.encoder = encoder = Encoder(EncoderParameters(operand, width))
    m.d.comb += encoder.value.eq(value)
    selects = {}
    if operand.select_kind:
        selects["kind"] = claim.free(TypeKind, "kind")
    if operand.select_signed:
        selects["is_signed"] = claim.free(1, "is_signed")
    for name, select in selects.items():
        m.d.comb += getattr(encoder, name).eq(select)
    expected = Signal(operand.bits)
    for index, each in enumerate(operand.formats):
        selected = 1
        if "kind" in selects:
            selected = Value.cast(selects["kind"]) == each.kind.value
        if "is_signed" in selects:
            selected = selected & (selects["is_signed"] == each.signed)
        nearest = Signal(8, name=f"nearest_{index}")
        table = value_table(each.kind.name.lower(), each.bits, each.signed)
        m.d.comb += nearest.eq(expected_code(m, value, table))
        with m.If(selected):
            m.d.comb += expected.eq(nearest)
    claim.conditions.append(encoder.code == expected)
    return claim


# Inputs of 66 bits and more: simulated at every midpoint instead of proven.
WIDE = [("pot", 7, True), ("pot", 7, False), ("pot", 8, True)]
PROVABLE = [each for each in formats() if each not in WIDE]


@pytest.mark.one_in(12)
@pytest.mark.parametrize("kind, bits, is_signed", PROVABLE)
def test_nearest_for_every_input(kind, bits, is_signed):
    operand = operand_of(kind, bits, is_signed)
    prove(claim_encoder(operand, half_unit_width(operand) + 3))


@pytest.mark.one_in(6)
@pytest.mark.parametrize("bits", [3, 4, 5])
@pytest.mark.parametrize("signs", [[True], [True, False]])
@pytest.mark.parametrize("kinds", [[TypeKind.INT, TypeKind.FLINT], list(TypeKind)])
def test_run_time_select(kinds, signs, bits):
    prove(claim_encoder(OperandFormats.of(kinds, bits, signs), 19))


@pytest.mark.parametrize("width", [2, 3, 5])
def test_inputs_narrower_than_the_format(width):
    prove(claim_encoder(OperandFormats.of(list(TypeKind), 4, [True, False]), width))


@pytest.mark.one_in(4)
@pytest.mark.parametrize("kind, bits, is_signed", WIDE)
def test_every_midpoint_of_wide_formats(kind, bits, is_signed):
    operand = operand_of(kind, bits, is_signed)
    grid = operand.formats[0].grid
    width = half_unit_width(operand) + 2
    limit = 1 << (width - 1)
    table = value_table(kind, bits, is_signed)
    values = {below + above + near for below, above in pairwise(grid) for near in (-1, 0)}
    values |= {2 * value for value in grid} | {-limit, limit - 1}
    dut = Encoder(EncoderParameters(operand, width))

    async def bench(ctx):
        for value in sorted(values):
            ctx.set(dut.value, value)
            expected = nearest_code(table, Fraction(value, 2))
            assert ctx.get(dut.code) == expected, value

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.one_in(5)
@pytest.mark.parametrize("kind, bits, is_signed", PROVABLE)
def test_encode_of_decode_is_canonical(kind, bits, is_signed):
    operand = operand_of(kind, bits, is_signed)
    claim = Claim()
    m = claim.m
    code = claim.free(bits, "code")
    m.submodules.decoder = decoder = IntegerDecoder(operand)
    width = len(decoder.value) + 3
    m.submodules.encoder = encoder = Encoder(EncoderParameters(operand, width))
    m.d.comb += [decoder.code.eq(code), encoder.value.eq(decoder.value << 1)]
    canonical = Signal(bits)
    minus_zero = 1 << (bits - 1)
    m.d.comb += canonical.eq(code)
    if is_signed and kind != "int":
        with m.If(code == minus_zero):
            m.d.comb += canonical.eq(0)
    claim.conditions.append(encoder.code == canonical)
    prove(claim)


def test_narrow_width_refused():
    with pytest.raises(
        ValueError, match=r"^EncoderParameters\.width must be an integer of at least 2, not 1$"
    ):
        EncoderParameters(operand_of("int", 4, True), 1)

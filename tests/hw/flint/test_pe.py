"""The processing element, proven for every pair of codes, every type and any accumulator."""

from __future__ import annotations

from itertools import combinations

import pytest
from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data

from gatewright.hw.flint.datapath import (
    Datapath,
    NaiveDatapath,
    PlainDatapath,
    ShiftDatapath,
    product_range,
)
from gatewright.hw.flint.digit_datapath import DigitDatapath, weight_digits
from gatewright.hw.flint.operand_border import LaneGroup, LaneGroupParameters, Side
from gatewright.hw.flint.pe import PEParameters, ProcessingElement
from gatewright.hw.flint.select import select_ports
from gatewright.hw.flint.types import OperandFormats, TypeKind
from gatewright.tests.hw.flint.reference import value_table
from gatewright.tests.hw.formal import Claim, prove

DATAPATHS: dict[str, type[Datapath]] = {
    each.name: each for each in (PlainDatapath, ShiftDatapath, NaiveDatapath, DigitDatapath)
}
INT, FLINT, POT, FLOAT = TypeKind
SIGNED, UNSIGNED, BOTH = (True,), (False,), (False, True)


def decoded(claim: Claim, formats: OperandFormats, side: Side, lane: LaneGroup) -> Value:
    """Connect a lane to free codes and selects; return the number that the tables say it is."""
    m = claim.m
    code = claim.free(formats.bits, f"{side}_code")
    m.d.comb += lane.codes.eq(code)
    selects = {}
    for name in select_ports(formats):
        selects[name] = claim.free(2 if name == "kind" else 1, f"{side}_{name}")
        m.d.comb += Value.cast(getattr(lane, name)).eq(selects[name])
    number = Signal(signed(formats.magnitude_width + 1), name=f"{side}_number")
    for each in formats.formats:
        selected: Value | int = 1
        if "kind" in selects:
            selected = selected & (selects["kind"] == each.kind.value)
        if "is_signed" in selects:
            selected = selected & (selects["is_signed"] == each.signed)
        table = value_table(each.kind.name.lower(), each.bits, each.signed)
        with m.If(selected), m.Switch(code):
            for index, value in enumerate(table):
                with m.Case(index):
                    m.d.comb += number.eq(value)
    return number


def claim_element(datapath: Datapath, width: int) -> Claim:
    """Claim that one clock edge does to the accumulator what the element's docstring says.

    The state before the edge is arbitrary: the edge before may load any ``below``. A type that was
    not built leaves the number at 0, so the claim covers such selects as well.
    """
    claim = Claim()
    m = claim.m
    m.submodules.element = element = ProcessingElement(PEParameters(datapath, width))
    numbers = []
    for side, formats in (("activation", datapath.activation), ("weight", datapath.weight)):
        lane = LaneGroup(LaneGroupParameters(datapath, side, 1))
        m.submodules[f"{side}_lane"] = lane
        numbers.append(decoded(claim, formats, side, lane))
        m.d.comb += getattr(element, side).as_value().eq(lane.words)
    drain, below = claim.free(1, "drain"), claim.free(width, "below")
    m.d.comb += [element.drain.eq(drain), element.below.eq(below)]
    expected = Signal(width, reset_less=True)
    offset = 1 << datapath.product_bits
    total = element.accumulator + numbers[0] * numbers[1] + offset
    m.d.sync += expected.eq(Mux(drain, below, total))
    claim.conditions.append(element.accumulator == expected)
    return claim


def prove_element(datapath: Datapath, width: int | None = None) -> None:
    # Three steps: load anything, add or load, compare. Every state is reached in the second.
    width = width or datapath.product_bits + 3
    prove(claim_element(datapath, width), "-seq 3", "-prove-skip 2")


def type_sets() -> list[tuple[TypeKind, ...]]:
    return [kinds for size in range(1, 5) for kinds in combinations(TypeKind, size)]


def datapaths(
    kinds: tuple[TypeKind, ...], bits: int, signs: tuple[bool, ...]
) -> list[Datapath]:
    activation, weight = OperandFormats.of(kinds, bits, signs), OperandFormats.of(kinds, bits)
    return [
        cls(activation, weight)
        for cls in DATAPATHS.values()
        if cls is not DigitDatapath or weight_digits(weight) is not None
    ]


def name_of(datapath: object) -> str:
    assert isinstance(datapath, Datapath)
    return f"{datapath.name}-{datapath.activation}-x-{datapath.weight}"


@pytest.mark.one_in(16)
@pytest.mark.parametrize(
    "datapath", [each for kinds in type_sets() for each in datapaths(kinds, 4, BOTH)], ids=name_of
)
def test_every_set_of_4_bit_types(datapath: Datapath) -> None:
    prove_element(datapath)


@pytest.mark.one_in(8)
@pytest.mark.parametrize(
    "datapath",
    [
        each
        for kinds in ((INT,), (INT, FLINT))
        for signs in (SIGNED, UNSIGNED)
        for each in datapaths(kinds, 4, signs)
    ],
    ids=name_of,
)
def test_one_signedness(datapath: Datapath) -> None:
    prove_element(datapath)


@pytest.mark.one_in(6)
@pytest.mark.parametrize(
    "datapath", datapaths((INT, FLINT, FLOAT), 3, BOTH) + datapaths((FLINT,), 5, SIGNED),
    ids=name_of,
)  # fmt: skip
def test_other_widths(datapath: Datapath) -> None:
    prove_element(datapath)


@pytest.mark.parametrize("name", ["plain", "shift", "naive"])
def test_operands_of_different_types_and_widths(name: str) -> None:
    activation = OperandFormats.of((INT, FLOAT), 5, UNSIGNED)
    prove_element(DATAPATHS[name](activation, OperandFormats.of((FLINT, POT), 3)))


@pytest.mark.soak
@pytest.mark.parametrize(
    "datapath",
    [each for bits in (6, 7, 8) for kinds in ((INT,), (FLINT,)) for each in
     datapaths(kinds, bits, SIGNED)],
    ids=name_of,
)  # fmt: skip
def test_wide_operands(datapath: Datapath) -> None:
    prove_element(datapath)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", DATAPATHS)
def test_an_accumulator_as_narrow_as_the_product(name: str) -> None:
    """Where no bits are above the product there is no offset to count, only arithmetic mod 2^W."""
    formats = OperandFormats.of((INT, FLINT), 4)
    datapath = DATAPATHS[name](formats, formats)
    prove_element(datapath, datapath.product_bits)
    prove_element(datapath, datapath.product_bits - 1)


def test_products_stay_within_the_offset() -> None:
    for kinds in type_sets():
        for datapath in datapaths(kinds, 4, BOTH):
            low, high = product_range(datapath.activation, datapath.weight)
            assert -(1 << datapath.product_bits) <= low
            assert high < 1 << datapath.product_bits


def test_a_wrong_element_is_refuted() -> None:
    """A proof must be able to fail: products of one activation are off by one."""
    formats = OperandFormats.of((INT,), 4)

    class Wrong(PlainDatapath):
        def addend(
            self, m: Module, activation: data.View, weight: data.View
        ) -> tuple[Value, Value]:
            addend, carry = super().addend(m, activation, weight)
            return addend ^ (activation.value == 5), carry

    with pytest.raises(AssertionError):
        prove_element(Wrong(formats, formats))

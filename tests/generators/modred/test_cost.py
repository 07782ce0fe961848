"""The cost model: near to what was measured, sensible where nothing was, and quick."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.generators.modred.catalogue import pi_floor
from gatewright.generators.modred.cost import TARGETS, Cost, estimate
from gatewright.generators.modred.method import Method
from gatewright.generators.modred.plan import candidates
from gatewright.generators.modred.tables import functions, random_functions

MODULI = {
    32: 0x93D1E9E3,
    64: 0x9FF63C0179E58219,
    128: 0xE7D9849F3C94F8E0D974B822F0A612E1,
    256: 0xF50B79840A35E888CEA8684B60033CD65DB233956EA88F4B4F72FD3F7D254DB9,
}
ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "measured.json").read_text())
AREA, PERIOD = 0.15, 0.20


def modelled(row: dict[str, Any]) -> Cost:
    fields = dict(row["method"])
    names = ("architecture", "mode", "technology")
    method = Method(*(fields.pop(name) for name in names), tuple(fields.items()))
    n = row["bits"]
    return estimate(method.parameters(MODULI[n], 2 * n), TARGETS[row["target"]])


def label(row: dict[str, Any]) -> str:
    method = row["method"]
    options = [f"{name}={value}" for name, value in method.items() if name not in
               ("architecture", "mode", "technology")]  # fmt: skip
    return " ".join([row["target"], str(row["bits"]), method["architecture"], method["mode"],
                     *options])  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_model_is_near_what_was_measured(row: dict[str, Any]) -> None:
    cost = modelled(row)
    assert abs(cost.area / row["area"] - 1) <= AREA
    if row["period"] is not None:
        assert abs(cost.period / row["period"] - 1) <= PERIOD


def test_the_model_is_mostly_much_nearer() -> None:
    errors = [abs(modelled(row).area / row["area"] - 1) for row in ROWS]
    assert len(errors) > 100
    assert statistics.median(errors) < 0.05


@pytest.mark.thorough
@pytest.mark.one_in(4)
@pytest.mark.parametrize("target", TARGETS)
def test_every_method_costs_something_and_more_for_longer_moduli(target: str) -> None:
    technology = TARGETS[target]
    for method in candidates(technology.style):
        areas = []
        for n in (64, 128, 256):
            cost = estimate(method.parameters(MODULI[n], 2 * n), technology)
            assert cost.period > 0 and cost.interval >= 1 and cost.latency >= 0
            areas.append(cost.area)
        assert areas == sorted(areas) and areas[0] > 0, method.title


@pytest.mark.one_in(4)
@pytest.mark.parametrize("target", TARGETS)
def test_counts_in_closed_form_go_on_from_those_of_the_plans(target: str) -> None:
    """No jump between 384 bits, counted from plans, and 448, counted in closed form."""
    technology = TARGETS[target]
    digits = pi_floor(2048)
    p384, p448 = (digits >> 2050 - n | 1 for n in (384, 448))
    for method in candidates(technology.style):
        if dict(method.options).get("store") or method.architecture == "montgomery_mcm":
            continue
        small = estimate(method.parameters(p384, 768), technology)
        large = estimate(method.parameters(p448, 896), technology)
        growth = large.area / small.area
        assert 1.0 < growth < 1.75, (method.title, growth)  # quadratic: (448/384)^2 = 1.36
        assert 0.6 < large.latency / max(1, small.latency) < 1.75 or not small.latency


def test_tables_share_equal_functions() -> None:
    assert functions([0, 1], 1) == 0  # the address itself
    assert functions([0, 3, 3, 3], 2) == 1  # an or, twice
    assert functions([0, 1, 2, 3], 2) == 0
    assert functions([0, 4, 2, 1], 2) == 3
    assert random_functions(10_000, 3) == pytest.approx(124)
    assert random_functions(100, 4) == pytest.approx(100, rel=0.01)


@given(entries=st.lists(st.integers(0, 255), min_size=1, max_size=15))
def test_functions_never_exceed_the_output_bits(entries: list[int]) -> None:
    entries = [0, *entries]
    inputs = (len(entries) - 1).bit_length()
    assert 0 <= functions(entries, inputs) <= max(entries).bit_length()


@settings(max_examples=20, deadline=None)
@given(modulus=st.integers(3, 1 << 60).map(lambda m: m | 1), extra=st.integers(0, 80))
def test_the_model_has_an_answer_for_any_modulus(modulus: int, extra: int) -> None:
    for target in TARGETS.values():
        for name, mode in (("barrett_mcm", "streaming"), ("horner", "multi_cycle"),
                           ("hybrid", "multi_cycle"), ("lut", "streaming")):  # fmt: skip
            method = Method(name, mode, target.style)
            cost = estimate(method.parameters(modulus, modulus.bit_length() + extra), target)
            assert cost.area >= 1 and cost.period > 0

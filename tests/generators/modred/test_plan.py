"""The explorer: who is on the front, why the others are not, and what nobody can do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.modred.config import ModredConfig
from gatewright.generators.modred.modulus import parse_modulus
from gatewright.generators.modred.plan import Constraints, Plan, Point, candidates, explore

N64 = 0x9FF63C0179E58219
N128 = 0xE7D9849F3C94F8E0D974B822F0A612E1


@pytest.fixture(scope="module")
def plan() -> Plan:
    return explore(N128, 256)


def axes(point: Point) -> tuple[float, ...]:
    cost = point.cost
    assert cost is not None
    return (
        cost.area, cost.interval * cost.period, max(1, cost.latency) * cost.period,
        cost.table_bits,
    )  # fmt: skip


def test_every_candidate_is_on_the_front_or_has_a_reason(plan: Plan) -> None:
    every = list(candidates("fpga"))
    assert len(plan.front) + len(plan.rest) == len(every) > 150
    assert {p.method for p in (*plan.front, *plan.rest)} == set(every)
    assert all(point.reason is None for point in plan.front)
    assert all(point.reason for point in plan.rest)


def test_nobody_on_the_front_dominates_another(plan: Plan) -> None:
    for one in plan.front:
        for other in plan.front:
            assert one is other or any(
                a > b for a, b in zip(axes(one), axes(other), strict=True)
            ), (one.method.title, other.method.title)


def test_a_dominated_method_names_one_on_the_front_that_is_better(plan: Plan) -> None:
    by_title = {point.method.title: point for point in plan.front}
    for point in plan.rest:
        if point.cost is None or not point.reason or not point.reason.startswith("dominated"):
            continue
        winner = by_title[point.reason.removeprefix("dominated by ").partition(":")[0]]
        assert all(a <= b * 1.021 for a, b in zip(axes(winner), axes(point), strict=True))


def test_the_front_is_in_order_of_area_times_time(plan: Plan) -> None:
    merits = [axes(point)[0] * axes(point)[1] for point in plan.front]
    assert merits == sorted(merits)


def test_the_published_hybrid_is_dominated(plan: Plan) -> None:
    hybrids = [p for p in (*plan.front, *plan.rest) if p.method.architecture == "hybrid"]
    assert hybrids and all(str(p.reason).startswith("dominated by") for p in hybrids)


def test_montgomery_takes_part_only_if_asked(plan: Plan) -> None:
    forms = [p for p in plan.rest if p.method.architecture == "montgomery_mcm"]
    assert forms and all("2^-n" in str(point.reason) for point in forms)
    asked = explore(N128, 256, montgomery=True)
    assert all(
        "2^-n" not in str(point.reason) for point in asked.rest
        if point.method.architecture == "montgomery_mcm"
    )  # fmt: skip


@pytest.mark.one_in(6)
@pytest.mark.parametrize(
    ("constraints", "holds"),
    [
        (Constraints(min_throughput=1), lambda cost: cost.interval == 1),
        (Constraints(min_throughput=1 / 40), lambda cost: cost.interval <= 40),
        (Constraints(max_latency=30), lambda cost: cost.latency <= 30),
        (Constraints(max_area=1500), lambda cost: cost.area <= 1500),
        (Constraints(max_table_bits=0), lambda cost: cost.table_bits == 0),
        (Constraints(max_period=8), lambda cost: cost.period <= 8),
    ],
)  # fmt: skip
def test_constraints_hold_on_the_front(constraints: Constraints, holds: object) -> None:
    assert callable(holds)
    found = explore(N128, 256, constraints=constraints)
    assert found.front
    assert all(holds(point.cost) for point in found.front)


def test_constraints_that_nobody_meets_name_the_nearest_and_what_binds() -> None:
    constraints = Constraints(max_area=600, min_throughput=1)
    with pytest.raises(InputError, match=r"^constraints must be met by .*none does: .*max-area is "
                       r"600 .*, this needs .* in the nearest, \w+"):  # fmt: skip
        _ = explore(N64, 128, constraints=constraints).best


def test_choosing() -> None:
    found = explore(N64, 128)
    assert found.point("1") is found.best is found.front[0]
    last = found.front[-1]
    assert found.point(str(len(found.front))) is last
    assert found.point(last.method.title) is last
    assert found.point("horner").method.architecture == "horner"
    for wrong in ("0", str(len(found.front) + 1)):
        with pytest.raises(InputError, match=r"^choose must be from 1 to \d+, not \d+$"):
            found.point(wrong)
    with pytest.raises(InputError, match=r"not 'hybrid': hybrid .* is dominated by "):
        found.point("hybrid")


@pytest.mark.one_in(4)
@pytest.mark.parametrize("target", ["ecp5", "asic"])
def test_8192_bits_plan_in_seconds(target: str) -> None:
    modulus = parse_modulus("rfc3526:8192")
    start = time.process_time()
    found = explore(modulus, 16384, target)
    assert time.process_time() - start < 10
    assert found.best.method.architecture in ("horner", "horner_cs")


@settings(max_examples=25, deadline=None)
@given(modulus=st.integers(2, 1 << 72), extra=st.integers(-3, 80), asic=st.booleans())
def test_any_modulus_has_a_plan_whose_methods_are_legal(
    modulus: int, extra: int, asic: bool
) -> None:
    width = max(1, modulus.bit_length() + extra)
    found = explore(modulus, width, "asic" if asic else "ecp5")
    assert found.front
    for point in found.front:
        config = ModredConfig(modulus=modulus, width=width, **point.method.fields)
        assert config.reducer == point.parameters

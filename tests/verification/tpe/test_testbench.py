"""The testbench on engines that are right, and on engines that are wrong in one way each."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatewright.errors import CheckFailed
from gatewright.flows.simulation.cocotb_run import run_testbench
from gatewright.flows.simulation.simulate import simulate
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.tpe import generator
from gatewright.generators.tpe.config import TpeConfig
from gatewright.tests.verification.faults import QUICK, change, first_failure

TESTS = ["corners", "documented_cycles", "random_traffic", "stall_at_every_cycle", "reset_mid_tile"]
WRAPPED = "rows=2 cols=2 level=mac result_width=10 wrap=true"
SPARSE = "array=digit_serial rows=2 cols=2 lanes=2 group=2 depth=8"


def design(folder: Path, overrides: str, **figures: Any) -> Build:
    """Emit a design; ``figures`` are what its manifest says instead of the truth."""
    build = build_design(generator, load_config(TpeConfig, None, overrides.split()), folder)
    manifest = build.manifest
    told = {
        name: {key: figures.get(key, value) for key, value in getattr(manifest, name).items()}
        for name in ("latency", "throughput")
    }
    changed = Build(folder, replace(manifest, **told))
    changed.save({})
    return changed


@pytest.mark.one_in(8)
@pytest.mark.parametrize("overrides", [
    "rows=2 cols=3", WRAPPED, "rows=1 cols=1 back_pressure=false level=opt1",
    "rows=3 cols=2 c_input=true result_width=9 saturate=true resolve_stages=2 level=opt1_row",
    "array=systolic_ws cols=3 depth=4 b_width=4", "array=systolic_ws cols=1 depth=1 c_input=true",
    "array=cube rows=2 cols=1 depth=3 a_signed=false", "array=cube accumulate=false rows=1 cols=2",
    "array=tree cols=2 depth=4 level=mac", "array=tree cols=2 depth=3 accumulate=true",
    "array=matrix_2d rows=3 cols=2 lanes=2", "array=matrix_2d rows=1 cols=2 encoding=naf",
    SPARSE, f"{SPARSE} source=stream", f"{SPARSE} source=digits minimum=0 encoding=bits",
    "array=digit_serial rows=3 cols=1 level=opt4c group=4 depth=4 c_input=true a_width=5",
    f"{SPARSE} back_pressure=false", "array=laconic rows=2 cols=2 lanes=2",
])  # fmt: skip
def test_a_right_engine_passes(overrides: str, tmp_path: Path) -> None:
    report = simulate(design(tmp_path, overrides), simulator=QUICK, seed=1)
    assert [(test["name"], test["verdict"]) for test in report["tests"]] == [
        (name, "pass") for name in TESTS
    ]
    assert report["coverage"]["missed"] == []
    points = report["coverage"]["points"]
    for event in ("paused", "blocked", "back to back"):
        assert points["stream i"][event] > 0 or "back_pressure" in overrides
    assert ("blocked" in points["stream o"]) is ("back_pressure" not in overrides)


def test_a_wrong_product_is_explained(tmp_path: Path) -> None:
    """Results that wrap where they should be saturated."""
    with pytest.raises(CheckFailed) as caught:
        simulate(design(tmp_path, WRAPPED, saturate=True), simulator=QUICK, seed=0)
    story = str(caught.value)
    assert "mismatch in test corners" in story
    assert re.search(r"tile = \d+, K = \d+, row = \d, column = \d, a = \[-?\d+, .*b = \[", story)


def test_an_element_that_ignores_a_bubble_is_found(tmp_path: Path) -> None:
    build = change(
        design(tmp_path, WRAPPED), r"element_1_1_enable = \w+ & advance", "element_1_1_enable = 1"
    )
    assert first_failure(build)[0] in ("random_traffic", "corners")


@pytest.mark.one_in(2)
@pytest.mark.parametrize("part", ["b_skew_1_2", "first_1_0_1", "resolved_0_1"])
def test_a_register_that_ignores_a_stall_is_found(part: str, tmp_path: Path) -> None:
    """All is right while nothing waits."""
    build = change(
        design(tmp_path, WRAPPED), rf"if \(advance\) {part} <= ", f"if (1'b1) {part} <= "
    )
    assert first_failure(build)[0] == "random_traffic"


@pytest.mark.one_in(2)
@pytest.mark.parametrize("overrides", [WRAPPED, SPARSE])
def test_a_wrong_latency_is_found(overrides: str, tmp_path: Path) -> None:
    test, told = first_failure(design(tmp_path, overrides, result_latency=3))
    assert test == "documented_cycles" and "results differs" in told


@pytest.mark.thorough
def test_cycles_that_are_not_those_of_the_digits_are_found(tmp_path: Path) -> None:
    """A group without a digit takes a cycle, but the manifest says none."""
    test, told = first_failure(design(tmp_path, SPARSE, minimum=0))
    assert test == "documented_cycles" and "results differs" in told


@pytest.mark.one_in(2)
@pytest.mark.parametrize("valid", ["beat_2", "o__valid"])
def test_a_valid_that_survives_reset_is_found(valid: str, tmp_path: Path) -> None:
    build = change(
        design(tmp_path, WRAPPED), rf"if \(rst\) {valid} <= 1'h0;",
        f"if (rst) {valid} <= {valid} === 1'h1;",
    )  # fmt: skip
    assert first_failure(build)[0] == "reset_mid_tile"


@pytest.mark.thorough
def test_poor_stimulus_is_reported(tmp_path: Path) -> None:
    """Of one test alone: bins that the others hit are missed."""
    build = design(tmp_path, "rows=2 cols=3")
    module = build.manifest.testbench
    assert module is not None
    run = run_testbench(build, QUICK, module, tmp_path / "sim", seed=0, only=["corners"])
    missed = run.coverage().missed()
    assert {"stream i: paused", "stream o: blocked"} <= set(missed)

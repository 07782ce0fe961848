"""The testbench on designs that are right, and on designs that are wrong in one way each."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gatewright.errors import CheckFailed
from gatewright.flows.simulation.cocotb_run import run_testbench
from gatewright.flows.simulation.simulate import simulate
from gatewright.tests.modred.reference import DividerParameters
from gatewright.tests.verification.faults import QUICK, change, first_failure

from .dividers import divider

CONSTANT = ["corners", "documented_cycles", "random_traffic", "reset_mid_stream"]
SKIPPED = ["new_moduli", "moduli_out_of_range"]
P = DividerParameters(modulus=3329, width=24, ranks=3)


def test_a_right_design_passes(tmp_path: Path) -> None:
    report = simulate(divider(tmp_path, P), simulator=QUICK, seed=1)
    assert [(test["name"], test["verdict"]) for test in report["tests"]] == [
        *((name, "pass") for name in CONSTANT), *((name, "skip") for name in SKIPPED)
    ]
    assert report["coverage"]["missed"] == []
    points = report["coverage"]["points"]
    for event in ("paused", "blocked", "back to back"):
        assert points["stream i"][event] > 0
    assert points["stream o"]["blocked"] > 0 and points["stream o"]["idle"] > 0


def test_a_wrong_residue_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed) as caught:
        simulate(
            divider(tmp_path, replace(P, wrong_from=(1 << 24) - 1)), simulator=QUICK, seed=0
        )
    story = str(caught.value)
    assert "mismatch in test corners" in story
    assert re.search(r"M = 0xd01, x = 0xffffff", story), story


def test_a_wrong_latency_is_found(tmp_path: Path) -> None:
    test, told = first_failure(divider(tmp_path, P, latency=2))
    assert test == "documented_cycles" and "latency differs" in told


def test_a_latency_that_depends_on_data_is_found(tmp_path: Path) -> None:
    """One operand takes a cycle more; its result is right."""
    test, told = first_failure(divider(tmp_path, replace(P, slow=3328)))
    assert test == "documented_cycles" and "latency differs" in told
    assert "x = 0xd00" in told


def test_a_valid_that_survives_reset_is_found(tmp_path: Path) -> None:
    build = divider(tmp_path, P)
    stays = "if (rst) o__valid <= o__valid === 1'h1;"
    assert first_failure(change(build, r"if \(rst\) o__valid <= 1'h0;", stays))[0] == (
        "reset_mid_stream"
    )


def test_poor_stimulus_is_reported(tmp_path: Path) -> None:
    """Of one test alone: bins that the others hit are missed."""
    build = divider(tmp_path, P)
    module = build.manifest.testbench
    assert module is not None
    run = run_testbench(build, QUICK, module, tmp_path / "sim", seed=0, only=["corners"])
    missed = run.coverage().missed()
    assert {"stream i: paused", "stream o: blocked"} <= set(missed)

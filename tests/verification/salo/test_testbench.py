"""The testbench on engines that are right, and on engines that are wrong in one way each."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gatewright.flows.simulation.cocotb_run import run_testbench
from gatewright.flows.simulation.simulate import simulate
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.salo import generator
from gatewright.generators.salo.config import SaloConfig
from gatewright.tests.verification.faults import (
    Fault,
    first_failure,
    show,
    verdicts,
    with_faults,
)

TESTS = [
    "patterns", "operands", "documented_cycles", "random_traffic", "refused_programs",
    "reset_mid_run",
]  # fmt: skip
SIMULATOR = "verilator"
"""A test has thousands of cycles: compiling pays."""


def design(folder: Path, overrides: str) -> Build:
    config = load_config(SaloConfig, None, f"max_tokens=32 {overrides}".split())
    return build_design(generator, config, folder)


PLACE = r"pattern = \w+\ndk = \d+\ndv = \d+\ntiles = \d+\nelement = \d+\nquery = \d+"
VALUE = rf"stream results, beat \d+, element rows\.\d\.value .*\n{PLACE}"

FAULTS: dict[str, Fault] = {
    "a mask bit does not count": (r"\((masks\[0\]) \|", "1'h1", "patterns", VALUE),
    "a block begins with the sums of the one before":
        (r"if \(comparing\) \w+ <= (first);", "1'h0", "patterns", VALUE),
    "two lines of the exponential change places":
        (r"module processing_element.*? = (\w+\[\d+\]) \? \d+'h\w+ : \d+'h\w+;", "~{0}",
         "patterns", VALUE),
    "a lane is loaded a turn late":
        (r"lane_1_next = (write\[1\])", "write[2]", "patterns", VALUE),
    "lists of the next tile replace those at work":
        (r"module token_selector_1.*?if \(swap\) bank <= (bank_next);", "bank", "patterns", VALUE),
    "results go on though nobody takes them":
        (r"module result_buffer_rows_4.*?assign \w+ = o__valid & (o__ready);", "1'h1",
         "random_traffic", "stream results|deadlock"),
    "blocks end though there is no room for them":
        (r"module result_buffer_rows_4.*? room = (under_way != \w+'h\w+);", "1'h1",
         "random_traffic", "stream results|deadlock"),
    "there is a bubble between blocks":
        (r"= (rest) - 1'h1;", "{0} + 4'h9", "documented_cycles",
         r"cycles of the run differs\npattern = \w+\ndk = \d+\ndv = \d+\ntiles = \d+"),
    "the flag of a run stays":
        (r"if \((\w+)\) exponent_saturated <= 1'h0;", "rst", "operands",
         r"exponent_saturated differs\npattern = window\noperands = \w"),
    "the shape of the array is not compared":
        (r"\((i__payload\[39:0\] == [^)]+)\)", "1'h1", "refused_programs",
         r"loaded differs\nspoiled = ARRAY"),
    "a program survives a reset":
        (r"loaded <= (1'h0);", "loaded === 1'h1", "reset_mid_run", "loaded differs"),
    "the place in a program survives a reset":
        (r"if \(rst\) number <= ([^;]+);", "number", "reset_mid_run", "."),
}  # fmt: skip

@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Build:
    overrides = "rows=4 cols=4 dk_max=16 dv_max=16 reads=1"
    return with_faults(design(tmp_path_factory.mktemp("engine"), overrides), FAULTS)


def test_a_right_engine_passes(engine: Build) -> None:
    report = simulate(engine, simulator=SIMULATOR, out=show(engine, 0))
    assert verdicts(report) == [(name, "pass") for name in TESTS]
    assert report["coverage"]["missed"] == []
    for stream in ("load", "program", "results"):
        assert report["coverage"]["points"][f"stream {stream}"]["blocked"] > 100


@pytest.mark.one_in(6)
@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, marks=[pytest.mark.soak] * (i % 2)) for i, fault in enumerate(FAULTS)],
)
def test_a_wrong_engine_is_found(fault: str, engine: Build) -> None:
    _, _, test, told = FAULTS[fault]
    show(engine, 1 + list(FAULTS).index(fault))
    _, story = first_failure(engine, only=[test], simulator=SIMULATOR)
    assert re.search(told, story), story


@pytest.mark.thorough
def test_poor_stimulus_is_reported(engine: Build) -> None:
    """Of one test alone: bins that the others hit are missed."""
    module = engine.manifest.testbench
    assert module is not None
    run = run_testbench(engine, SIMULATOR, module, show(engine, 0), seed=0, only=["patterns"])
    missed = set(run.coverage().missed())
    assert {"fault: SHIFT", "operands: zero", "stream load: paused"} <= missed
    assert not any(each.startswith("pattern") for each in missed)


@pytest.mark.thorough
def test_an_engine_with_all_options_passes(tmp_path: Path) -> None:
    """One in which short tiles always wait for something."""
    build = design(
        tmp_path, "rows=2 cols=4 segments=2 torus=true gather=2 global_rows=2 lanes=1 pipeline=0 "
        "global_row_kv=private result_blocks=1 numbers=hw12 q_bits=9 kv_bits=5 exp_bits=8 "
        "shift_bits=2 dk_max=9 dv_max=8",
    )  # fmt: skip
    report = simulate(build, simulator=SIMULATOR, seed=1)
    assert verdicts(report) == [(name, "pass") for name in TESTS]
    assert report["coverage"]["missed"] == ["cycles: exactly those of the schedule"]


@pytest.mark.thorough
@pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog not installed")
def test_nothing_undefined_comes_out(tmp_path: Path) -> None:
    """With four states: memory that was never written goes nowhere."""
    build = design(tmp_path, "rows=2 cols=2 dk_max=8 dv_max=8")
    module = build.manifest.testbench
    assert module is not None
    run = run_testbench(build, "icarus", module, tmp_path / "sim", seed=0, only=["patterns"])
    assert [(test.name, test.verdict) for test in run.tests] == [("patterns", "pass")]

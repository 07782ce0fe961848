"""The testbench on an engine that is right, and on engines that are wrong in one way each."""

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
from gatewright.generators.gnn import generator
from gatewright.generators.gnn.config import GnnConfig
from gatewright.tests.verification.faults import (
    Fault,
    first_failure,
    show,
    spoil_collisions,
    verdicts,
    with_faults,
)

TESTS = [
    "registers", "models", "kept_sections", "graphs", "programs", "memories", "memory_errors",
    "resets", "probes",
]  # fmt: skip
OUTPUT = r"output differs.*\nworkload = .* on .*\nvertex = \d+\ncolumn = \d+"

FAULTS: dict[str, Fault] = {
    "a run of edges begins with the sum of the one before":
        (r"module run_reducer_lanes_4.*?assign before_0_next = (opens) \?", "1'h0", "models",
         OUTPUT),
    "requantisation does not round":
        (r"module scale_lane_factor_bits_24.*?fine\[56:1\]\) \+ \$signed\(\{ 1'h0, (fine\[0\])",
         "1'h0", "models", OUTPUT),
    "a phase opens while the one before it still runs":
        (r"module interval_context.*?= \(~ more\) & (\(~ \(\| running\)\));", "1'h1", "graphs",
         OUTPUT),
    "an address that is not there counts as a slave's error":
        (r"module write_engine.*?= (bresp\[0\]) \?", "1'h0", "memory_errors",
         r"ERROR code differs\nfault = WRITE_DECODE"),
    "a beat is written in every second cycle":
        (r"module write_engine.*?assign move = .*?(\(\(~ wvalid\) \| wready\))", "(~ wvalid)",
         "probes", r"it ends soon differs.*\nprobe = a row of"),
    "one thread works at a time":
        (r"module threads.*?assign tasks__ready_next = \(\(~ busy\) & (\(\| \{.*?\}\))",
         "(& {{ free_register, free_register_1 }})", "graphs",
         "cycles are near the model's differs"),
    "a reset leaves the error":
        (r"module supervisor.*?assign \w+ = \w+ \? (1'h0) : error;", "error",
         "probes", "STATUS differs|ERROR differs|registers answer|cycles until"),
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Build:
    config = load_config(GnnConfig, None, ["preset=tiny"])
    build = build_design(generator, config, tmp_path_factory.mktemp("engine"))
    # Not a fault: all tests run with it, but those that look for faults.
    assert spoil_collisions(build, f"{build.manifest.top}.wrong[0] == 0") >= 20
    return with_faults(build, FAULTS)


def test_an_engine_runs_every_model(engine: Build) -> None:
    """Also where each word that a block memory reads while it is written is wrong."""
    module = engine.manifest.testbench
    assert module is not None
    run = run_testbench(
        engine, "verilator", module, show(engine, 0), seed=0, only=["registers", "models"]
    )
    assert [test.verdict for test in run.tests] == ["pass", "pass"]


@pytest.mark.thorough
def test_a_right_engine_passes(engine: Build) -> None:
    report = simulate(engine, simulator="verilator", out=show(engine, 0))
    assert verdicts(report) == [(name, "pass") for name in TESTS]
    assert report["coverage"]["missed"] == []
    operations = report["coverage"]["points"]["operation"]
    assert {"EDGE", "RECIP", "RQROW", "LUT8", "AXPY", "SPMAX", "FIXMIN", "MM"} <= set(operations)


def test_poor_stimulus_is_reported(engine: Build) -> None:
    """Of one test alone: bins that the others hit are missed."""
    module = engine.manifest.testbench
    assert module is not None
    run = run_testbench(engine, "verilator", module, show(engine, 0), seed=0, only=["registers"])
    missed = set(run.coverage().missed())
    hit_by_runs = {"operation: MM", "fault: SLOT", "axi r: moved", "units at work: several at once"}
    assert hit_by_runs <= missed


@pytest.mark.one_in(2)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_engine_is_found(fault: str, engine: Build) -> None:
    _, _, test, told = FAULTS[fault]
    show(engine, 1 + list(FAULTS).index(fault))
    _, story = first_failure(engine, only=[test], simulator="verilator")
    assert re.search(told, story), story


@pytest.mark.soak
@pytest.mark.parametrize(
    "overrides",
    [
        "preset=tiny threads=1", "preset=tiny threads=4", "preset=ecp5", "preset=edge",
        "preset=tiny lanes=16 rows=8 columns=4 bus_bytes=8 threads=3 outstanding=1",
        "preset=tiny lanes=8 rows=4 columns=8 bus_bytes=4 accumulator_words=128 max_sources=16",
    ],
)
def test_engines_of_other_sizes_pass(tmp_path: Path, overrides: str) -> None:
    config = load_config(GnnConfig, None, overrides.split())
    report = simulate(build_design(generator, config, tmp_path), simulator="verilator", seed=2)
    assert verdicts(report) == [(name, "pass") for name in TESTS]


@pytest.mark.soak
@pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog not installed")
def test_nothing_undefined_comes_out(tmp_path: Path) -> None:
    """With four states: memory that was never written goes nowhere."""
    config = load_config(GnnConfig, None, ["preset=tiny"])
    build = build_design(generator, config, tmp_path)
    module = build.manifest.testbench
    assert module is not None
    run = run_testbench(
        build, "icarus", module, tmp_path / "sim", seed=0, only=["models", "memory_errors"]
    )
    assert {test.verdict for test in run.tests} == {"pass"}

"""The testbench on arrays that are right, with both simulators, and on arrays that are not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gatewright.errors import CheckFailed
from gatewright.flows.simulation.cocotb_run import run_testbench
from gatewright.flows.simulation.simulate import simulate
from gatewright.generators.artifacts import Build
from gatewright.tests.flint.arrays import build_array
from gatewright.tests.verification.faults import QUICK, change, first_failure

needs_icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog not installed")
SMALL = "rows=3 cols=2 share=2 max_k=70"
TESTS = ["corners", "documented_cycles", "random_traffic", "unbuilt_types", "excess_depth"]


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("simulator", "settings"),
    [
        ("verilator", "rows=4 cols=3 output=codes"),
        pytest.param("verilator", "rows=8 cols=8 output=codes", marks=pytest.mark.thorough),
        pytest.param("icarus", SMALL + " types=int,flint,float output=codes", marks=needs_icarus),
        pytest.param("icarus", SMALL + " types=int bias_bits=0 output_depth=1", marks=needs_icarus),
        pytest.param(
            "icarus", "rows=1 cols=1 share=1 max_k=90 types=flint,pot pe=shift", marks=needs_icarus
        ),
    ],
)
def test_a_right_array_passes(tmp_path: Path, simulator: str, settings: str) -> None:
    build = build_array(tmp_path, settings)
    report = simulate(build, simulator=simulator, seed=2)
    # The cycles of a chosen output depth are not documented; all else has something to check.
    skipped = {"documented_cycles"} if "output_depth" in settings else set()
    assert [(test["name"], test["verdict"]) for test in report["tests"]] == [
        (name, "skip" if name in skipped else "pass") for name in TESTS
    ]
    points = report["coverage"]["points"]
    assert report["coverage"]["missed"] == []
    assert all(each.startswith("stream ") for each in report["coverage"]["excused"])
    for name in ("tile", "activation", "weight"):
        assert points[f"stream {name}"]["paused"] > 0
        assert points[f"stream {name}"]["blocked"] > 0
    assert points["stream result"]["blocked"] > 0
    assert points["stream result"]["idle"] > 0


def broken(build: Build, module: str, old: str, new: str) -> Build:
    """Replace one piece of the Verilog of one module."""
    start = rf"(^module {module} \((?:(?!^endmodule).)*?)"
    return change(build, f"(?m){start}{re.escape(old)}", lambda found: found[1] + new)


@pytest.mark.thorough
def test_a_wrong_product_is_explained(tmp_path: Path) -> None:
    """One partial product too many: the story names tile, place, types and every operand."""
    build = build_array(tmp_path, SMALL + " output=codes")
    build = broken(build, "processing_element", " | ", " ^ ~")
    with pytest.raises(CheckFailed) as caught:
        simulate(build, simulator=QUICK, seed=0)
    story = str(caught.value)
    assert story.startswith("flint_array: mismatch in test corners\n  stream result, beat ")
    for word in (
        r"expected \d+", r"got +\d+", r"tile = \d+, row = [012], column = [01], K = \d+",
        r"types = (int|flint)4[su] x (int|flint)4s", r"activations = \[-?\d", r"weights = \[-?\d",
        r"bias = -?\d+", r"accumulator = -?\d+", r"multiplier = \d+, shift = \d+", r"cycle \d+",
        r"waves +\S+failure\.vcd",
    ):  # fmt: skip
        assert re.search(word, story), word
    assert len(story.splitlines()) < 10


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("module", "old", "new", "test", "told"),
    [
        ("processing_element", "? below :", "? ~ below :", "corners", "stream result, beat 0"),
        ("controller", "error <= 1'h1", "error <= 1'h0", "unbuilt_types", "error must be 1, not 0"),
        ("controller", "error <= 1'h1", "error <= 1'h0", "excess_depth", "error must be 1, not 0"),
    ],
)
def test_a_fault_is_found(
    tmp_path: Path, module: str, old: str, new: str, test: str, told: str
) -> None:
    build = broken(build_array(tmp_path, SMALL), module, old, new)
    failed, story = first_failure(build, only=[test])
    assert failed == test and told in story


@pytest.mark.thorough
def test_cycles_beyond_the_documented_ones_are_found(tmp_path: Path) -> None:
    """An array that is slower than its manifest says fails, though every result is right."""
    build = build_array(tmp_path, SMALL)
    path = build.folder / "manifest.json"
    text = path.read_text()
    path.write_text(text.replace('"overhead_cycles": 4', '"overhead_cycles": 3'))
    assert path.read_text() != text
    _, told = first_failure(Build.load(build.folder), only=["documented_cycles"])
    assert "first beat of the next tile differs" in told


@pytest.mark.thorough
def test_poor_stimulus_is_reported(tmp_path: Path) -> None:
    """Of one test alone: bins that the others hit are missed."""
    build = build_array(tmp_path, SMALL)
    module = build.manifest.testbench
    assert module is not None
    run = run_testbench(build, QUICK, module, tmp_path / "sim", seed=0, only=["corners"])
    missed = run.coverage().missed()
    assert {"stream tile: paused", "stream result: blocked"} <= set(missed)

"""``simulate`` on a design that is right, and on designs with seeded faults."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gatewright.errors import CheckFailed, InputError
from gatewright.flows.simulation.simulate import simulate

from .conftest import Tally

needs_icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog not installed")

WRONG_PRODUCT = ("sum <= sum - value", "sum <= sum - (value == -16'sd7 ? 16'sd6 : value)")


def report_of(folder: Path, simulator: str = "verilator") -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / f"sim-{simulator}" / "report.json").read_text())
    return report


def changes(waves: Path) -> dict[str, list[tuple[int, Any]]]:
    pywellen = pytest.importorskip("pywellen", reason="pywellen not installed")
    return {var.full_name: list(var.tv) for var in pywellen.Waveform(str(waves)).all_vars()}


def test_a_right_design_passes_and_is_reported(tally: Tally) -> None:
    build = tally()
    report = simulate(build, seed=5)
    assert report == report_of(build.folder)
    assert report["format"] == "gatewright-report"
    assert (report["step"], report["verdict"], report["seed"]) == ("sim", "pass", 5)
    assert [test["name"] for test in report["tests"]] == ["full_speed", "random_stalls"]
    assert report["beats"] == {"item": 600, "total": 600}
    assert report["cycles"] > 600
    points = report["coverage"]["points"]
    assert set(points["item.kind"]) == {"ADD", "SUB", "CLEAR"}
    assert sum(points["item.kind"].values()) == 600
    assert points["stream total"]["blocked"] > 0
    assert report["coverage"]["missed"] == []


@needs_icarus
def test_icarus_agrees_with_verilator_to_the_cycle(tally: Tally) -> None:
    build = tally()
    reports = [simulate(build, simulator=name, seed=3) for name in ("verilator", "icarus")]
    keys = ("verdict", "cycles", "beats", "coverage", "tests")
    assert [reports[0][key] for key in keys] == [reports[1][key] for key in keys]


@pytest.mark.thorough
def test_the_seed_decides_the_traffic(tally: Tally, quick_simulator: str) -> None:
    build = tally()
    one, same, other = (simulate(build, simulator=quick_simulator, seed=s) for s in (1, 1, 2))
    assert one["coverage"] == same["coverage"]
    assert one["coverage"] != other["coverage"]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("simulator", [pytest.param("icarus", marks=needs_icarus), "verilator"])
def test_waves_name_enums(tally: Tally, simulator: str) -> None:
    build = tally()
    report = simulate(build, simulator=simulator, seed=1, waves=True)
    seen = changes(build.folder / f"sim-{simulator}" / report["waves"])
    for payload, low in (("item", 8), ("total", 16)):
        bits = dict(seen[f"tally.{payload}__payload"])
        told = dict(seen[f"tally.{payload}__payload__kind"])
        defined = {time: value >> low for time, value in bits.items() if isinstance(value, int)}
        assert len(defined) > 300
        for time, kind in defined.items():
            last = max(at for at in told if at <= time)
            assert told[last] == ("ADD", "SUB", "CLEAR", "3")[kind]
    states = [text for _, text in seen["tally.control.state__name"]]
    assert {"EMPTY", "FULL"} <= set(states) <= {"EMPTY", "FULL", "xx"}
    bits = {0: "EMPTY", 1: "FULL"}
    assert [text for text in states if text != "xx"] == [
        bits[value] for _, value in seen["tally.control.state"] if isinstance(value, int)
    ]


def test_a_mismatch_is_explained(tally: Tally) -> None:
    build = tally(*WRONG_PRODUCT)
    with pytest.raises(CheckFailed) as caught:
        simulate(build, seed=0)
    report = report_of(build.folder)
    failure = report["failure"]
    assert report["verdict"] == "fail"
    assert (failure["kind"], failure["stream"], failure["element"]) == ("mismatch", "total", "sum")
    operands = {name: int(value) for name, value in failure["operands"].items()}
    assert operands["value"] == -7
    assert operands["kind"] == 1
    assert int(failure["expected"]) == operands["before"] + 7
    assert int(failure["got"]) == operands["before"] - 6
    assert failure["explanation"] == str(caught.value).split("\n")
    assert len(failure["explanation"]) < 10
    assert f"got      {failure['got']}" in str(caught.value)
    assert "seed 0" in str(caught.value)

    assert failure["repeated"] is True
    seen = changes(Path(failure["waves"]))
    clock = [time for time, _ in seen["tally.clk"]]
    period, time = failure["period"], failure["time"]
    assert time - 40 * period <= min(clock) <= time - 39 * period
    assert time < max(clock) <= time + 10 * period
    wrong = [value for at, value in seen["tally.total__payload"] if at < time][-1]
    assert wrong & 0xFFFF == int(failure["got"]) & 0xFFFF


FLIP = "reg flip; always_ff @(posedge clk) flip <= rst | ~flip; assign total__valid = full & flip;"


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("old", "new", "kind", "told"),
    [
        ("assign total__valid = full;", FLIP, "protocol", "stream total withdrew a beat"),
        (
            "sum + bias}",
            "sum + (~total__ready & item__payload[0])}",
            "protocol",
            "stream total changed a beat",
        ),
        ("~full | give", "~full & item__payload[4:0] != 5'd3", "deadlock", "no beat moved for"),
        ("else if (give)", "else if (give & take)", "surplus", "only 300 were expected"),
    ],
    ids=["withdrawn", "changed", "deadlock", "surplus"],
)
def test_broken_streams_are_found(
    tally: Tally, quick_simulator: str, old: str, new: str, kind: str, told: str
) -> None:
    build = tally(old, new)
    with pytest.raises(CheckFailed, match=told):
        simulate(build, simulator=quick_simulator, seed=0)
    assert report_of(build.folder, quick_simulator)["failure"]["kind"] == kind


@needs_icarus
def test_an_undefined_wire_is_found(tally: Tally) -> None:
    build = tally("if (rst) state <= 2'd0;\n    else if (take)", "if (take)")
    with pytest.raises(CheckFailed, match="item__ready is undefined: X"):
        simulate(build, simulator="icarus", seed=0)


@pytest.mark.parametrize("simulator", ["verilator", pytest.param("icarus", marks=needs_icarus)])
def test_verilog_that_does_not_compile_is_told(tally: Tally, simulator: str) -> None:
    build = tally("assign busy = full;", "assign busy = ;")
    with pytest.raises(CheckFailed, match=r"build failed:\n(.*\n)*.*tally\.v:\d+"):
        simulate(build, simulator=simulator)


def test_a_testbench_that_does_not_load_is_told(tally: Tally, quick_simulator: str) -> None:
    assert importlib.util.find_spec("no_such_bench") is None
    with pytest.raises(CheckFailed, match="no_such_bench"):
        simulate(tally(testbench="no_such_bench"), simulator=quick_simulator)


def test_bad_input_is_refused(tally: Tally) -> None:
    with pytest.raises(InputError, match=r"^simulator must be one of verilator, icarus, not 'vc'"):
        simulate(tally(), simulator="vc")
    with pytest.raises(InputError, match=r"^seed must be an integer of at least 0, not -1$"):
        simulate(tally(), seed=-1)
    with pytest.raises(InputError, match="must name a testbench"):
        simulate(tally(testbench=None))

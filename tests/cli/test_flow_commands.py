"""sim, synth and flint quantize through the command line: reports, verdicts, refusals."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from gatewright.flows.simulation.icarus import icarus_version

from .conftest import TINY, Gatewright

SIMULATOR = "icarus" if shutil.which("iverilog") else "verilator"


@pytest.fixture
def tiny_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator is a process of its own, which must find the testbench."""
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TINY), *([before] if before else [])]))


@pytest.mark.usefixtures("tiny_path")
def test_sim_passes_and_reports(gatewright: Gatewright) -> None:
    ended = gatewright("sim", "tiny", "-p", "width=4", "-o", "out", "--sim", SIMULATOR)
    assert ended.code == 0, ended.err
    assert "sums" in ended.out and "tiny_adder: pass" in ended.out
    report = json.loads(Path(f"out/sim-{SIMULATOR}/report.json").read_text())
    assert report["verdict"] == "pass"
    again = gatewright("sim", "out", "--sim", SIMULATOR, "--json", "--quiet")
    assert again.err == ""
    assert json.loads(again.out)["config_hash"] == report["config_hash"]


@pytest.mark.usefixtures("tiny_path")
def test_sim_that_fails_explains_and_still_prints_its_report(gatewright: Gatewright) -> None:
    gatewright("emit", "tiny", "-p", "width=4", "-o", "out")
    verilog = Path("out/tiny_adder.v")
    right = verilog.read_text()
    assert right.count(" + ") == 1
    verilog.write_text(right.replace(" + ", " - "))
    ended = gatewright("sim", "out", "--sim", SIMULATOR, "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["verdict"] == "fail"
    assert "failed: tiny_adder" in ended.err and "is not" in ended.err
    assert "Traceback" not in ended.err


def test_missing_simulator_is_told_before_anything_is_written(
    gatewright: Gatewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    icarus_version.cache_clear()
    monkeypatch.setenv("PATH", "/nowhere")
    ended = gatewright("sim", "tiny", "--sim", "icarus")
    assert ended.code == 2
    assert "iverilog" in ended.error
    assert list(Path().iterdir()) == []


def test_sim_refuses_an_unknown_simulator(gatewright: Gatewright) -> None:
    ended = gatewright("sim", "tiny", "--sim", "vcs")
    assert ended.code == 2
    assert "'vcs'" in ended.error and "verilator" in ended.error and "icarus" in ended.error


def test_synth_prints_figures_and_reports(gatewright: Gatewright) -> None:
    ended = gatewright("synth", "tiny", "-p", "width=4", "-o", "out", "--recipes", "fast")
    assert ended.code == 0, ended.err
    report = json.loads(Path("out/synth-ge/report.json").read_text())
    rows = {line.split("  ")[0]: line.split() for line in ended.out.splitlines()}
    assert rows["flops"][1] == str(report["flops"]) == "5"
    assert float(rows["area"][1]) == report["area"] > 0


def test_synth_json_is_the_report(gatewright: Gatewright) -> None:
    arguments = ("-p", "width=4", "-o", "out", "--recipes", "fast", "--json", "--quiet")
    ended = gatewright("synth", "tiny", *arguments)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == json.loads(Path("out/synth-ge/report.json").read_text())


def test_synth_that_misses_its_period_fails_with_its_report(gatewright: Gatewright) -> None:
    arguments = ("-p", "width=4", "-o", "out", "--recipes", "fast", "--period", "0.5", "--quiet")
    ended = gatewright("synth", "tiny", *arguments, "--json")
    assert ended.code == 1
    report = json.loads(ended.out)
    assert report["verdict"] == "fail" and report["delay"] > 0.5
    assert ended.err.startswith("failed: tiny_adder misses its period of 0.5 FO4 on ge")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--target", "ecp5-45"], "ecp5-45k"),
        (["--target", "liberty:absent.lib"], "absent.lib"),
        (["--target", "liberty:"], "Liberty"),
        (["--objective", "size"], "area_delay"),
        (["--period", "fast"], "--period"),
    ],
)
def test_synth_refuses_before_it_writes(
    gatewright: Gatewright, arguments: list[str], told: str
) -> None:
    ended = gatewright("synth", "tiny", *arguments)
    assert ended.code == 2
    assert told in ended.error
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--recipes", "fsat"],
        ["--period", "0"],
        ["--period", "nan"],
        ["--seed", "-1"],
        ["--board", "ulx3s"],
        ["--target", "ecp5-25k", "--bitstream"],
        ["--target", "ecp5-25k", "--bitstream", "--board", "ulx4s"],
    ],
)
def test_synth_refuses_in_one_line(gatewright: Gatewright, arguments: list[str]) -> None:
    ended = gatewright("synth", "tiny", "-o", "out", *arguments)
    assert ended.code == 2
    assert ended.error.startswith("error: ")
    assert {path.name for path in Path("out").iterdir()} <= {"tiny_adder.v", "manifest.json"}


def test_quantize_writes_codes_and_prints_errors(gatewright: Gatewright) -> None:
    rng = np.random.default_rng(1)
    np.save("weight.npy", rng.normal(size=(8, 32)).astype(np.float32))
    ended = gatewright("flint", "quantize", "weight.npy", "--types", "int,flint", "-o", "out")
    assert ended.code == 0, ended.err
    table = json.loads(Path("out/quantization.json").read_text())
    (entry,) = table["tensors"]
    assert list(entry["mse_by_type"]) == ["int", "flint"]
    assert "8x32" in ended.out and f"{entry['snr_db']:.1f}" in ended.out
    assert Path("out", entry["codes"]["file"]).stat().st_size == 8 * 32 // 2
    options = ("--json", "--quiet", "--search", "90,95")
    printed = gatewright("flint", "quantize", "weight.npy", *options)
    assert printed.err == ""
    assert json.loads(printed.out)["search"] == [90, 95]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["absent.npy"], "absent.npy must be a readable file: No such file or directory"),
        (["text.npy"], "text.npy must be a .npy file"),
        (["text.pt"], "text.pt must be a"),
        (["text.csv"], "text.csv must be a .pt or .npy file, not '.csv'"),
        (["nan.npy"], "nan"),
        (["good.npy", "--bits", "9"], "bits must be"),
        (["good.npy", "--types", "fp4"], "types must be out of int, flint, pot, float, not 'fp4'"),
        (["good.npy", "--search", "75"], "search must be two integers such as 75,150, not '75'"),
        (["good.npy", "--search", "90,80"], "search must"),
        (["good.npy", "--role", "bias"], "'bias'"),
        (["good.npy", "-o", "text.csv"], "out must be a folder"),
    ],
)
def test_quantize_refuses_in_one_line(
    gatewright: Gatewright, arguments: list[str], line: str
) -> None:
    for name in ("text.npy", "text.pt", "text.csv"):
        Path(name).write_text("no tensor\n")
    np.save("good.npy", np.ones((2, 2), np.float32))
    np.save("nan.npy", np.full((2, 2), np.nan, np.float32))
    before = sorted(Path().iterdir())
    ended = gatewright("flint", "quantize", *arguments)
    assert ended.code == 2
    assert line in ended.error
    assert sorted(Path().iterdir()) == before


def test_a_warning_is_one_line(gatewright: Gatewright) -> None:
    np.save("tokens.npy", np.linspace(-1, 1, 64, dtype=np.float32))
    arguments = ("--role", "activation", "--sign", "unsigned", "-o", "out", "--quiet")
    ended = gatewright("flint", "quantize", "tokens.npy", *arguments)
    assert ended.code == 0
    assert ended.err.startswith("warning: ") and ended.err.count("\n") == 1

"""`report`, and how `sim` and `synth` store their runs and do not repeat them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from .conftest import Gatewright

SYNTH = ("synth", "tiny", "-p", "width=4", "--recipes", "fast", "-o", "build/tiny")


@pytest.fixture
def two(gatewright: Gatewright) -> Gatewright:
    """Two runs in build/results.sqlite."""
    assert gatewright(*SYNTH).code == 0
    assert gatewright("synth", "tiny", "-p", "width=6", "--recipes", "fast",
                      "-o", "build/six").code == 0  # fmt: skip
    return gatewright


def test_a_run_lands_in_the_database_beside_its_folder(two: Gatewright) -> None:
    ended = two("report")
    assert ended.code == 0 and "2 runs: build/results.sqlite" in ended.out
    table = [line.split() for line in ended.out.splitlines()[1:3]]
    assert [row[:4] for row in table] == [["tiny", "synth", "ge", "pass"]] * 2
    told = json.loads(two("report", "--json", "--sort", "area", "--columns",
                          "config.width,area").out)  # fmt: skip
    assert [row["config.width"] for row in told["rows"]] == [4, 6]
    one = json.loads(two("report", "build/six", "--json", "--columns", "config.width").out)
    assert one["rows"] == [{"config.width": 6}]


def test_the_same_run_is_not_repeated_unless_forced(two: Gatewright) -> None:
    report = Path("build/tiny/synth-ge/report.json")
    before = report.stat().st_mtime_ns
    again = two(*SYNTH)
    assert again.code == 0 and "--force repeats it" in again.err
    assert report.stat().st_mtime_ns == before and "area" in again.out
    assert "2 runs" in two("report").out
    two(*SYNTH, "--force")
    assert report.stat().st_mtime_ns != before
    # Other options, or files that are gone, mean another run.
    assert "--force" not in two(*SYNTH, "--objective", "area").err
    assert "--force" not in two(*SYNTH).err
    report.unlink()
    assert "--force" not in two(*SYNTH).err and report.exists()
    assert "3 runs" in two("report").out


def test_a_failed_check_is_stored_and_done_again(gatewright: Gatewright) -> None:
    missed = (*SYNTH, "--period", "0.5")
    assert gatewright(*missed).code == 1
    told = json.loads(gatewright("report", "--json").out)
    assert [row["verdict"] for row in told["rows"]] == ["fail"]
    assert gatewright(*missed).code == 1


def test_proofs_and_mutants_are_stored_and_told_by_design(two: Gatewright) -> None:
    proof = ("prove", "fabric", "--only", "pipeline")
    assert two(*proof).code == 0
    report = Path("build/fabric/prove/report.json")
    before = report.stat().st_mtime_ns
    again = two(*proof)
    assert again.code == 0 and "--force repeats it" in again.err and "1 proved" in again.out
    assert report.stat().st_mtime_ns == before
    assert "--force" not in two(*proof, "--force").err
    assert report.stat().st_mtime_ns != before
    assert "--force" not in two("prove", "fabric", "--only", "fifo-1.alive").err
    told = json.loads(two("report", "--designs", "--json").out)
    assert told["designs"] == 3
    fabric, six, four = told["rows"]
    assert fabric["design"] == "fabric-fabric"
    assert fabric["proved"] == "2 proved"
    assert six["area"] > four["area"] and "proved" not in six
    one = two("report", "--designs", "--where", 'step == "prove"')
    assert "1 designs" in one.out and "tiny" not in one.out


def test_mutants_are_not_run_again(gatewright: Gatewright) -> None:
    run = ("mutate", "tiny", "-p", "width=3", "--count", "2")
    assert gatewright(*run).code == 0
    again = gatewright(*run)
    assert again.code == 0 and "--force repeats it" in again.err
    (row,) = json.loads(gatewright("report", "--designs", "--json").out)["rows"]
    assert row["mutants"].endswith("found") or row["mutants"].endswith("left")


def test_edited_verilog_is_another_design(two: Gatewright) -> None:
    verilog = Path("build/tiny/tiny_adder.v")
    verilog.write_text(verilog.read_text() + "\n// changed\n")
    ended = two("synth", "build/tiny", "--recipes", "fast")
    assert ended.code == 0 and "--force" not in ended.err


def test_files_are_written_whole(two: Gatewright) -> None:
    ended = two("report", "--csv", "runs.csv", "--parquet", "runs.parquet", "--html",
                "--limit", "1")  # fmt: skip
    assert ended.code == 0 and "2 runs, 1 shown" in ended.out
    with Path("runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and {row["config.width"] for row in rows} == {"4", "6"}
    assert Path("runs.parquet").read_bytes()[:4] == b"PAR1"
    assert "tiny-" in Path("build/report.html").read_text()


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("arguments", "words"), [
    (("nowhere",), "must hold a results database"), (("--where", "aera < 1"), "'area'"),
    (("--sort", "x"), "--sort must name"), (("--limit", "0"), "--limit"),
    (("--port", "99999"), "--port"),
])  # fmt: skip
def test_wrong_questions_are_told(
    two: Gatewright, arguments: tuple[str, ...], words: str
) -> None:
    ended = two("report", *arguments)
    assert ended.code == 2 and words in ended.error


def test_a_damaged_database_costs_no_run(two: Gatewright) -> None:
    Path("build/results.sqlite").write_bytes(b"\0" * 5000)
    for tail in ("-wal", "-shm"):
        Path(f"build/results.sqlite{tail}").unlink(missing_ok=True)
    ended = two(*SYNTH, "--force")
    assert ended.code == 0
    told = [line for line in ended.err.splitlines() if line.startswith("warning:")]
    assert len(told) == 1 and "results.damaged-1.sqlite" in told[0]
    assert "1 runs" in two("report").out

"""The demo in small: its figures agree with each other, and a wrong result makes it fail."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gatewright.cli import main
from gatewright.errors import CheckFailed, InputError
from gatewright.flows import demo
from gatewright.flows.demo import flint
from gatewright.flows.demo.digits import Recipe
from gatewright.flows.simulation.batched import BatchedModel, StreamError
from gatewright.generators.artifacts import Build

SMALL = flint.Settings(
    recipe=Recipe(hidden=(12, 9), epochs=4), test_samples=21, rows=4, cols=4, target="ge"
)
SECTIONS = {"flint": flint.section(SMALL)}
AREAS = {"adaptive": 120.0, "int4": 100.0, "adaptive-tailored": 99.0, "int4-tailored": 90.0}


def synthesis(build: Build, target: str, **_: Any) -> dict[str, Any]:
    """Stands in for minutes of synthesis, which has tests of its own."""
    area = AREAS[build.folder.name]
    return {
        "area": area, "area_unit": "GE", "delay": area / 2, "delay_unit": "FO4", "cells": 5,
        "flops": 3, "frequency_mhz": None, "timing_engine": "none",
    }  # fmt: skip


def test_report_says_what_ran(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    assert (report["format"], report["step"], report["verdict"]) == (
        "gatewright-report", "demo", "pass",
    )  # fmt: skip
    assert report["tools"]["torch"] and report["seconds"] > 0
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_every_result_of_every_sample_is_compared(found: dict[str, Any]) -> None:
    sizes = found["network"]["sizes"]
    assert sizes == [64, 12, 9, 10]
    for name, run in found["simulation"].items():
        outputs = sizes[1:-1] if name == "codes" else sizes[1:]
        assert [layer["checked"] for layer in run["layers"]] == [21 * size for size in outputs]
        assert run["total"]["checked"] == 21 * sum(outputs)
        assert run["total"]["wrong"] == 0


def test_cycles_are_those_of_the_model(found: dict[str, Any]) -> None:
    for name in ("adaptive", "int4"):
        for layer in found["simulation"][name]["layers"]:
            tiles = math.ceil(21 / 4) * math.ceil(layer["channels"] / 4)
            assert layer["tiles"] == tiles
            # A cluster of four rows; the model leaves out the first and the last results' way.
            assert layer["model_cycles"] == tiles * (layer["depth"] + 4 + 1 - 1)
            assert 0 < layer["cycles"] - layer["model_cycles"] < 20
            macs = 21 * layer["depth"] * layer["channels"]
            assert layer["utilisation"] == pytest.approx(macs / (layer["cycles"] * 16))
    stalled = found["simulation"]["codes"]
    assert stalled["stall"] > 0
    assert stalled["total"]["cycles"] > 1.2 * stalled["total"]["model_cycles"]


def test_accuracy_agrees_with_the_digits_shown(found: dict[str, Any]) -> None:
    assert {row["samples"] for row in found["accuracy"].values()} == {21}
    for name, row in found["accuracy"].items():
        assert row["accuracy"] == row["correct"] / 21
        misread = [d for d in found["digits"] if d["predictions"][name] != d["label"]]
        assert len(misread) <= 21 - row["correct"]
    wrong = [d for d in found["digits"] if set(d["predictions"].values()) != {d["label"]}]
    assert found["digits"][: len(wrong)] == wrong, "misread digits come first"
    assert all(len(digit["pixels"]) == 64 for digit in found["digits"])


def test_types_are_those_of_least_error(found: dict[str, Any]) -> None:
    assert [tensor["role"] for tensor in found["tensors"]] == ["activation", "weight"] * 3
    for tensor in found["tensors"]:
        errors = tensor["mse_by_type"]
        assert tensor["type"] == min(errors, key=errors.get)
        assert tensor["mse"] == errors[tensor["type"]]
        assert tensor["mse_ratio"] == tensor["mse"] / errors["int"] <= 1
    chosen = [tensor["type"] for tensor in found["tensors"]]
    layers = found["simulation"]["adaptive"]["layers"]
    used = [layer[key] for layer in layers for key in ("activation_type", "weight_type")]
    assert used == chosen


def test_ratios_are_to_the_int4_array_of_the_pair(found: dict[str, Any]) -> None:
    rows = {row["design"]: row for row in found["synthesis"]["rows"]}
    assert rows["adaptive"]["area_ratio"] == 1.2
    assert rows["adaptive-tailored"]["area_ratio"] == pytest.approx(1.1)
    assert rows["adaptive"]["frequency_ratio"] == pytest.approx(1 / 1.2)
    assert rows["int4"]["area_ratio"] == rows["int4-tailored"]["frequency_ratio"] == 1


def test_designs_can_be_emitted_again(folder: Path, found: dict[str, Any]) -> None:
    for name, design in found["designs"].items():
        build = Build.load(folder / "flint" / name)
        assert build.manifest.hash == design["verilog_hash"]
        assert build.manifest.config_hash == design["config_hash"]
        assert build.verilog[0].read_text().count("\n") == design["verilog_lines"]


class Links(HTMLParser):
    """Collects what a page refers to and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "data")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_needs_nothing_from_elsewhere(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    page = Links()
    page.feed(text)
    assert page.open == []
    assert "svg" in page.tags
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "http:" not in text and "https:" not in text and "@import" not in text
    assert "url(" not in text
    for link in page.links:
        assert (folder / link).is_file(), link


def test_page_and_tables_show_the_figures(folder: Path, found: dict[str, Any]) -> None:
    page = (folder / "report.html").read_text()
    titles = []
    report = json.loads((folder / "report.json").read_text())
    ((_, tables),) = demo.tables(report, SECTIONS).items()
    for table in tables:
        titles.append(table.name)
        for row in table.rows:
            assert len(row) == len(table.header)
            assert all(f"<td>{cell}</td>" in page for cell in row)
    assert titles == ["tensors", "accuracy", "layers", "checks", "synthesis"]
    assert f"{100 * found['accuracy']['adaptive']['accuracy']:.2f} %" in page
    assert "picked after looking at results on the same held-out digits" in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower()


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("design", "layer", "run"), [("adaptive", 2, 1), ("codes", 1, 6)])
def test_a_wrong_result_fails_and_is_explained(
    design: str, layer: int, run: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lowest bit of row 1, column 0 of the third tile of one run is flipped."""
    original = BatchedModel.run_streams
    runs = []

    def faulty(self: BatchedModel, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if len(runs) == run:
            result.outputs["result"][2 * 4 + 1, 0] ^= 1
        runs.append(result)
        return result

    monkeypatch.setattr(BatchedModel, "run_streams", faulty)
    section = {"flint": flint.section(dataclasses.replace(SMALL, target=None))}
    with pytest.raises(CheckFailed) as error:
        demo.run(tmp_path, sections=section)
    report = json.loads((tmp_path / "report.json").read_text())
    failure = report["sections"]["flint"]["failure"]
    assert report["verdict"] == report["sections"]["flint"]["verdict"] == "fail"
    assert (failure["design"], failure["layer"], failure["tile"]) == (design, layer, 2)
    # Three tiles of four columns cover the 12 or 9 channels of a layer.
    assert (failure["sample"], failure["channel"], failure["wrong"]) == (1, 8, 1)
    assert (failure["row"], failure["column"]) == (1, 0)
    assert failure["got"] == failure["expected"] ^ 1
    if design == "adaptive":
        products = zip(failure["activations"], failure["weights"], strict=True)
        assert failure["expected"] == failure["bias"] + sum(a * w for a, w in products)
    told = str(error.value)
    assert f"{design}: layer {layer}: 1 of " in told
    assert f"expected {failure['expected']}" in told and f"got      {failure['got']}" in told
    page = (tmp_path / "report.html").read_text()
    assert "The check failed." in page and f"expected {failure['expected']}" in page
    if design == "adaptive":
        assert report["sections"]["flint"]["simulation"]["adaptive"]["layers"][1]["wrong"] == 1


def test_a_run_that_breaks_off_still_leaves_both_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_: Any, **__: Any) -> None:
        raise StreamError("deadlock: no beat moved\n  result: 0 of 4 beats")

    monkeypatch.setattr(BatchedModel, "run_streams", stuck)
    with pytest.raises(CheckFailed, match="deadlock"):
        demo.run(tmp_path, sections=SECTIONS)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["sections"]["flint"]["failure"]["explanation"][0] == "deadlock: no beat moved"
    assert "accuracy" not in report["sections"]["flint"]
    assert "deadlock: no beat moved" in (tmp_path / "report.html").read_text()


def test_two_runs_train_the_same_network() -> None:
    from gatewright.flows.demo import digits

    data = digits.load()
    recipe = Recipe(hidden=(8,), epochs=1)
    weights = [
        [p.tolist() for p in digits.train(data, recipe, seed, lambda *_: None).parameters()]
        for seed in (3, 3, 4)
    ]
    assert weights[0] == weights[1] != weights[2]


def test_training_and_test_digits_are_apart() -> None:
    from gatewright.flows.demo import digits

    data = digits.load()
    assert (len(data.train_labels), len(data.test_labels)) == (1257, 540)
    seen = {tuple(row) for row in data.train_pixels.tolist()}
    assert [row for row in data.test_pixels.tolist() if tuple(row) in seen] == []
    assert data.train_pixels.min() == 0 and data.train_pixels.max() == 1


@pytest.fixture
def small_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with one small section."""
    for name in set(demo.SECTIONS) - {"flint"}:
        monkeypatch.delitem(demo.SECTIONS, name)
    settings = dataclasses.replace(SMALL, target=None)
    monkeypatch.setitem(demo.SECTIONS, "flint", flint.section(settings))


def test_command(
    small_command: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "-o", str(tmp_path / "out"), "--seed", "5", "--json"]) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document == json.loads((tmp_path / "out" / "report.json").read_text())
    assert document["seed"] == 5
    assert "training, epochs: 4/4 (100 %)" in told.err


def test_command_fails_with_the_story(
    small_command: None, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def stuck(*_: Any, **__: Any) -> None:
        raise StreamError("deadlock")

    monkeypatch.setattr(BatchedModel, "run_streams", stuck)
    assert main(["demo", "-o", str(tmp_path), "--quiet"]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "failed: deadlock\n")


def test_refuses_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert main(["demo", "-o", str(file), "--quiet"]) == 2
    assert capsys.readouterr().err == f"error: out must be a folder, not the file {file}\n"
    with pytest.raises(InputError, match="seed must be in"):
        demo.run(tmp_path / "out", seed=-1)
    assert not (tmp_path / "out").exists()

"""The tpe part of the demo in small: what is compared, what is told, and how it fails."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from markupsafe import escape
from torch import nn

from gatewright.errors import CheckFailed
from gatewright.flows import demo
from gatewright.flows.demo.digits import Recipe
from gatewright.flows.demo.tpe import ENGINES, Settings, section
from gatewright.flows.demo.tpe_layer import quantise_layer
from gatewright.flows.simulation.batched import BatchedModel, StreamError
from gatewright.generators.artifacts import Build

pytestmark = pytest.mark.thorough

# K = 40 is longer than a tile of the digit-serial engine, and nothing fills the engines evenly.
SMALL = Settings(
    recipe=Recipe(hidden=(40, 11), epochs=3), samples=5, rows=2, cols=3, target="ge"
)
SECTIONS = {"tpe": section(SMALL)}
AREAS = {"dense-mac": 100.0, "dense-opt1": 110.0, "digit-serial-opt4e": 250.0}
SERIAL = "digit-serial OPT4E"


def synthesis(build: Build, target: str, **_: Any) -> dict[str, Any]:
    """Stands in for a minute of synthesis, which has tests of its own."""
    area = AREAS[build.folder.name]
    return {
        "area": area, "area_unit": "GE", "delay": 400 / area, "delay_unit": "FO4", "cells": 7,
        "flops": 3, "flop_area": area / 2,
    }  # fmt: skip


def test_every_engine_computes_the_whole_layer_twice(found: dict[str, Any]) -> None:
    assert found["verdict"] == "pass" and found["failure"] is None
    assert found["network"] == [64, 40, 11, 10]
    assert found["layer"] == {
        "number": 2, "samples": 5, "inputs": 40, "outputs": 11, "products": 5 * 40 * 11
    }
    assert list(found["designs"]) == list(ENGINES)
    for design in found["designs"].values():
        assert design["verdict"] == "pass"
        assert design["compared"] == 2 * 5 * 11
        assert design["checked"] == ["golden model", "torch"]


def test_cycles_are_those_of_the_model(folder: Path, found: dict[str, Any]) -> None:
    for name, design in found["designs"].items():
        assert design["cycles"] == design["model_cycles"]
        assert design["stalled"]["cycles"] > design["cycles"]
        build = Build.load(folder / "tpe" / design["folder"])
        assert build.manifest.hash == design["verilog_hash"]
        if name == SERIAL:
            continue
        # Tiles of K steps without a gap, then the results of the last.
        assert design["tiles"] == (3 * 4 if found["encoded"] == "activations" else 6 * 2)
        latency = build.manifest.latency["result_latency"]
        assert design["cycles"] == design["tiles"] * 40 + latency + 2 - 1
    serial = found["designs"][SERIAL]
    assert serial["runs"] == 2  # passes over K: 32, then 8 with the results of the first
    assert serial["tiles"] == 2 * found["designs"]["dense MAC"]["tiles"]
    assert serial["encoding"] == found["candidates"][0]["encoding"]
    assert serial["units"] == 4 * found["designs"]["dense MAC"]["units"] == 4 * 2 * 3


def test_the_best_of_the_candidates_is_built(found: dict[str, Any]) -> None:
    candidates = found["candidates"]
    assert {(row["operand"], row["encoding"]) for row in candidates} == {
        (tensor, encoding)
        for tensor in ("activations", "weights")
        for encoding in ("booth", "naf", "ent")
    }
    assert [row["cycles"] for row in candidates] == sorted(row["cycles"] for row in candidates)
    assert found["encoded"] == candidates[0]["operand"]


def test_work_is_that_of_the_digits(found: dict[str, Any]) -> None:
    rows = {(row["tensor"], row["encoding"]): row for row in found["digits"]}
    assert len(rows) == 10
    for row in rows.values():
        assert sum(row["shares"]) == pytest.approx(1)
        assert sum(i * share for i, share in enumerate(row["shares"])) == pytest.approx(row["mean"])
    naf, booth = (rows["activations", name]["mean"] for name in ("naf", "booth"))
    assert naf <= booth
    serial = found["designs"][SERIAL]
    mean = rows[found["encoded"], serial["encoding"]]["mean"]
    assert serial["work"] == pytest.approx(mean * found["layer"]["products"])
    assert found["designs"]["dense MAC"]["work"] == found["layer"]["products"]


def test_the_network_reads_what_the_engines_computed(found: dict[str, Any]) -> None:
    accuracy = found["accuracy"]
    assert list(accuracy) == ["float32", *ENGINES]
    differences = {row["largest_difference"] for name, row in accuracy.items() if name in ENGINES}
    assert len(differences) == 1 and 0 < differences.pop() < 0.5
    assert all(row["samples"] == 5 for row in accuracy.values())


def test_page_and_tables_show_the_figures(folder: Path, found: dict[str, Any]) -> None:
    page = (folder / "report.html").read_text()
    tables = {table.name: table for table in section(SMALL).tables(found)}
    assert list(tables) == ["engines", "checks", "rows", "digits", "choices"]
    for name in ("engines", "checks", "rows"):
        assert [row[0] for row in tables[name].rows] == list(ENGINES)
    for table in tables.values():
        for row in table.rows:
            assert len(row) == len(table.header)
            assert all(f"<td>{escape(cell)}</td>" in page for cell in row)
    serial, dense = (found["designs"][name]["cycles"] for name in (SERIAL, "dense MAC"))
    ratio = serial / dense
    row = tables["engines"].rows[2]
    assert row[1:2] + row[3:5] == [f"{serial:,}", "1.6", f"{ratio * 1.6 / 4:.3f}"]
    assert row[5:] == ["250", "2.500", "50 %", f"{ratio:.3f}"]
    assert f"<b>{3 * 2 * 5 * 11:,}</b>" in page and f"<b>{ratio:.2f}</b>" in page
    assert page.count("<figure>") == 4 and "in 2.5 times the area" in page


def run_small(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """What a failed run says, and its report."""
    sections = {"tpe": section(dataclasses.replace(SMALL, target=None))}
    with pytest.raises(CheckFailed) as error:
        demo.run(tmp_path, sections=sections)
    report = json.loads((tmp_path / "report.json").read_text())["sections"]["tpe"]
    assert report["verdict"] == "fail"
    page = (tmp_path / "report.html").read_text()
    assert all(str(escape(line.strip())) in page for line in report["failure"]["explanation"])
    assert "times the area" not in page
    return str(error.value), report


def test_a_wrong_result_is_told_and_others_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BatchedModel.run_streams
    runs = []

    def faulty(self: BatchedModel, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        runs.append(args)
        if len(runs) == 1:
            result.outputs["o"][0, 0] ^= 1
        return result

    monkeypatch.setattr(BatchedModel, "run_streams", faulty)
    told, report = run_small(tmp_path)
    verdicts = [design["verdict"] for design in report["designs"].values()]
    assert verdicts == ["fail", "pass", "pass"]
    assert "dense MAC: C[0, 0] must be" in told and "1 of 55 results differ" in told
    assert list(report["accuracy"]) == ["float32", "dense OPT1", SERIAL]


def test_a_wrong_result_under_stalls_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BatchedModel.run_streams

    def faulty(self: BatchedModel, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if kwargs["stall"]["i"]:
            result.outputs["o"][0, 0] += 3
        return result

    monkeypatch.setattr(BatchedModel, "run_streams", faulty)
    told, report = run_small(tmp_path)
    for name, design in report["designs"].items():
        assert (design["verdict"], design["compared"]) == ("fail", 55)
        assert f"{name}: C[" in told
    assert tables_of(report)["checks"].rows == []


def tables_of(report: dict[str, Any]) -> dict[str, demo.Table]:
    return {table.name: table for table in section(SMALL).tables(report)}


def test_a_late_result_fails_though_it_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BatchedModel.run_streams

    def late(self: BatchedModel, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        return dataclasses.replace(result, cycles=result.cycles + 1)

    monkeypatch.setattr(BatchedModel, "run_streams", late)
    told, report = run_small(tmp_path)
    assert {design["verdict"] for design in report["designs"].values()} == {"fail"}
    assert all(f"{name}: " in told for name in ENGINES) and "cycles of the model, not" in told


def test_a_deadlock_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(*_: Any, **__: Any) -> None:
        raise StreamError("deadlock: no beat moved\n  o: 0 of 4 beats")

    monkeypatch.setattr(BatchedModel, "run_streams", stuck)
    told, report = run_small(tmp_path)
    assert "dense MAC: deadlock: no beat moved" in told
    assert f"{SERIAL}:   o: 0 of 4 beats" in told
    assert tables_of(report)["rows"].rows == tables_of(report)["engines"].rows == []


def test_int8_has_a_scale_for_each_output() -> None:
    generator = torch.Generator().manual_seed(3)
    network = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        for linear in (network[0], network[2], network[4]):
            linear.weight.copy_(torch.randn(linear.weight.shape, generator=generator))
        network[2].weight[1] = 0
    pixels = torch.rand((30, 6), generator=generator)
    layer = quantise_layer(network, 1, pixels[:9], pixels[:9])
    assert layer.inputs.shape == (9, 5) and layer.weights.shape == (5, 4)
    assert np.abs(layer.weights).max(axis=0).tolist() == [127, 0, 127, 127]
    assert (layer.inputs.min(), layer.inputs.max()) == (0, 127)
    with torch.no_grad():
        exact = network(pixels[:9]).double()
    scores = layer.scores(layer.inputs @ layer.weights)
    assert torch.allclose(scores, exact, atol=0.1) and not torch.equal(scores, exact)

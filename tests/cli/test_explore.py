"""`explore` through the command line, on the generators themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gatewright.flows.explore.space import load_space
from gatewright.generators.config import load_config
from gatewright.generators.registry import find

from .conftest import Gatewright

ROOT = Path(__file__).parents[2]
SPACES = sorted((ROOT / "examples" / "explore").glob("*.yaml"))

MODRED = {
    "generator": "modred",
    "config": {"modulus": "goldilocks", "technology": "asic"},
    "parameters": {"architecture": ["lut", "horner", "restoring"]},
    "objectives": {"area": "min", "time": "min"},
}


def write(**parts: object) -> None:
    Path("space.yaml").write_text(yaml.safe_dump(MODRED | parts, sort_keys=False))


def test_a_sweep_prints_its_pareto_set(gatewright: Gatewright) -> None:
    write()
    ended = gatewright("explore", "modred", "space.yaml", "--markdown", "page.md")
    assert ended.code == 0, ended.err
    assert ended.out.split()[:3] == ["architecture", "area", "time"]
    assert "3 estimated" in ended.out and "build/results.sqlite" in ended.out
    assert Path("page.md").read_text().count("\n| ") >= 2
    told = json.loads(gatewright("explore", "modred", "space.yaml", "--json", "--quiet").out)
    assert told["reused"] == 3 and told["failures"] == {}
    assert {"area", "time"} == set(told["pareto"][0]["objectives"])
    assert "Pareto" in gatewright("report", "--html").out or Path("build/report.html").exists()


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("parts", "arguments", "words"), [
    ({"objectives": {"aera": "min"}}, (), "did you mean 'area'"),
    ({"constraints": ["architecture == 'x'"]}, (), "no point meets it"),
    ({"parameters": {"architecture": []}}, (), "at least one value"),
    ({}, ("--budget", "soon"), "--budget must be"),
    ({}, ("--scheduler", "tcp://127.0.0.1:9"), "scheduler must be the address"),
    ({"workload": {"m": 3}}, (), "workload must be of"),
])  # fmt: skip
def test_wrong_sweeps_are_told_in_a_line(
    gatewright: Gatewright, monkeypatch: pytest.MonkeyPatch, parts: dict[str, object],
    arguments: tuple[str, ...], words: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("gatewright.flows.explore.cluster._PATIENCE", 1.0)
    write(**parts)
    ended = gatewright("explore", "modred", "space.yaml", "-q", *arguments)
    assert ended.code == 2 and words in ended.error


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.stem)
def test_ready_spaces_have_designs_that_can_be_modelled(path: Path) -> None:
    space = load_space(path)
    generator = find(space.generator)
    point = next(space.points())
    overrides = [f"{name}={json.dumps(value)}" for name, value in space.values(point).items()]
    config = load_config(generator.config(), None, overrides)
    assert generator.model is not None
    figures = {**space.values(point), **generator.model(config, space.workload)}
    if "synth" in space.evaluation.steps:
        figures |= {"area": 1, "delay": 1}
    assert all(objective.value(figures) is not None for objective in space.objectives)
    assert (ROOT / "docs" / "explore" / f"{path.stem}.md").is_file()


def test_every_generator_has_a_ready_space() -> None:
    assert {load_space(path).generator for path in SPACES} == {
        "flint", "gnn", "modred", "salo", "tpe"
    }  # fmt: skip

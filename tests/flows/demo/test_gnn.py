"""The gnn part of the demo in small: what is compared, what is told, and how it fails."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from gatewright.errors import CheckFailed
from gatewright.flows import demo
from gatewright.flows.demo.gnn import LAYERS, Settings, section
from gatewright.flows.gnn.engine_run import EngineModel, EngineRun

pytestmark = pytest.mark.thorough

SMALL = Settings(epochs=60, layers=("GAT, 4 heads",), vertices=1 << 11)
SECTIONS = {"gnn": section(SMALL)}


def test_network_and_layers_run_on_the_verilog(found: dict[str, Any]) -> None:
    assert found["verdict"] == "pass" and found["failure"] is None
    assert found["network"]["outputs"] == 34 * 2
    assert found["network"]["accuracy_int8"] > 0.8
    (layer,) = found["layers"].values()
    assert layer["outputs"] == layer["paused"]["outputs"] == 34 * 16
    assert layer["busy"] == layer["paused"]["busy"]
    assert layer["cycles"] < layer["paused"]["cycles"]
    assert len(LAYERS) == 8


def test_partitions_are_told(found: dict[str, Any]) -> None:
    rows = found["partition"]["rows"]
    assert rows["fggp, natural order"]["loads"] == rows["fggp, natural order"]["bound"]
    *others, best = (row["loads"] for row in rows.values())
    assert len(others) == 4 and best < min(others)


def test_page_shows_what_was_found(folder: Path, found: dict[str, Any]) -> None:
    page = (folder / "report.html").read_text()
    for table in SECTIONS["gnn"].tables(found):
        assert table.rows
        for row in table.rows:
            assert all(str(escape(cell)) in page for cell in row)
    assert 'src="gnn/club.png"' in page and (folder / "gnn" / "club.png").stat().st_size > 5000
    assert "SPSUM" in page and found["design"]["verilog_hash"][:16] in page


def test_a_wrong_output_fails_and_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = EngineModel.run

    def wrong(model: EngineModel, *arguments: Any, **options: Any) -> EngineRun:
        done = real(model, *arguments, **options)
        return dataclasses.replace(done, memory=done.memory ^ 1)

    monkeypatch.setattr(EngineModel, "run", wrong)
    with pytest.raises(CheckFailed, match=r"^output of vertex 0, column 0 must be -?\d+, not"):
        demo.run(tmp_path, sections=SECTIONS)
    assert "must be" in (tmp_path / "report.html").read_text()

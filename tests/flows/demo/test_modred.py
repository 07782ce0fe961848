"""The modred part of the demo in small: what is compared, what is told, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from gatewright.errors import CheckFailed
from gatewright.flows import demo
from gatewright.flows.demo import svg
from gatewright.flows.demo.modred import ARCHITECTURES, Settings, section
from gatewright.flows.simulation.batched import BatchedModel, StreamError
from gatewright.generators.artifacts import Build

PRIME = 3329
SMALL = Settings(
    modulus="ml-kem",
    architectures={name: ARCHITECTURES[name] for name in ("montgomery_mcm", "horner")},
    streaming=150,
    multi_cycle=40,
)
SECTIONS = {"modred": section(SMALL)}


def test_all_operands_are_compared_twice(found: dict[str, Any]) -> None:
    assert found["verdict"] == "pass" and found["failure"] is None
    assert list(found["designs"]) == ["montgomery_mcm", "horner"]
    for design in found["designs"].values():
        assert design["verdict"] == "pass"
        assert set(design["operands"]) == {"extremes", "random", "next to a multiple"}
        assert design["compared"] == 2 * sum(design["operands"].values())
        assert design["wrong"] == 0
    streaming, serial = found["designs"].values()
    assert (streaming["operands"]["random"], serial["operands"]["random"]) == (150, 40)
    assert streaming["scale"] == hex(pow(2, -12, PRIME)) and serial["scale"] == "0x1"


def test_cycles_are_the_documented_ones(found: dict[str, Any]) -> None:
    for design in found["designs"].values():
        assert design["latencies"] == [design["latency"]]
        assert design["intervals"] == [design["interval"]]
        beats = sum(design["operands"].values())
        unhindered = design["unhindered"]["cycles"]
        assert unhindered == (beats - 1) * design["interval"] + design["latency"] + 1
        assert design["stalled"]["cycles"] > unhindered
        assert design["stalled"]["stall"] > 0
    assert found["designs"]["montgomery_mcm"]["interval"] == 1 < (
        found["designs"]["horner"]["interval"]
    )


def test_the_plan_names_every_architecture(found: dict[str, Any]) -> None:
    titles = [point["title"] for point in found["plan"]["points"]]
    assert len(set(titles)) == len(titles)
    named = {title.split()[0] for title in titles}
    assert named == {
        "lut", "hybrid", "horner", "horner_cs", "barrett_mcm", "montgomery_mcm", "restoring"
    }
    assert {config["architecture"] for config in ARCHITECTURES.values()} == named
    front = [point["title"] for point in found["plan"]["points"] if point["front"]]
    assert found["plan"]["best"] in front


def test_designs_can_be_emitted_again(folder: Path, found: dict[str, Any]) -> None:
    for design in found["designs"].values():
        build = Build.load(folder / "modred" / design["folder"])
        assert build.manifest.hash == design["verilog_hash"]
        assert build.manifest.config["operation"] == "multiply"


def test_page_and_tables_show_the_figures(folder: Path, found: dict[str, Any]) -> None:
    page = (folder / "report.html").read_text()
    tables = section(SMALL).tables(found)
    assert [table.name for table in tables] == ["architectures", "products"]
    for table in tables:
        assert [row[0] for row in table.rows] == ["montgomery_mcm", "horner"]
        for row in table.rows:
            assert len(row) == len(table.header)
            assert all(f"<td>{cell}</td>" in page for cell in row)
    assert page.count('class="built"') == 2
    compared = sum(design["compared"] for design in found["designs"].values())
    assert f"<b>{compared:,}</b>" in page and found["modulus"]["value"] in page


def run_small(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """What a failed run says, and its report."""
    with pytest.raises(CheckFailed) as error:
        demo.run(tmp_path, sections=SECTIONS)
    report = json.loads((tmp_path / "report.json").read_text())["sections"]["modred"]
    assert report["verdict"] == "fail"
    page = (tmp_path / "report.html").read_text()
    assert all(escape(line.strip()) in page for line in report["failure"]["explanation"])
    return str(error.value), report


def test_a_wrong_product_is_told_and_others_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BatchedModel.run_streams
    runs = []

    def faulty(self: BatchedModel, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        runs.append(args[0]["i"])
        if len(runs) == 1:
            result.outputs["o"][7, 0] ^= 1
        return result

    monkeypatch.setattr(BatchedModel, "run_streams", faulty)
    told, report = run_small(tmp_path)
    montgomery, horner = report["designs"].values()
    assert (montgomery["verdict"], montgomery["wrong"], horner["verdict"]) == ("fail", 1, "pass")
    packed = int(runs[0][7, 0])
    a, b = packed & 0xFFF, packed >> 12
    expected = a * b * pow(2, -12, PRIME) % PRIME
    assert f"montgomery_mcm: 1 of {montgomery['compared']} products differ" in told
    for line in (f"a        {a:#x}", f"b        {b:#x}", f"expected {expected:#x}",
                 f"got      {expected ^ 1:#x}"):  # fmt: skip
        assert line in told


def test_a_late_product_fails_though_it_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BatchedModel.run_streams

    def late(self: BatchedModel, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        result.when["o"][3] += 1
        return result

    monkeypatch.setattr(BatchedModel, "run_streams", late)
    told, report = run_small(tmp_path)
    assert {design["verdict"] for design in report["designs"].values()} == {"fail"}
    latency = report["designs"]["horner"]["latency"]
    assert f"horner: products must take {latency} cycles" in told
    assert f"not [{latency}, {latency + 1}]" in told


def test_a_deadlock_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(*_: Any, **__: Any) -> None:
        raise StreamError("deadlock: no beat moved\n  o: 0 of 4 beats")

    monkeypatch.setattr(BatchedModel, "run_streams", stuck)
    told, report = run_small(tmp_path)
    assert "montgomery_mcm: deadlock: no beat moved" in told
    assert "horner:   o: 0 of 4 beats" in told
    assert section(SMALL).tables(report)[1].rows == []


def test_labels_of_a_scatter_plot_keep_clear_of_each_other() -> None:
    marks = [svg.Mark(10, 100 + at / 10, "built", f"point {at}") for at in range(5)]
    text = svg.scatter(marks, x_title="x", y_title="y")
    places = [piece.split(">")[0] for piece in text.split('<text class="label"')[1:]]
    assert len(set(places)) == 5

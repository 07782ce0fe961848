"""The salo part of the demo in small: what is compared, what is told, and how it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from markupsafe import escape

from gatewright.errors import CheckFailed
from gatewright.flows import demo
from gatewright.flows.demo import digits
from gatewright.flows.demo.salo import MASKS, Settings, section
from gatewright.flows.demo.salo_network import Network, pattern, train
from gatewright.flows.simulation.batched import BatchedModel, StreamResult
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.terms import Band

pytestmark = pytest.mark.thorough

SMALL = Settings(
    network=Network(heads=2, head=10, window=5, digits=40, epochs=2), samples=7, rows=4, cols=4,
    masks={"a window": Pattern(200, 200, [Band(-40, 40)])},
)  # fmt: skip
SECTIONS = {"salo": section(SMALL)}
TOKENS = 1 + 7 * 8


def test_every_head_runs_on_the_verilog(found: dict[str, Any]) -> None:
    assert found["verdict"] == "pass" and found["failure"] is None
    design = found["design"]
    assert (design["heads"], design["outputs"]) == (2, 2 * TOKENS * 10)
    assert (design["stalled"]["heads"], design["stalled"]["outputs"]) == (1, TOKENS * 10)
    assert design["cycles"] == design["due"] == found["schedule"]["cycles"]
    assert design["reason_to_wait"] is None
    assert design["stalled"]["simulated"] > design["simulated"] / 2


def test_errors_are_told_apart(found: dict[str, Any]) -> None:
    attention = found["attention"]
    assert 0 < attention["datapath_error"] < 0.004
    assert attention["datapath_error"] < attention["quantiser_error"] < 0.05
    assert attention["error"] < attention["quantiser_error"] + attention["datapath_error"]
    accuracy = found["accuracy"]
    assert list(accuracy) == ["float32", "engine"]
    assert 0 < accuracy["engine"]["largest_difference"] < 0.5


def test_page_shows_what_was_found(folder: Path, found: dict[str, Any]) -> None:
    page = (folder / "report.html").read_text()
    tables = {table.name: table for table in SECTIONS["salo"].tables(found)}
    for table in tables.values():
        assert table.rows
        for row in table.rows:
            assert all(str(escape(cell)) in page for cell in row)
    assert 'src="salo/mask.png"' in page and (folder / "salo" / "mask.png").stat().st_size > 5000
    assert found["design"]["verilog_hash"][:16] in page


def test_a_wrong_output_fails_and_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = BatchedModel.run_streams

    def wrong(model: BatchedModel, *arguments: Any, **options: Any) -> StreamResult:
        done = real(model, *arguments, **options)
        field = next(
            each for each in model.manifest.stream("results").fields
            if each.name == "rows.0.value"
        )  # fmt: skip
        done.outputs["results"][9, field.offset // 32] ^= 1 << field.offset % 32
        return done

    monkeypatch.setattr(BatchedModel, "run_streams", wrong)
    with pytest.raises(CheckFailed, match=r"^output of head 0, query \d+, element 9 must be -?\d+"):
        demo.run(tmp_path, sections=SECTIONS)
    assert "must be" in (tmp_path / "report.html").read_text()


def test_the_network_attends_to_the_pairs_of_the_pattern() -> None:
    data = digits.load(6)
    reader = train(data, Network(heads=2, head=8, window=5, epochs=1), 0, lambda *_: None)
    x = torch.randn(1 + 8 * 6, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        exact = reader._attend(x)
        for token in (0, 1, 20):
            changed = x.clone()
            changed[token] += 1
            queries = (reader._attend(changed) != exact).any(dim=1).nonzero().flatten().tolist()
            mask = pattern(6, 5)
            place, key = mask.pairs(torch.arange(mask.queries).numpy())
            assert queries == sorted({*place[key == token].tolist(), token})


def test_masks_at_full_size_are_those_of_the_brief() -> None:
    assert [mask.queries for mask in MASKS.values()] == [4096, 4096, 4096, 1024]
    band, ends, far = 4096 * 513, 256 * 257, 4096 - 257
    assert next(iter(MASKS.values())).allowed == band - ends + 2 * far

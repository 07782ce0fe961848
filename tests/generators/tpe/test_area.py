"""The area of engines by their structure, against what synthesis made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.generators.tpe.area import area
from gatewright.generators.tpe.config import TpeConfig
from gatewright.generators.tpe.model import model

MEASURED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "areas.json").read_text())


def test_areas_are_within_nine_percent_of_synthesis() -> None:
    """Target ge, fast recipes. Coefficients are of 2 x 2; what is larger was not fitted."""
    errors = []
    for each in MEASURED:
        told = {name: value for name, value in each.items() if name != "area"}
        estimate = area(TpeConfig(**told))
        assert estimate is not None
        errors.append(estimate / each["area"] - 1)
        assert abs(errors[-1]) < 0.09, (told, errors[-1])
    assert len(errors) >= 34 and sum(map(abs, errors)) / len(errors) < 0.035
    assert any(each["rows"] > 2 for each in MEASURED)


def test_the_model_tells_the_area_of_what_was_measured() -> None:
    small = {"m": 2, "k": 4, "n": 2}
    assert model(TpeConfig(rows=2, cols=2), small)["area"] == pytest.approx(8866, abs=1)
    assert "area" not in model(TpeConfig(array="laconic"), small)
    sizes = [area(TpeConfig(rows=rows)) or 0 for rows in (2, 4, 8)]
    assert sizes[0] < sizes[1] < sizes[2]
    narrow, wide = (area(TpeConfig(a_width=width)) or 0 for width in (4, 16))
    assert narrow < wide

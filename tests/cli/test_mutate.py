"""``gatewright mutate``: a small run from end to end, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Gatewright


@pytest.mark.soak
def test_a_run(gatewright: Gatewright, tmp_path: Path) -> None:
    ended = gatewright(
        "mutate", "modred", "-p", "modulus=29", "-p", "architecture=lut", "--count", "6",
        "--target", "0.5", "--json", "-o", str(tmp_path),
    )  # fmt: skip
    report = json.loads(ended.out)
    assert ended.code == 0 and report["verdict"] == "pass"
    parts = report["killed"] + len(report["equivalent"]) + len(report["survivors"])
    assert report["ran"] == report["mutants"] == parts == 6
    assert report["killed"] >= 3
    assert all(each["found_by"] for each in report["kills"])
    assert json.loads((tmp_path / "mutate" / "report.json").read_bytes()) == report


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "generator must be one of"),
        (["flint", "--modules", "nope*", "-p", "rows=1", "-p", "cols=1"], "modules must match"),
    ],
)
def test_refused_in_one_line(
    gatewright: Gatewright, tmp_path: Path, arguments: list[str], told: str
) -> None:
    ended = gatewright("mutate", *arguments, "-q", "-o", str(tmp_path))
    assert ended.code == 2 and told in ended.error

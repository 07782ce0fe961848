"""``gatewright prove``: what it lists, decides and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Gatewright


@pytest.mark.parametrize("name", ["fabric", "flint", "gnn", "modred", "salo", "tpe"])
def test_every_generator_claims_something(gatewright: Gatewright, name: str) -> None:
    more = ["-p", "modulus=40961"] if name == "modred" else []
    ended = gatewright("prove", name, "--list", "--json", *more)
    listed = json.loads(ended.out)
    names = [each["name"] for each in listed]
    assert ended.code == 0 and len(names) >= 9 and len(set(names)) == len(names)
    assert all(len(each["says"]) > 20 for each in listed)


def test_a_proof_and_its_report(gatewright: Gatewright, tmp_path: Path) -> None:
    ended = gatewright("prove", "fabric", "--only", "pipeline", "-o", str(tmp_path))
    assert ended.code == 0 and "1 proved" in ended.out and "proving fabric" in ended.err
    report = json.loads((tmp_path / "report.json").read_bytes())
    (found,) = report["properties"]
    assert report["verdict"] == "pass" and report["step"] == "prove"
    assert found["name"] == "pipeline.delays" and found["verdict"] == "proved"
    assert {"engine", "depth", "seconds", "method"} <= found.keys()


def test_bounds_and_tables_of_a_large_modulus(
    gatewright: Gatewright, tmp_path: Path
) -> None:
    ended = gatewright(
        "prove", "modred", "-p", "modulus=0x1fffffffffffffffffffffff1", "--only", "bounds",
        "--only", "tables", "--json", "-q", "-o", str(tmp_path),
    )  # fmt: skip
    report = json.loads(ended.out)
    assert ended.code == 0 and report["counts"]["proved"] == len(report["properties"]) >= 2
    assert any("residue: at most" in note for note in report["properties"][0]["notes"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "generator must be one of"),
        (["fabric", "-p", "depth=2"], "-c and -p must be left out for fabric"),
        (["fabric", "--only", "fifo-9"], "--only must name a property that --list tells"),
        (["flint", "-p", "rows=0"], "rows must be"),
    ],
)
def test_refused_in_one_line(
    gatewright: Gatewright, arguments: list[str], told: str
) -> None:
    ended = gatewright("prove", *arguments)
    assert ended.code == 2 and told in ended.error

"""gatewright modred: plan, moduli and certificate, and every way to ask them wrongly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gatewright.generators.artifacts import Build
from gatewright.generators.modred.catalogue import CATALOGUE

from .conftest import Gatewright


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["plan"], r"missing argument 'MODULUS'"),
        (["plan", "1"], r"modulus must be at least 2, not 1: every residue modulo 1 is 0"),
        (["plan", "ml-kme"], r"modulus must be a number or one of .*; did you mean 'ml-kem'\?"),
        (["plan", "2^^3"], r"modulus must be decimal, 0x hexadecimal or an expression .*"),
        (["plan", "2^20000"], r"modulus must be of at most 16384 bits, not of 20001 bits"),
        (["plan", "97", "--width", "0"], r"invalid value for '--width': .*"),
        (["plan", "97", "--target", "fpga"], r"invalid value for .*'--target': .*'ecp5', 'asic'"),
        (["plan", "97", "--max-area", "-3"], r"max-area must be a positive number, not -3"),
        (["plan", "97", "--max-latency", "0"], r"max-latency must be a positive number, not 0"),
        (["plan", "97", "--min-throughput", "0"], r"min-throughput must be a positive .* not 0"),
        (["plan", "97", "--period", "nan"], r"period must be a positive number, not nan"),
        (["plan", "97", "--max-table-bits", "-1"], r"invalid value for '--max-table-bits': .*"),
        (["plan", "97", "--max-area", "1"], r"constraints must be met by .*max-area is 1 .*"),
        (["plan", "97", "--choose", "0"], r"choose must be from 1 to \d+, not 0"),
        (["plan", "97", "--choose", "magic"], r"choose must be from 1 .* not 'magic'"),
        (["plan", "97", "--picture", "x.pdf"], r"picture must end in \.svg or \.png, not 'x.pdf'"),
        (["plan", "97", "--verify-cost", "0"], r"invalid value for '--verify-cost': .*"),
        (["certificate", "-p", "modulus=0"], r"-p: modulus must be at least 2, not 0: .*"),
        (["certificate", "-p", "lut=4"], r"-p: field must be one of modulus, .*"),
        (["plot", "97"], r"command must be one of plan, moduli, certificate, not 'plot'.*"),
    ],
)
def test_bad_input(gatewright: Gatewright, arguments: list[str], line: str) -> None:
    ended = gatewright("modred", *arguments)
    assert ended.code == 2
    assert re.fullmatch(f"error: {line}", ended.error), ended.error
    assert list(Path().iterdir()) == []


def test_plan_prints_the_front_and_why_the_others_lost(gatewright: Gatewright) -> None:
    ended = gatewright("modred", "plan", "0x9ff63c0179e58219", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    ended = gatewright("modred", "plan", "0x9ff63c0179e58219")
    assert ended.code == 0
    assert re.search(r"128 bits modulo 64 bits on ecp5: \d+ of \d+ methods", ended.out)
    assert "* chosen: " in ended.out
    assert re.search(r"^hybrid .*dominated by ", ended.out, re.MULTILINE)
    every = gatewright("modred", "plan", "0x9ff63c0179e58219", "--all").out
    assert every.count("dominated by") > 50


def test_plan_as_json(gatewright: Gatewright) -> None:
    ended = gatewright("modred", "plan", "babybear", "--json", "--quiet", "--target", "asic")
    told = json.loads(ended.out)
    assert (told["modulus"], told["bits"], told["width"]) == ("0x78000001", 31, 62)
    assert told["chosen"] == told["front"][0]["method"]
    assert {"area", "period", "interval", "latency", "table_bits"} <= told["front"][0].keys()
    assert all(point["reason"] for point in told["others"])


def test_plan_emits_the_chosen_one(gatewright: Gatewright) -> None:
    ended = gatewright(
        "modred", "plan", "ml-dsa", "--min-throughput", "1", "--choose", "2", "-o", "out", "--json"
    )
    assert ended.code == 0
    told = json.loads(ended.out)
    build = Build.load(Path("out"))
    assert build.manifest.throughput == {"cycles_per_result": 1}
    chosen = told["front"][1]
    assert told["chosen"] == chosen["method"]
    assert build.manifest.config["architecture"] == chosen["config"]["architecture"]
    assert build.manifest.latency["cycles"] == chosen["latency"]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_plan_draws(gatewright: Gatewright, suffix: str) -> None:
    path = Path(f"plan.{suffix}")
    assert gatewright("modred", "plan", "ml-kem", "--picture", str(path)).code == 0
    data = path.read_bytes()
    if suffix == "png":
        assert data.startswith(b"\x89PNG")
    else:
        texts = [each.text for each in ElementTree.fromstring(data).iter() if each.text]
        assert any("time per result" in text for text in texts)
        assert any("barrett_mcm" in text for text in texts)
    gatewright("modred", "plan", "ml-kem", "--picture", str(path))
    assert path.read_bytes() == data, "the same plan gives the same picture"


@pytest.mark.thorough
def test_verify_cost_tells_the_error(gatewright: Gatewright) -> None:
    ended = gatewright(
        "modred", "plan", "ml-kem", "--target", "asic", "--verify-cost", "1", "--json", "--quiet"
    )
    (row,) = json.loads(ended.out)["measured"]
    assert row["area"] > 0 and row["period"] > 0
    assert row["area_error"] == pytest.approx(row["area_model"] / row["area"] - 1, abs=1e-3)


def test_moduli(gatewright: Gatewright) -> None:
    told = json.loads(gatewright("modred", "moduli", "--json").out)
    assert len(told) == len(CATALOGUE)
    assert {"name", "bits", "value", "two_adicity", "source", "use"} == told[0].keys()
    table = gatewright("modred", "moduli").out
    for entry in CATALOGUE:
        assert re.search(rf"^{re.escape(entry.title)} +{entry.bits} ", table, re.MULTILINE)


def test_certificate(gatewright: Gatewright) -> None:
    arguments = ["-p", "modulus=babybear", "-p", "architecture=barrett_mcm"]
    told = json.loads(gatewright("modred", "certificate", *arguments, "--json").out)
    assert told["bounds"]
    for line in told["bounds"]:
        assert line["holds"] is True
        assert int(line["largest"], 16).bit_length() == line["bits"]
        assert line["limit"] is None or int(line["largest"], 16) <= int(line["limit"], 16)
    table = gatewright("modred", "certificate", *arguments).out
    for line in told["bounds"]:
        assert line["stage"] in table
    gatewright("emit", "modred", *arguments, "-o", "out")
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert len(manifest["latency"]["bounds"]) == len(told["bounds"])

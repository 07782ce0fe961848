"""``gatewright energy``: what it tells, what it keeps, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Gatewright

RUN = ("energy", "tiny", "-p", "width=3", "-o", "build/tiny", "--operations", "100")


def test_energy_of_a_design_and_where_it_goes(gatewright: Gatewright) -> None:
    ended = gatewright(*RUN, "--vcd")
    assert ended.code == 0, ended.err
    for words in ("energy per cycle", "energy per operation", "modules", "activity.saif"):
        assert words in ended.out, words
    folder = Path("build/tiny/energy-ge")
    report = json.loads((folder / "report.json").read_bytes())
    assert report["energy"] == pytest.approx(
        report["energy_switching"] + report["energy_internal"], rel=1e-4
    )
    assert report["operations"] == 100 and report["power"] is None
    assert report["energy_per_operation"] == pytest.approx(
        report["energy"] * report["activity_cycles"] / 100, rel=1e-4
    )
    top = Path(report["flat_netlist"]).name.partition(".")[0]
    assert f"(INSTANCE {top}" in (folder / "activity.saif").read_text()
    again = gatewright(*RUN, "--vcd")
    assert "--force repeats it" in again.err
    told = json.loads(gatewright("report", "--designs", "--json").out)
    assert told["rows"][0]["energy_per_operation"] > 0
    # The same activity from its file is the same energy.
    saif = Path("own.saif")
    saif.write_bytes((folder / "activity.saif").read_bytes())
    same = json.loads(gatewright("energy", "build/tiny", "--activity", str(saif), "--json").out)
    assert same["energy"] == report["energy"] and same["workload"] == "activity: own.saif"


@pytest.mark.parametrize(("arguments", "words"), [
    (("-t", "ecp5-25k"), "target must be ge or liberty:FILE"),
    (("--replay", "a.vcd", "--activity", "b.saif"), "must not be given together"),
    (("--activity", "none.saif"), "--activity must be a file that can be read"),
    (("--frequency", "0"), "--frequency"),
])  # fmt: skip
def test_wrong_questions_are_told(
    gatewright: Gatewright, arguments: tuple[str, ...], words: str
) -> None:
    ended = gatewright(*RUN, *arguments, "-q")
    assert ended.code == 2 and words in ended.error

"""Activity: counted in dumps, written and read as SAIF, sampled for a replay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatewright.errors import InputError
from gatewright.flows.power.activity import activity_file, read_activity
from gatewright.flows.power.replay import samples
from gatewright.flows.power.saif import read_saif, saif
from gatewright.generators.artifacts import Manifest, Port

DUMP = """$timescale 10 ps $end
$scope module bench $end
$var wire 1 z clk $end
$scope module top $end
$var wire 1 c clk $end
$var wire 1 a net_1 $end
$var wire 1 a net_2 $end
$var wire 3 v bus [2:0] $end
$var string 1 s name $end
$upscope $end $upscope $end
$enddefinitions $end
#0
0c
1z
1a
bx v
#5
1c
b1 v
#10
0c
0a
#15
1c
1a
b110 v
#20
0c
"""
LABELS = {0: "clk", 1: "net_1", 2: "net_2", 3: "bus[0]", 4: "bus[1]", 5: "bus[2]"}


def test_activity_is_counted_once_whatever_a_net_is_called() -> None:
    activity = read_activity(DUMP.splitlines(keepends=True), LABELS, "clk")
    assert activity.cycles == 2 and activity.duration == 20 and activity.unit_fs == 10_000
    assert activity.toggles == {0: 4, 1: 2, 2: 2, 3: 1, 4: 1, 5: 1}
    assert activity.rate(1) == 1 and activity.duty(1) == 15 / 20
    # Neither is a change from no value to one a change between 0 and 1.
    assert activity.unknown == {3: 5, 4: 5, 5: 5}
    assert [activity.high[net] for net in (3, 4, 5)] == [10, 5, 5]


@pytest.mark.parametrize(("text", "words"), [
    ("$enddefinitions $end\n#0\n", "scope with the design's signals"),
    (DUMP.replace("1c\n", ""), "clock clk must run"),
    (DUMP.replace("10 ps", "10 parsec"), "timescale"), ("$var wire", "end its definitions"),
])  # fmt: skip
def test_a_dump_that_tells_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_activity(text.splitlines(keepends=True), LABELS, "clk")


def test_saif_tells_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    path.write_text(DUMP)
    activity = activity_file(path, LABELS, "clk")
    text = saif(activity, LABELS, "top")
    assert "(TIMESCALE 10 ps)" in text and "(DURATION 20)" in text
    assert r"(bus\[2\] (T0 10) (T1 5) (TX 5) (TC 1) (IG 0))" in text
    # The times of each net add up to the whole.
    for times in re.findall(r"T0 (\d+)\) \(T1 (\d+)\) \(TX (\d+)", text):
        assert sum(map(int, times)) == 20
    other = tmp_path / "a.saif"
    other.write_text(text)
    assert activity_file(other, LABELS, "clk") == activity
    # As other tools write it: nested in a testbench, with comments and ports.
    nested = re.sub(r"\(INSTANCE top(.*)\)\s*$", r"(INSTANCE bench /* no */ (INSTANCE u\1))",
                    text.replace("(NET", "(PORT"), flags=re.DOTALL)  # fmt: skip
    assert read_saif(nested, LABELS, "clk") == activity


@pytest.mark.parametrize(("text", "words"), [
    ("", "must be SAIF"), ("(SAIFILE (DURATION 5))", "must be SAIF"),
    ("(SAIFILE (DURATION 5) (TIMESCALE 1 ns) (INSTANCE a (NET (b (T1 1)))))", "instance with"),
    ("(SAIFILE (DURATION 5) (TIMESCALE 1 ns) (INSTANCE a (NET (clk (T1 1) (TX 0) (TC 0)))))",
     "clock clk must run"),
])  # fmt: skip
def test_what_is_no_saif_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.saif"
    path.write_text(text)
    with pytest.raises(InputError, match=f"x.saif: .*{words}"):
        activity_file(path, LABELS, "clk")
    with pytest.raises(InputError, match="can be read"):
        activity_file(tmp_path / "none.vcd", LABELS, "clk")


def test_ports_are_sampled_before_the_edge() -> None:
    manifest = Manifest(
        generator="x", design="x", top="top", verilog=(), config={}, config_hash="", hash="",
        clock="clk", reset=None,
        ports=(Port("net_1", "in", 1), Port("bus", "out", 3), Port("gone", "out", 1)),
    )  # fmt: skip
    seen = samples(DUMP.splitlines(keepends=True), manifest)
    # What changes with the edge belongs to the cycle after it.
    assert seen == {"clk": [0, 0], "net_1": [1, 0], "bus": [None, 1]}
    lacking = Manifest(**{**vars(manifest), "ports": (Port("other", "in", 1),)})
    with pytest.raises(InputError, match="lacks other"):
        samples(DUMP.splitlines(keepends=True), lacking)

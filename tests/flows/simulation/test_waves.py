from __future__ import annotations

import io

from gatewright.flows.simulation.waves import NamedSignal, named_signals, rewrite

from .conftest import Tally

DUMP = """$timescale 1ns $end
$scope module top $end
$var wire 4 ! kind [3:0] $end
$var wire 1 " clk $end
$scope module sub $end
$var reg 2 # state [1:0] $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
$dumpvars
bx !
0"
b0 #
$end
#2
1"
b101 !
#4
0"
b10 #
#6
1"
b1x01 !
"""

SIGNALS = [
    NamedSignal(("top",), "kind", "low", 0, 2, {1: "ONE"}),
    NamedSignal(("top",), "kind", "high", 2, 2, {1: "ONE"}),
    NamedSignal(("top", "sub"), "state", "state__name", 0, 0, {0: "IDLE", 2: "RUN"}),
    NamedSignal(("top", "gone"), "state", "gone", 0, 0, {}),
]


def rewritten(window: tuple[int, int] | None = None) -> list[str]:
    target = io.StringIO()
    rewrite(DUMP.splitlines(keepends=True), target, SIGNALS, window)
    return target.getvalue().splitlines()


def test_names_stand_beside_the_bits() -> None:
    lines = rewritten()
    assert lines[3:5] == ["$var string 1 name0 low $end", "$var string 1 name1 high $end"]
    assert lines[8] == "$var string 1 name2 state__name $end"
    assert "gone" not in "".join(lines)
    body = lines[lines.index("#0") :]
    assert [line for line in lines if line in DUMP.splitlines()] == DUMP.splitlines()
    assert body[:10] == [
        "#0", "$dumpvars", "bx !", "sxx name0", "sxx name1", '0"', "b0 #", "sIDLE name2", "$end",
        "#2",
    ]  # fmt: skip
    assert body[10:14] == ['1"', "b101 !", "sONE name0", "sONE name1"]
    assert body[14:] == [
        "#4", '0"', "b10 #", "sRUN name2", "#6", '1"', "b1x01 !", "sONE name0", "s1x name1",
    ]  # fmt: skip


def test_a_window_starts_complete_and_ends_in_time() -> None:
    lines = rewritten((3, 5))
    body = lines[lines.index("$enddefinitions $end") + 1 :]
    assert body[0] == "#3"
    assert set(body[1:7]) == {"b101 !", "sONE name0", "sONE name1", '1"', "b0 #", "sIDLE name2"}
    assert body[7:] == ["#4", '0"', "b10 #", "sRUN name2"]


def test_a_window_may_start_at_a_change() -> None:
    lines = rewritten((4, 4))
    body = lines[lines.index("$enddefinitions $end") + 1 :]
    assert body.count("#4") == 1
    assert body[-3:] == ['0"', "b10 #", "sRUN name2"]


def test_all_signals_with_names_are_found(tally: Tally) -> None:
    found = {(s.scope, s.signal): (s.label, s.offset, s.width) for s in named_signals(tally())}
    assert found == {
        (("tally",), "item__payload"): ("item__payload__kind", 8, 2),
        (("tally",), "total__payload"): ("total__payload__kind", 16, 2),
        (("tally", "control"), "state"): ("state__name", 0, 0),
    }

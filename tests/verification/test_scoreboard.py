from __future__ import annotations

import pytest

from gatewright.generators.artifacts import Field, Stream
from gatewright.verification.coverage import Coverage
from gatewright.verification.scoreboard import Scoreboard


@pytest.fixture
def board() -> Scoreboard:
    fields = (
        Field("0", 0, 4, True),
        Field("1", 4, 4, True),
        Field("kind", 8, 1, False, {"0": "INT", "1": "FLINT"}),
    )
    return Scoreboard([Stream("out", "out", "v", "r", "p", 9, "", fields)])


def test_equal_beats_pass_and_are_counted(board: Scoreboard) -> None:
    board.expect("out", [1, 2])
    board.expect("out", [3])
    for beat in (1, 2, 3):
        assert board.remaining() == 4 - beat
        board.check("out", beat)
    assert board.failure is None
    assert board.remaining() == 0
    assert board.progress("out") == "3 of 3 beats"


def test_first_difference_is_told_with_its_operands(board: Scoreboard) -> None:
    board.expect("out", [0x000])
    board.expect("out", [0x011, 0x012], lambda beat, element: {"beat": beat, "element": element})
    for got in (0x000, 0x011, 0x1F2, 0x999):
        board.check("out", got, cycle=9, time=20)
    failure = board.failure
    assert failure is not None
    assert (failure.kind, failure.stream, failure.beat) == ("mismatch", "out", 2)
    assert (failure.element, failure.expected, failure.got) == ("1", "1", "-1")
    assert failure.operands == {"beat": "1", "element": "1"}
    assert (failure.cycle, failure.time) == (9, 20)
    assert "2 of 3 elements differ" in failure.what


def test_enum_elements_are_told_by_name(board: Scoreboard) -> None:
    board.expect("out", [0x100])
    board.check("out", 0x000)
    assert board.failure is not None
    assert (board.failure.expected, board.failure.got) == ("FLINT", "INT")


def test_a_surplus_beat_fails(board: Scoreboard) -> None:
    board.expect("out", [5])
    board.check("out", 5)
    board.check("out", 6)
    assert board.failure is not None
    assert board.failure.kind == "surplus"
    assert "only 1 were expected" in board.failure.what


def test_a_stream_without_expectations_is_not_checked(board: Scoreboard) -> None:
    board.check("out", 5)
    assert board.failure is None


def test_coverage_reports_what_was_missed() -> None:
    coverage = Coverage()
    coverage.declare("kind", ["INT", "FLINT", "POT"])
    coverage.hit("kind", "INT", 3)
    coverage.merge({"kind": {"FLINT": 1}, "more": {"once": 1}})
    assert coverage.report() == {
        "points": {"kind": {"INT": 3, "FLINT": 1, "POT": 0}, "more": {"once": 1}},
        "bins": 4,
        "hit": 3,
        "missed": ["kind: POT"],
        "excused": {},
    }


def test_an_excuse_counts_only_where_a_bin_is_not_hit() -> None:
    coverage = Coverage()
    coverage.declare("kind", ["INT", "FLINT", "POT"])
    coverage.excuse("kind", ["FLINT", "POT"], "not built")
    coverage.merge({"kind": {"POT": 2}}, {"depth": {"0": "none"}})
    told = coverage.report()
    assert (told["missed"], told["excused"]) == (["kind: INT"], {"kind: FLINT": "not built"})
    assert (told["bins"], told["hit"]) == (3, 1)

"""Progress lines and tables."""

from __future__ import annotations

import io
import sys

import pytest

from gatewright.cli.console import Console, progress_words


@pytest.mark.parametrize(
    ("done", "total", "seconds", "words"),
    [
        (0, 100, 0.0, "0/100 (0 %)"),
        (40, 100, 2.0, "40/100 (40 %), 20/s, 3 s left"),
        (100, 100, 2.0, "100/100 (100 %), 50/s"),
        (5000, 9000, 1.0, "5,000/9,000 (56 %), 5,000/s, 1 s left"),
        (0.25, 1, 2.0, "25 %, 6 s left"),
        (1, 1, 2.0, "100 %"),
        (0, 0, 0.0, "0 %"),
    ],
)
def test_progress_words(done: float, total: float, seconds: float, words: str) -> None:
    assert progress_words(done, total, seconds) == words


def test_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Console().progress() as progress:
        for done in range(101):
            progress("first", done, 100)
        progress("second", 1, 4)
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert lines[0] == "first: 0/100 (0 %)"
    assert lines[1].startswith("first: 100/100 (100 %)")
    assert lines[2].startswith("second: 1/4 (25 %)") and len(lines) == 3


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(quiet=True)
    with console.progress() as progress:
        progress("job", 1, 1)
    console.say("text")
    console.table("title", ["a"], [["b"]])
    assert capsys.readouterr() == ("", "")


def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Console().progress() as progress:
        progress("job", 1, 4)
        progress("job", 2, 4)
    assert "job" in screen.getvalue() and "2/4 (50 %)" in screen.getvalue()


def test_json_is_the_only_output(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(json=True)
    console.say("text")
    console.table("title", ["a"], [["b"]])
    console.document({"a": "×"})
    assert capsys.readouterr() == ('{\n  "a": "×"\n}\n', "")


def test_table_is_not_cut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    words = "a long meaning of a field, " * 8
    Console().table("Fields", ["field", "meaning"], [["rows", words], ["[red]x", "y"]])
    text = capsys.readouterr().out
    assert text.startswith("Fields\n")
    assert " ".join(words.split()) in " ".join(text.split())
    assert "[red]x" in text, "a cell is text, not markup"

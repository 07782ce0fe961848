"""Every way to go wrong: the exit code, one line on stderr, nothing on stdout, nothing written."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import termios
import time
from array import array
from pathlib import Path

import pytest

from .conftest import TINY, Gatewright


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["emti"], r"command must be one of list, .*, not 'emti'; did you mean 'emit'\?"),
        (["tiny", "ad"], r"no such command 'ad'\. Did you mean 'add'\?"),
        (["--versoin"], r"no such option: --versoin \(Possible options: --version\)"),
        (["emit", "tiny", "--jsno"], r"no such option: --jsno \(Possible options: .*--json.*\)"),
        (["emit"], r"missing argument 'NAME'"),
        (["emit", "tiny", "extra"], r"got unexpected extra argument\(s\) \(extra\)"),
        (["emit", "tiny", "-o"], r"option '-o' requires an argument"),
        (["emit", "tniy"], r"generator must be one of .*, not 'tniy'; did you mean 'tiny'\?"),
        (["describe", "nothing"], r"generator must be one of .*, not 'nothing'.*"),
        (["emit", "tiny", "-p", "width=0"], r"-p: width must be an integer from 1 to 64, not 0"),
        (["emit", "tiny", "-p", "wdith=3"], r"-p: field must be one of width, names, not .*"),
        (["emit", "tiny", "-p", "width"], r"-p must be key=value, not 'width'"),
        (["emit", "tiny", "-c", "no.yaml"], r"no\.yaml: must be a readable file: No such file.*"),
        (["describe", "tiny", "-c", "."], r"\.: must be a readable file: Is a directory"),
        (["sim", "tiny", "--seed", "x"],
         r"invalid value for '--seed': must be a valid integer, not 'x'"),
        (["sim", "tiny", "--seed", "-1"],
         r"invalid value for '--seed': must be greater than or equal to 0, not '-1'"),
        (["synth", "tiny", "--placements", "101"],
         r"invalid value for '--placements': must be less than or equal to 100, not '101'"),
        (["synth", "tiny", "--objective", "best"],
         r"invalid value for '--objective': 'best' is not one of 'area', 'delay', 'area_delay'"),
        (["sim", "tinny"], r"generator must be one of .*, not 'tinny'; did you mean 'tiny'\?"),
        (["synth", "tinny"], r"generator must be one of .*, not 'tinny'; did you mean 'tiny'\?"),
        (["tiny", "add", "x"], r"invalid value for 'left': must be a valid integer, not 'x'"),
    ],
)
def test_bad_input(gatewright: Gatewright, arguments: list[str], line: str) -> None:
    ended = gatewright(*arguments)
    assert ended.code == 2
    assert re.fullmatch(f"error: {line}", ended.error), ended.error
    assert list(Path().iterdir()) == []


def test_bad_values_in_a_file_name_the_file(gatewright: Gatewright) -> None:
    Path("tiny.yaml").write_text("width: wide\n")
    ended = gatewright("emit", "tiny", "-c", "tiny.yaml")
    assert ended.code == 2
    assert ended.error == "error: tiny.yaml: width must be an integer from 1 to 64, not 'wide'"
    assert [path.name for path in Path().iterdir()] == ["tiny.yaml"]


def test_folder_that_cannot_be_written(gatewright: Gatewright) -> None:
    Path("out").write_text("a file")
    ended = gatewright("emit", "tiny", "-o", "out/design")
    assert ended.code == 2
    assert re.match(r"error: out/design: Not a directory", ended.error)
    assert Path("out").read_text() == "a file"


def test_build_folder_keeps_its_config(gatewright: Gatewright) -> None:
    gatewright("emit", "tiny", "-o", "out")
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    for option in (["-p", "width=3"], ["-c", "x.yaml"], ["-o", "other"]):
        for command in ("sim", "synth"):
            ended = gatewright(command, "out", *option)
            assert ended.code == 2
            assert re.match(rf"error: .*{option[0]}\b.* must be left out", ended.error)
    assert {path: path.read_bytes() for path in Path("out").iterdir()} == before


def test_folder_that_is_no_build(gatewright: Gatewright) -> None:
    Path("out").mkdir()
    ended = gatewright("synth", "out")
    assert ended.code == 2
    assert re.match(r"error: out/manifest.json must be a readable manifest", ended.error)


def test_failed_check(gatewright: Gatewright) -> None:
    ended = gatewright("tiny", "fail", "check")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "failed: 2 of 9 sums differ\nfirst: beat 3\n"


def test_bad_input_is_always_one_line(gatewright: Gatewright) -> None:
    ended = gatewright("tiny", "fail", "input")
    assert (ended.code, ended.error) == (2, "error: tensor must be finite, not nan")


def test_interrupt(gatewright: Gatewright) -> None:
    ended = gatewright("tiny", "fail", "interrupt")
    assert (ended.code, ended.error) == (130, "interrupted")


def test_system_error(gatewright: Gatewright) -> None:
    ended = gatewright("tiny", "fail", "system")
    assert (ended.code, ended.error) == (2, "error: /build: No space left on device")


def test_own_fault(gatewright: Gatewright) -> None:
    ended = gatewright("tiny", "fail", "fault")
    assert ended.code == 70
    assert ended.error.startswith("fault: ZeroDivisionError: 1/0 (")


@pytest.mark.parametrize(("how", "code"), [("fault", 70), ("check", 1), ("input", 2)])
def test_debug_shows_the_traceback(gatewright: Gatewright, how: str, code: int) -> None:
    ended = gatewright("tiny", "fail", how, "--debug")
    assert ended.code == code
    assert ended.err.startswith("Traceback") and "tiny_commands.py" in ended.err


def _process(*arguments: str) -> subprocess.Popen[str]:
    # A shell that runs the tests in the background has them ignore ctrl-c, and so their children.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from gatewright.cli import main; sys.exit(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TINY), *sys.path])},
    )


def test_reader_that_goes_away() -> None:
    command = _process("describe", "tiny", "--json")
    assert command.stdout is not None and command.stderr is not None
    command.stdout.close()
    assert command.wait() == 141
    assert command.stderr.read() == ""


def test_ctrl_c_in_a_process(tmp_path: Path) -> None:
    """A real SIGINT while a command reads its config from a pipe that never ends."""
    fifo = tmp_path / "config.yaml"
    os.mkfifo(fifo)
    command = _process("emit", "tiny", "-c", str(fifo), "-o", str(tmp_path / "out"))
    assert command.stderr is not None
    writer = None
    while writer is None:
        assert command.poll() is None, command.stderr.read()
        with contextlib.suppress(OSError):  # nobody reads it yet
            writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.05)
    os.write(writer, b"# more to come\n")
    unread = array("i", [1])
    while unread[0]:  # then it waits for more: before, the signal could come too early to wake it
        time.sleep(0.2)
        fcntl.ioctl(writer, termios.FIONREAD, unread)
    for _ in range(10):  # a signal just before a system call blocks does not wake that either
        command.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            command.wait(timeout=2)
            break
    command.kill()
    assert command.wait() == 130
    os.close(writer)
    assert command.stderr.read() == "interrupted\n"
    assert not (tmp_path / "out").exists()

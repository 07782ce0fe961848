from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatewright.flows.simulation import cache
from gatewright.flows.simulation.cache import cache_root, cached


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GATEWRIGHT_CACHE", str(tmp_path))
    return tmp_path


SLOW = """
import sys, time
from pathlib import Path
from gatewright.flows.simulation.cache import cached

def make(folder):
    with Path(sys.argv[1]).open("a") as file:
        file.write("made\\n")
    (folder / "first").write_text("1")
    time.sleep(0.3)
    (folder / "second").write_text("2")

entry = cached("kind", ["key"], make)
print((entry / "first").read_text() + (entry / "second").read_text())
"""


def test_processes_share_one_making(root: Path) -> None:
    log = root / "log"
    command = [sys.executable, "-c", SLOW, str(log)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60)[0] for process in running] == ["12\n"] * 3
    assert log.read_text() == "made\n"


def test_what_fails_leaves_nothing(root: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cached("kind", ["key"], fail)
    assert not list(root.rglob("half"))
    entry = cached("kind", ["key"], lambda folder: (folder / "whole").touch())
    assert [path.name for path in entry.iterdir()] == ["whole"]


def test_every_part_of_the_key_counts() -> None:
    keys: list[list[str | bytes]] = [["ab", "c"], ["a", "bc"], ["abc"], ["ab", "c", ""], [b"x"]]
    assert len({cached("kind", key, lambda folder: None) for key in keys}) == len(keys)
    assert cached("kind", ["abc"], lambda folder: None) == cached("kind", [b"abc"], pytest.fail)


def test_old_entries_go_when_new_ones_come(monkeypatch: pytest.MonkeyPatch) -> None:
    old = cached("kind", ["old"], lambda folder: (folder / "file").touch())
    used = cached("kind", ["used"], lambda folder: None)
    monkeypatch.setattr(cache, "_KEEP_SECONDS", 100)
    for entry in (old, used):
        os.utime(entry, (time.time() - 1000,) * 2)
    cached("kind", ["used"], pytest.fail)
    cached("kind", ["new"], lambda folder: None)
    assert not old.exists()
    assert used.exists()


def test_the_default_root_is_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWRIGHT_CACHE")
    assert cache_root().name == "gatewright"

"""A small design of the tests' own, and copies of it with seeded faults."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatewright.generators.artifacts import Build

TALLY = Path(__file__).parent / "tally"

Tally = Callable[..., Build]


@pytest.fixture
def tally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tally:
    """Copies the design into a build folder, with one piece of its Verilog replaced if asked."""
    monkeypatch.syspath_prepend(str(TALLY))

    def make(old: str = "", new: str = "", **manifest: object) -> Build:
        folder = tmp_path / "tally"
        shutil.copytree(TALLY, folder, dirs_exist_ok=True)
        if old:
            text = (TALLY / "tally.v").read_text()
            assert text.count(old) == 1, "the fault must change one place"
            (folder / "tally.v").write_text(text.replace(old, new))
        if manifest:
            told = json.loads((TALLY / "manifest.json").read_text())
            (folder / "manifest.json").write_text(json.dumps(told | manifest))
        return Build.load(folder)

    return make


@pytest.fixture
def quick_simulator() -> str:
    """The simulator that builds soonest: for faults, of which each is a build of its own."""
    return "icarus" if shutil.which("iverilog") else "verilator"

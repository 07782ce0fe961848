"""Running command lines, with a generator of another package installed beside ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatewright.cli import main
from gatewright.generators import registry

TINY = Path(__file__).parent / "tiny"


@dataclass(frozen=True)
class Ended:
    """What a command line did: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on stderr of a command that said nothing else."""
        assert self.out == ""
        assert self.err.endswith("\n") and self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err.removesuffix("\n")


Gatewright = Callable[..., Ended]


@pytest.fixture
def gatewright(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Gatewright]:
    """Run a command line in an empty folder, with the tiny generator installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(TINY)
    registry.generators.cache_clear()

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    yield run
    registry.generators.cache_clear()
    for name in ("tiny_generator", "tiny_commands"):
        sys.modules.pop(name, None)

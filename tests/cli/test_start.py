"""Start-up: what the program imports before it knows what is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

_HEAVY = ("torch", "pyosys", "cocotb", "matplotlib", "sklearn", "numpy", "amaranth")
_SCRIPT = """
import json, sys, time
start = time.process_time()
from gatewright.cli import main
code = main(sys.argv[1:])
spent = time.process_time() - start
print(json.dumps([code, spent, sorted({name.split(".")[0] for name in sys.modules})]))
"""


@pytest.mark.one_in(2)
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list", "--json"]])
def test_start_is_quick_and_imports_nothing_heavy(arguments: list[str]) -> None:
    # Processor time, and the best of three, so that a busy machine does not fail it: 0.1 s.
    assert min(started(arguments) for _ in range(3)) < 0.5


def started(arguments: list[str]) -> float:
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    code, spent, modules = json.loads(ran.stdout.splitlines()[-1])
    assert code == 0
    assert set(_HEAVY) & set(modules) == set()
    return float(spent)

"""The page holds what the reports of mutants and simulations tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.errors import InputError
from gatewright.flows.formal.page import page

MUTANT = {
    "number": 4, "module": "lut", "mode": "const0", "where": "lut.v:30 not Y[0]",
    "text": "assign ready = ~ valid;", "told_apart": "bounded", "scope": "design", "cycles": 9,
}  # fmt: skip


def write(folder: Path, name: str, **report: Any) -> None:
    (folder / name).mkdir()
    told = {"generator": "modred", "config": {"modulus": 29}, "seed": 1, **report}
    (folder / name / "report.json").write_text(json.dumps(told))


def test_mutants_and_their_reasons(tmp_path: Path) -> None:
    argued = MUTANT | {"number": 5, "mode": "inv", "reason": "Only speed changes."}
    write(
        tmp_path, "mutants", step="mutate", mutants=40, modules=["lut", "table"], patterns=["*"],
        ran=40, killed=37, equivalent=[argued], survivors=[MUTANT], score=0.9737,
    )  # fmt: skip
    text = page(tmp_path)
    assert "gatewright mutate modred -p modulus=29 --modules '*' --count 40 --seed 1" in text
    assert "| modred | all, in 2 | 40 | 37 | 1 | 1 | 97.4% |" in text
    survivors = text[text.index("Survivors:") :]
    assert "const0 at lut.v:30 not Y[0]: `assign ready = ~ valid;`" in survivors
    assert "Only speed changes." in text[text.index("Equivalent by argument:") :][:300]
    assert "Only speed changes." not in survivors


def test_bins_lines_and_bits(tmp_path: Path) -> None:
    places = [
        {"module": "lut", "where": f"lut.v:{line}", "kind": "line", "what": "if taken"}
        for line in range(14)
    ]
    write(
        tmp_path, "sim", step="sim", cycles=12345,
        coverage={"bins": 9, "hit": 7, "missed": ["operands: dense"],
                  "excused": {"stream i: idle": "it never is."}},
        structure={"line": [86, 100], "toggle": [3, 4], "uncovered": places},
    )  # fmt: skip
    text = page(tmp_path)
    assert "gatewright sim modred -p modulus=29 --seed 1 --coverage" in text
    assert "| modred | 12,345 | 9 | 7 | 1 | 1 | 86.0% of 100 | 75.0% of 4 |" in text
    assert "- modred, `stream i: idle`: it never is.\n" in text
    assert "- modred, `operands: dense`" in text
    assert "lut.v:11, if taken" in text and "lut.v:12" not in text
    assert "more: 2 in `lut`" in text


def test_nothing_to_tell(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must hold reports of prove, mutate or sim"):
        page(tmp_path)

"""The page holds what the reports of mutants and simulations tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.errors import InputError
from gatewright.flows.formal.page import page
from gatewright.flows.formal.page_settings import settings
from gatewright.generators.config import load_config
from gatewright.generators.gnn.config import GnnConfig

ROOT = Path(__file__).parents[3]

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
    unasked = argued | {"number": 6, "mode": "cnot0", "told_apart": "not asked", "cycles": 0}
    write(
        tmp_path, "mutants", step="mutate", mutants=40, modules=["lut", "table"], patterns=["*"],
        ran=40, killed=37, equivalent=[argued, unasked], survivors=[MUTANT], score=0.9737,
    )  # fmt: skip
    text = page(tmp_path)
    assert "gatewright mutate modred -p modulus=29 --modules '*' --count 40 --seed 1" in text
    assert "| modred | all, in 2 | 40 | 37 | 2 | 1 | 97.4% |" in text
    survivors = text[text.index("Survivors:") :]
    assert "const0 at lut.v:30 not Y[0]: `assign ready = ~ valid;`" in survivors
    equal = text[text.index("Equivalent by argument:") :]
    assert "(model checker: bounded, 9 cycles of the design). Only speed changes." in equal
    assert "(model checker: not asked). Only speed changes." in equal
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


def test_random_designs(tmp_path: Path) -> None:
    write(tmp_path, "sim", step="sim", cycles=1, structure=None,
          coverage={"bins": 1, "hit": 1, "missed": [], "excused": {}})  # fmt: skip
    wrong = {"number": 3, "params": ["modulus=29", "dsp=true"], "wrong": ["stream o, beat 1", "i"]}
    values = {"dsp": {"true": 8, "false": 0}, "width": {"least": 2, "most": 9}}
    record = {
        "legal": 9, "refused": 4, "faults": {"unknown field": 6, "list": 7}, "cycles": 1234,
        "values": values, "failures": [], "mended": [wrong],
    }
    (tmp_path / "fuzz_record.json").write_text(json.dumps({"modred": record}))
    text = page(tmp_path)
    assert "python -m tests.generators.fuzz_soak modred" in text
    assert "| modred | 9 | 4 | 13 | 1 of 2 | 1,234 | 0 |" in text
    assert "- modred, `modulus=29 dsp=true`: stream o, beat 1\n" in text


def test_the_page_tells_what_the_kept_reports_tell() -> None:
    kept = ROOT / "docs" / "verification"
    assert page(kept) == kept.with_suffix(".md").read_text()


def test_nothing_to_tell(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must hold reports of prove, mutate or sim"):
        page(tmp_path)


@pytest.mark.parametrize("words", [["preset=tiny"], ["preset=tiny", "threads=4"], []])
def test_commands_name_what_a_preset_does_not(words: list[str]) -> None:
    config = load_config(GnnConfig, None, words).model_dump(mode="json")
    assert settings("gnn", config) == "".join(f" -p {word}" for word in words)

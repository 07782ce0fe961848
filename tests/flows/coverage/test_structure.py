"""Verilator's counts become shares by module and places that were not exercised."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.errors import InputError
from gatewright.flows.coverage.structure import read_counts, structure


def entry(kind: str, module: str, line: int, what: str, instance: str, count: int) -> str:
    keys = {"f": "/somewhere/array.v", "l": line, "n": 3, "page": f"v_{kind}/{module}", "o": what,
            "h": f"array.{instance}"}  # fmt: skip
    told = "".join(f"\x01{key}\x02{value}" for key, value in keys.items())
    return f"C '{told}' {count}"


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    lines = ["# SystemC::Coverage-3"]
    lines.append(entry("line", "array", 4, "block", "", 7))
    # Of two instances one took the branch.
    lines += [entry("branch", "element", 20, "if", f"e{i}", i) for i in range(2)]
    lines += [entry("branch", "element", 20, "else", f"e{i}", 0) for i in range(2)]
    for bit in range(6):
        both = 0 if bit in (1, 2, 5) else 3
        lines.append(entry("toggle", "element", 30, f"sum[{bit}]:0->1", "e0", 2))
        lines.append(entry("toggle", "element", 30, f"sum[{bit}]:1->0", "e0", both))
    lines += [entry("toggle", "element", 31, f"valid:{edge}", "e0", 0) for edge in ("0->1", "1->0")]
    path = tmp_path / "coverage.dat"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_instances_count_together_and_a_bit_must_go_both_ways(counts: Path) -> None:
    told = structure(read_counts(counts), "array")
    assert list(told["modules"]) == ["array", "element"]
    assert told["modules"]["element"] == {"line": [1, 2], "toggle": [3, 7]}
    assert (told["line"], told["toggle"]) == ([2, 3], [3, 7])
    assert told["uncovered"] == [
        {"module": "element", "where": "array.v:20", "kind": "line", "what": "if not taken"},
        {"module": "element", "where": "array.v:30", "kind": "toggle", "what": "sum[5,2:1]"},
        {"module": "element", "where": "array.v:31", "kind": "toggle", "what": "valid"},
    ]


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("nothing\n")
    with pytest.raises(InputError, match=r"x must hold the counts of Verilator"):
        read_counts(tmp_path / "x")

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.errors import CheckFailed
from gatewright.flows.lint import lint
from gatewright.generators.artifacts import Build, Manifest

GOOD = """
module good(input [3:0] a, input [3:0] b, output [3:0] x, output y);
  wire [4:0] wide = {1'b0, a} + {1'b0, b};
  assign x = wide[4:1];
  assign y = !a;
endmodule
"""


def build(folder: Path, text: str) -> Build:
    manifest = Manifest(
        generator="test", design="good", top="good", verilog=("good.v",), config={},
        config_hash="", hash="", clock=None, reset=None, ports=(),
    )  # fmt: skip
    made = Build(folder, manifest)
    made.save({"good.v": text})
    return made


def test_the_printers_style_is_waived(tmp_path: Path) -> None:
    lint(build(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("assign x = wide[4:1]", "assign x = wide", "WIDTHTRUNC"),
        ("assign y = !a", "reg y_; always @(a) if (a[0]) y_ = 1'b1; assign y = y_", "LATCH"),
        ("assign y = !a;", "", "UNDRIVEN"),
        ("assign y = !a", "assign y = undeclared", "Can't find"),
        ("assign y = !a", "assign y = ;", "Error"),
    ],
)
def test_anything_else_is_told(tmp_path: Path, old: str, new: str, rule: str) -> None:
    with pytest.raises(CheckFailed, match=rf"^good must lint without warning:\n(.*\n)*%.*{rule}"):
        lint(build(tmp_path, GOOD.replace(old, new)))

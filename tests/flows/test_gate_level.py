"""The gates of each accelerator pass the testbench of its Verilog, and Icarus agrees."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from gatewright.flows.simulation.simulate import simulate
from gatewright.flows.synthesis import synthesize, yosys
from gatewright.generators.artifacts import Build, digest
from gatewright.generators.build import build_design
from gatewright.generators.registry import find

from .memory_macros import split

SMALL: dict[str, dict[str, Any]] = {
    "flint": {"rows": 2, "cols": 2, "max_k": 16},
    "gnn": {"preset": "tiny", "accumulator_words": 128, "local_words": 256, "edge_words": 64,
            "weight_words": 704, "max_sources": 16, "max_edges": 16, "bias_words": 24, "tables": 2,
            "instructions": 64, "psum_rows": 4, "outstanding": 2},
    "modred": {"modulus": 40961, "architecture": "lut"},
    "salo": {"rows": 2, "cols": 2, "dk_max": 4, "dv_max": 4, "max_tokens": 8, "program_words": 128},
    "tpe": {"rows": 2, "cols": 2},
}  # fmt: skip
SOAK = [pytest.param(name, marks=pytest.mark.soak) for name in SMALL]


def design(name: str, folder: Path) -> Build:
    generator = find(name)
    return build_design(generator, generator.config()(**SMALL[name]), folder)


def gates(build: Build, folder: Path) -> Build:
    """The design as cells of the library of gate equivalents, with what each cell does.

    Large memories, which a chip has as macros, stay Verilog.
    """
    parts = split(build, build.folder / "parts")
    out = build.folder / "synth"
    synthesize(parts.logic, "ge", recipes="fast", out=out)
    folder.mkdir()
    cells = folder / "cells.v"
    library = Path(str(files("gatewright.constraints").joinpath("ge.lib")))
    yosys.run(
        [f"read_liberty {yosys.quote(library)}", "proc",
         f"write_verilog -noattr {yosys.quote(cells)}"],
        folder, "cells",
    )  # fmt: skip
    mapped = (out / f"{parts.logic.manifest.top}.mapped.v").read_text()
    assert "posedge" not in mapped
    text = mapped + cells.read_text() + parts.rest
    name = f"{build.manifest.top}.v"
    manifest = replace(build.manifest, verilog=(name,), hash=digest(text), enums={})
    changed = Build(folder, manifest)
    changed.save({name: text})
    return changed


def passes(build: Build, simulator: str) -> None:
    report = simulate(build, simulator=simulator, seed=3)
    assert report["verdict"] == "pass" and len(report["tests"]) > 0


@pytest.mark.parametrize("name", SOAK)
def test_gates_do_what_the_verilog_does(tmp_path: Path, name: str) -> None:
    build = gates(design(name, tmp_path / "rtl"), tmp_path / "gates")
    passes(build, "verilator")


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
@pytest.mark.parametrize("name", SOAK)
def test_icarus_agrees(tmp_path: Path, name: str) -> None:
    passes(design(name, tmp_path / "rtl"), "icarus")

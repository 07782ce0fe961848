"""``simulate`` with the counts of lines and bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.errors import InputError
from gatewright.flows.simulation.simulate import simulate
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.modred import generator
from gatewright.generators.modred.config import ModredConfig


def design(folder: Path) -> Build:
    return build_design(generator, ModredConfig(modulus=29, architecture="lut"), folder)


@pytest.mark.soak
def test_lines_and_bits_of_a_design(tmp_path: Path) -> None:
    report = simulate(design(tmp_path), lines=True, seed=1)
    told = report["structure"]
    assert report["verdict"] == "pass"
    assert next(iter(told["modules"])) == report["design"]
    hit, points = told["toggle"]
    assert 0.9 < hit / points <= 1
    assert all(place["where"].startswith(f"{report['design']}.v:") for place in told["uncovered"])


def test_icarus_counts_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"simulator must be verilator for coverage, not 'icarus'"):
        simulate(design(tmp_path), simulator="icarus", lines=True)

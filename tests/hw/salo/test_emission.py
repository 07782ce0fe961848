"""The Verilog of units: linted, and each element there once."""

from __future__ import annotations

import re

import pytest

from gatewright.flows.lint import lint
from gatewright.generators.artifacts import Build, Manifest, digest
from gatewright.generators.emission import emit
from gatewright.hw.salo.array import SaloArray
from gatewright.hw.salo.array_parameters import ArrayParameters
from gatewright.hw.salo.engine import SaloEngine
from gatewright.hw.salo.normaliser import Normaliser, NormaliserParameters
from gatewright.hw.salo.processing_element import ProcessingElement
from gatewright.hw.salo.skew import Skew, SkewParameters
from gatewright.hw.salo.weighted_sum import WeightedSum, WeightedSumParameters
from gatewright.hw.unit import Unit
from gatewright.tests.hw.salo.engine_bench import engine_parameters
from gatewright.tests.hw.salo.reference import datapath

SMALL = ArrayParameters(
    datapath=datapath("hw8", dk_max=4), rows=2, cols=4, segments=2, gather=1, global_rows=2,
    torus=True,
)  # fmt: skip
PRIVATE = ArrayParameters(
    datapath=datapath("hw12", dk_max=4, pipeline=0), rows=1, cols=1, gather=0, global_rows=1,
    global_row_kv="private",
)  # fmt: skip
SUMS = WeightedSumParameters(datapath=datapath("hw8", dk_max=4), dv_max=4, slots=3)
UNITS = [
    ProcessingElement(datapath("hw8")), ProcessingElement(datapath("hw12", pipeline=0)),
    SaloArray(SMALL), SaloArray(PRIVATE), Skew(SkewParameters.of_kv(SMALL)),
    Skew(SkewParameters.of_rider_kv(PRIVATE)), WeightedSum(WeightedSumParameters()),
    WeightedSum(SUMS), Normaliser(NormaliserParameters(sums=SUMS, rows=4, lanes=2)),
    Normaliser(NormaliserParameters(sums=SUMS, rows=1, lanes=1)),
    SaloEngine(engine_parameters(2, 2, 1, "2", lanes=1, result_blocks=1, head=7)),
    SaloEngine(engine_parameters((1, 1), 1, 0, "1p", torus=True, fmt="hw12", reads=5)),
]  # fmt: skip


@pytest.mark.one_in(12)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{type(unit).__name__}")
def test_lint(unit: Unit, tmp_path) -> None:
    emission = emit(unit)
    manifest = Manifest(
        "test", "test", emission.top, ("test.v",), {}, "", digest(emission.verilog), "clk", "rst",
        (),
    )  # fmt: skip
    build = Build(tmp_path, manifest)
    build.save({"test.v": emission.verilog})
    lint(build)


def test_each_module_once() -> None:
    """A row of the array, one of the riders, and one element for all of them."""
    modules = re.findall(r"^module (\w+)", emit(SaloArray(SMALL)).verilog, re.MULTILINE)
    assert sorted(modules) == ["processing_element", "row_cols_4", "row_cols_5", "salo_array"]

"""The Verilog of elements: linted, and simulated in volume by the engine that users have."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.flows.lint import lint
from gatewright.flows.simulation.batched import BatchedModel
from gatewright.generators.artifacts import Build, Manifest, Port, digest
from gatewright.generators.emission import emit
from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.adder_tree import AdderTree, AdderTreeParameters
from gatewright.hw.tpe.array_parameters import Level
from gatewright.hw.tpe.correction import Correction, RowCorrection
from gatewright.hw.tpe.cube import Cube, CubeParameters
from gatewright.hw.tpe.digit_row import DigitSource
from gatewright.hw.tpe.digit_serial import DigitSerialParameters
from gatewright.hw.tpe.digit_serial_grid import DigitSerialGrid, DigitSerialGridParameters
from gatewright.hw.tpe.laconic import Laconic, LaconicParameters
from gatewright.hw.tpe.laconic_array import LaconicArray, LaconicArrayParameters
from gatewright.hw.tpe.matrix_2d import Matrix2d, Matrix2dParameters
from gatewright.hw.tpe.opt1 import Opt1, Opt1Parameters
from gatewright.hw.tpe.opt3 import Opt3, Opt3Parameters
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.hw.tpe.resolve import Resolve, ResolveParameters
from gatewright.hw.tpe.systolic_os import SystolicOs, SystolicOsParameters
from gatewright.hw.tpe.systolic_ws import SystolicWs, SystolicWsParameters
from gatewright.hw.unit import flat_ports
from gatewright.tests.hw.tpe.cases import EXACT, ROW, every_element

INT8 = OperandParameters()


def build_of(unit, folder) -> Build:
    emission = emit(unit)
    inputs = {name for name, member in unit.signature.members.items() if member.flow.name == "In"}
    ports = tuple(
        Port(name, "in" if name in inputs else "out", len(value))
        for name, _, value in flat_ports(unit)
    )
    manifest = Manifest(
        "test", "test", emission.top, ("test.v",), {}, "", digest(emission.verilog),
        "clk", "rst", ports,
    )  # fmt: skip
    build = Build(folder, manifest)
    build.save({"test.v": emission.verilog})
    return build


ROW_PARAMETERS = Opt1Parameters(operands=INT8, accumulator_width=32, correction=ROW)
LINTED = [
    *((case.cls, case.p) for case in every_element(INT8, 32)[::4]),
    (Opt3, Opt3Parameters(serial=DigitSerialParameters(accumulator_width=20))),
    (Laconic, LaconicParameters(accumulator_width=20, lanes=4)),
    (RowCorrection, ROW_PARAMETERS.row_correction),
    (DigitSerialGrid, DigitSerialGridParameters(rows=2, cols=2)),
    (DigitSerialGrid, DigitSerialGridParameters(
        rows=2, cols=2, lanes=1, level=Level.OPT4C, group=16, minimum=0, c_input=True
    )),
    (DigitSerialGrid, DigitSerialGridParameters(rows=2, cols=2, source=DigitSource.STREAM)),
    (LaconicArray, LaconicArrayParameters(rows=2, cols=2, lanes=4, c_input=True)),
    *((SystolicOs, SystolicOsParameters(rows=2, cols=3, level=level)) for level in Level
      if level in SystolicOsParameters.LEVELS),
    (SystolicOs, SystolicOsParameters(rows=1, cols=1, back_pressure=False)),
    (SystolicOs, SystolicOsParameters(
        rows=2, cols=2, c_input=True, resolve_stages=3, result_width=8, saturate=True
    )),
    *((Matrix2d, Matrix2dParameters(rows=2, cols=3, level=level)) for level in Level
      if level in SystolicOsParameters.LEVELS),
    (Matrix2d, Matrix2dParameters(rows=2, cols=2, level=Level.OPT2, lanes=3, c_input=True)),
    (Matrix2d, Matrix2dParameters(
        rows=1, cols=2, level=Level.OPT2, lanes=2, back_pressure=False
    )),
    *((SystolicWs, SystolicWsParameters(depth=2, cols=2, level=level)) for level in Level
      if level in SystolicWsParameters.LEVELS),
    (SystolicWs, SystolicWsParameters(depth=1, cols=1, back_pressure=False)),
    (SystolicWs, SystolicWsParameters(
        depth=3, cols=2, c_input=True, resolve_stages=3, result_width=8, saturate=True
    )),
    *((AdderTree, AdderTreeParameters(depth=5, cols=2, level=level, group=2)) for level in Level
      if level in AdderTreeParameters.LEVELS),
    (AdderTree, AdderTreeParameters(depth=4, cols=1, accumulate=False, back_pressure=False)),
    *((Cube, CubeParameters(rows=1, cols=2, depth=2, level=level, accumulate=False, c_input=True))
      for level in Level if level in CubeParameters.LEVELS),
    (Cube, CubeParameters(rows=2, cols=1, depth=3, back_pressure=False, resolve_stages=2)),
    (Resolve, ResolveParameters(width=32, words=2, stages=3, result_width=8, saturate=True)),
]


@pytest.mark.one_in(12)
@pytest.mark.parametrize("cls, p", LINTED, ids=[cls.__name__ for cls, _ in LINTED])
def test_no_warning(cls, p, tmp_path):
    lint(build_of(cls(p), tmp_path))


@pytest.mark.thorough
@pytest.mark.parametrize("correction", [EXACT, ROW])
def test_all_pairs_of_8_bits_in_verilog(correction: Correction, tmp_path):
    """Compiled Verilog, all pairs on one sum after another: the sums that are told beforehand."""
    p = Opt1Parameters(
        operands=INT8, accumulator_width=32, encoding=Encoding.BOOTH, correction=correction
    )
    model = BatchedModel(build_of(Opt1(p), tmp_path))
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)))
    first = (np.arange(len(a)) % 100 == 0) * 1
    rows = model.run_cycles(model.pack_inputs(
        {"a": a & 255, "b": b & 255, "first": first, "enable": np.ones_like(a)}
    ))  # fmt: skip
    shown = model.unpack_outputs(rows)
    pair = shown["sum"].astype(np.int64) + shown["carry"].astype(np.int64)
    steps = a.astype(np.int64) * b
    if correction is ROW:
        # What the pair has too much in each step.
        steps += sum(row.bias for row in p.rows)
        steps -= sum((a >> row.shift + 1 & 1) << row.shift for row in p.rows)
    sums = np.cumsum(steps)
    starts = np.maximum.accumulate(np.where(first, np.arange(len(a)), 0))
    expected = sums - (sums - steps)[starts]
    assert ((pair[1:] - expected[:-1]) % (1 << 32) == 0).all()

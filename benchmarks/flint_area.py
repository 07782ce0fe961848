"""Area and speed of the adaptive-type array beside the best plain int4 array and ANT's.

The same array, accumulators, queues and borders around different processing elements, through the
same flow: every front end and ABC recipe on every design, the best by the objective. The plain
int4 baseline is the smaller of a multiplier and a digit element. Nangate45 is read from
GATEWRIGHT_LIBERTY or from shared/liberty beside the project; without it the built-in technology
file is used.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from amaranth.hdl import Module, Signal
from rows import Row, row

from gatewright.flows.synthesis import compare
from gatewright.generators.artifacts import Build, Manifest, digest
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.emission import emit
from gatewright.generators.registry import find
from gatewright.hw.flint.array import FlintArray
from gatewright.hw.flint.cluster_row import ClusterRow, ClusterRowParameters
from gatewright.hw.flint.datapath import ShiftDatapath
from gatewright.hw.flint.parameters import ArrayParameters
from gatewright.hw.unit import Unit

COMMON = ["activation_sign=signed"]
DESIGNS = {
    "int4, multiplier": ["types=int", "pe=plain"],
    "int4, digits": ["types=int", "pe=digit"],
    "int+flint, digits": ["types=int,flint", "pe=digit"],
    "int+flint, shift (ANT)": ["types=int,flint", "pe=shift"],
    "int+flint, shift as published": ["types=int,flint", "pe=shift"],
    "int+flint, naive": ["types=int,flint", "pe=naive"],
}
BASELINE, _, OURS, ANT, PUBLISHED, _ = DESIGNS
INT = list(DESIGNS)[:2]


class PublishedShift(ShiftDatapath):
    """ANT's element without our offset addend: the product is sign-extended to the accumulator."""

    @property
    def product_bits(self) -> int:
        return 32


def target() -> tuple[str, str]:
    shared = Path(__file__).parents[2] / "shared" / "liberty" / "nangate45_typ.lib.gz"
    path = Path(os.environ.get("GATEWRIGHT_LIBERTY", shared))
    return (f"liberty:{path}", "um2") if path.exists() else ("ge", "GE")


def parameters(name: str, *overrides: str) -> ArrayParameters:
    config: Any = load_config(
        find("flint").config(), None, [*COMMON, *DESIGNS[name], *overrides]
    )
    p: ArrayParameters = config.parameters
    if name == PUBLISHED:
        p = replace(p, datapath=PublishedShift(p.datapath.activation, p.datapath.weight))
    return p


def array(name: str, folder: Path, *overrides: str) -> Build:
    return _build(FlintArray(parameters(name, *overrides)), folder / digest(name, *overrides)[:12])


class Element(Unit):
    """A processing element with registers of its own for both operands and drain."""

    def __init__(self, p: ClusterRowParameters) -> None:
        self._row = ClusterRow(p)
        super().__init__(p, dict(self._row.signature.members))

    def body(self) -> Module:
        m = Module()
        m.submodules.row = row = self._row
        weights = Signal.like(self.weights, reset_less=True)
        m.d.sync += weights.eq(self.weights)
        m.d.comb += [
            row.weights.eq(weights),
            row.activations.eq(self.activations),
            row.drain.eq(self.drain),
            row.below.eq(self.below),
            self.accumulators.eq(row.accumulators),
        ]
        return m


def element(name: str, folder: Path, *overrides: str) -> Build:
    p = parameters(name, *overrides)
    unit = Element(ClusterRowParameters(p.pe, 1, 1, 1))
    return _build(unit, folder / digest("element", name, *overrides)[:12])


def _build(unit: Unit, folder: Path) -> Build:
    text = emit(unit, name="dut").verilog
    build = Build(
        folder,
        Manifest(
            generator="flint", design="dut", top="dut", verilog=("dut.v",), config={},
            config_hash="", hash=digest(text), clock="clk", reset="rst", ports=(),
        ),
    )
    build.save({"dut.v": text})
    return build


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = _elements(folder, "24-bit sums", ("area", "area_delay"), "acc_width=24")
        rows += _elements(folder, "sums by proof (20, 22 bits)", ("area",))
        rows += _arrays(folder)
        rows += _fpga(folder)
    return rows


def _elements(
    folder: Path, title: str, objectives: tuple[Any, ...], *overrides: str
) -> list[Row]:
    where, unit = target()
    builds = {name: element(name, folder, *overrides) for name in DESIGNS}
    rows = []
    for objective in objectives:
        results = {
            report["name"]: report
            for report in compare(builds, BASELINE, where, objective=objective, flatten=True)
        }
        rows += _compared(results, f"element, {title}, {objective}", unit, 1.12, None)
    return rows


def _arrays(folder: Path) -> list[Row]:
    where, unit = target()
    overrides = ["rows=16", "cols=16", "acc_width=24"]
    names = [*INT, OURS, ANT, PUBLISHED]
    builds = {name: array(name, folder, *overrides) for name in names}
    results = {
        report["name"]: report
        for report in compare(builds, BASELINE, where, objective="area", flatten=True)
    }
    return _compared(results, "16x16, 24-bit sums, flattened, area", unit, 1.15, 0.87)


def _compared(
    results: dict[str, dict[str, Any]], title: str, unit: str, to_int: float | None,
    to_ant: float | None,
) -> list[Row]:
    """Return rows of area and delay against the best int4 design and against ANT's."""
    plain = min((results[name] for name in INT), key=lambda report: report["area"])
    rows = []
    for name, result in results.items():
        target_ratio = to_int if name == OURS else None
        rows.append(_against(f"{title}: {name}", result, plain, "area", unit, target_ratio))
    for other in INT:
        title_of_path = f"{title}: critical path, {OURS} against {other}"
        unit_of_path = results[OURS]["delay_unit"]
        target_ratio = 1.0 if to_int and other == BASELINE else None
        rows.append(
            _against(
                title_of_path, results[OURS], results[other], "delay", unit_of_path, target_ratio
            )
        )
    ours = results[OURS]
    rows += [
        _against(f"{title}: {OURS} against {other}", ours, results[other], "area", unit, to_ant)
        for other in (ANT, PUBLISHED)
        if other in results
    ]
    return rows


def _against(
    name: str, result: dict[str, Any], baseline: dict[str, Any], key: str, unit: str,
    target_ratio: float | None,
) -> Row:
    """A row of one figure of two reports, with a limit for their ratio."""
    return row(
        name, result[key], unit, baseline=baseline[key], target=target_ratio, target_is="ratio",
        at_most=True,
    )


def _fpga(folder: Path) -> list[Row]:
    flint = find("flint")
    builds = {}
    for name in [*INT, OURS]:
        settings = [*COMMON, *DESIGNS[name], "rows=8", "cols=8", "acc_width=24"]
        # Placement needs the ports, hence the whole build.
        config = load_config(flint.config(), None, settings)
        builds[name] = build_design(flint, config, folder / digest("ecp5", name)[:12])
    results = {
        report["name"]: report
        for report in compare(builds, BASELINE, "ecp5-85k", dsp=False)
    }
    return _compared(results, "ECP5 8x8 without DSPs, LUTs", "LUT", 1.10, None)


if __name__ == "__main__":
    for each in run():
        print(each)

"""Elements and arrays of the tensor engines, the paper's claims, cycles, and simulated speed.

Standard cells are Nangate45, read from GATEWRIGHT_LIBERTY or from shared/liberty beside the
project, else of the built-in technology file (without the targets, which are of Nangate45). All
designs of a comparison go through the same flow, hierarchy dissolved, and of each the mapping with
the least area x delay counts; elements get all recipes, arrays the fast ones, and all front ends
with Booth multipliers. Arrays have int8 operands, 32-bit sums, and no back-pressure, which the
published ones lack; ours and the baselines differ in the level of their elements alone.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.errors import CheckFailed
from gatewright.flows.simulation.batched import BatchedModel
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.registry import find
from gatewright.generators.tpe.design import engine
from gatewright.generators.tpe.engine import Engine
from gatewright.golden.tpe.arrays import Laconic
from gatewright.golden.tpe.cycles import schedule
from gatewright.golden.tpe.distributions import gaussian, numbers, uniform
from gatewright.golden.tpe.statistics import digit_statistics, expected_cycles
from gatewright.hw.tpe.adder_tree import AdderTree, AdderTreeParameters
from gatewright.hw.tpe.array_parameters import Level
from gatewright.hw.tpe.behavioural import Behavioural, MacParameters
from gatewright.hw.tpe.correction import Correction
from gatewright.hw.tpe.cube import Cube, CubeParameters
from gatewright.hw.tpe.digit_row import DigitRow
from gatewright.hw.tpe.digit_serial import DigitSerialParameters
from gatewright.hw.tpe.digit_serial_grid import DigitSerialGridParameters, OperandBuffer
from gatewright.hw.tpe.dot_product import DotProductParameters
from gatewright.hw.tpe.laconic_array import LaconicArrayParameters, LaconicCell
from gatewright.hw.tpe.mac import Mac
from gatewright.hw.tpe.matrix_2d import Matrix2d, Matrix2dParameters
from gatewright.hw.tpe.opt1 import Opt1, Opt1Parameters
from gatewright.hw.tpe.opt4c import Opt4c
from gatewright.hw.tpe.opt4e import Opt4e
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.hw.tpe.systolic_os import SystolicOs, SystolicOsParameters
from gatewright.hw.tpe.systolic_ws import SystolicWs, SystolicWsParameters
from gatewright.hw.tpe.term_lane import TermLane
from gatewright.hw.unit import Unit
from gatewright.verification.tpe.stimulus import Design, random_tile

sys.path.insert(0, str(Path(__file__).parent))

from flint_area import target
from rows import Row, row
from tpe_units import (
    OpenGrid,
    Registered,
    RegisteredParameters,
    ResolvedTile,
    ResolvedTileParameters,
    Workshop,
    least_area,
)

INT8 = OperandParameters()
BASELINES = (Level.BEHAVIOURAL, Level.MAC)
ROWS = COLS = 16
"""Of the arrays that are compared with Laconic's, and of the simulated one."""
DEPTH = 32
"""K of their tiles."""
SIMULATED = (
    ("systolic_os", "behavioural"), ("systolic_os", "opt1_shared"), ("systolic_ws", "opt1_shared"),
)  # fmt: skip
SIMULATED_STEPS = 50_000

Rows = Iterator[Row]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        bench = _Bench(Path(name))
        parts: dict[str, Callable[[], Rows]] = {
            "baseline elements": bench.baselines,
            "OPT1, drop-in": bench.opt1_exact,
            "OPT1, row correction": bench.opt1_row,
            "OPT1, shared encoder": bench.opt1_shared,
            "OS 4x4": bench.open_grid,
            "digit-serial element": bench.opt4c,
            "4-lane group": bench.opt4e,
            "same-weight tree": bench.same_weight,
            "OPT1, ECP5": bench.opt1_luts,
            "OPT4C, ECP5": bench.opt4c_luts,
            "systolic OS": bench.systolic_os,
            "systolic WS": bench.systolic_ws,
            "cube": bench.cube,
            "tree": bench.tree,
            "2D matrix": bench.matrix_2d,
            "digit-serial row": bench.digit_serial_row,
            "cycles": _cycles,
            "digits": _digits,
            "simulation": bench.simulation,
        }
        return [each for name, part in parts.items() for each in _told(name, part)]


FAULTS = (ArithmeticError, AssertionError, CheckFailed, LookupError, OSError, ValueError)


def _told(name: str, part: Callable[[], Rows]) -> list[Row]:
    """Return the rows of a part; one that says so if it failed, so that the others are made."""
    rows = []
    try:
        for each in part():
            print(f"   {each['name']}: {each['value']:.6g}", file=sys.stderr, flush=True)
            rows.append(each)
    except FAULTS as error:
        traceback.print_exc()
        what = str(error).partition("\n")[0]
        title = f"{name}: FAILED, {type(error).__name__}: {what}"
        rows.append(row(title, 0.0, "rows", target=1.0))
    return rows


class _Bench:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        cells, self._area_unit = target()
        self._shop = Workshop(folder, cells)
        self._nangate = self._area_unit == "um2"
        self._library = "Nangate45" if self._nangate else "built-in technology"
        self._unit = "um2 ns" if self._nangate else "GE FO4"

    # Elements

    def baselines(self) -> Rows:
        p = MacParameters(operands=INT8, accumulator_width=32)
        for cls, name in ((Behavioural, "behavioural MAC"), (Mac, "MAC of Booth digits")):
            report = self._element(cls, p)
            yield row(self._title(name, "area x delay"), _product(report), self._unit)
            yield row(self._title(name, "least area"), least_area(report), self._area_unit)

    def opt1_exact(self) -> Rows:
        yield from self._opt1("OPT1, drop-in", 545)

    def opt1_row(self) -> Rows:
        yield from self._opt1("OPT1, row correction", 460, 740, correction=Correction.ROW)

    def opt1_shared(self) -> Rows:
        yield from self._opt1(
            "OPT1, shared encoder", 420, correction=Correction.ROW, shared_encoder=True
        )

    def open_grid(self) -> Rows:
        p = _systolic_os(Level.OPT1_SHARED)
        report = self._shop.cells(OpenGrid(p))
        name = self._title("OS 4x4, sums as ports", "area x delay")
        yield self._cells_row(name, _product(report), self._unit, None, 8400)

    def opt4c(self) -> Rows:
        reports = [self._element(Opt4c, p) for p in _serial(1)]
        product, area = min(map(_product, reports)), min(map(least_area, reports))
        name = "digit-serial element"
        yield self._cells_row(self._title(name, "area x delay"), product, self._unit, None, 160)
        yield self._cells_row(self._title(name, "least area"), area, self._area_unit, None, 390)

    def opt4e(self) -> Rows:
        product = min(_product(self._element(Opt4e, p)) for p in _serial(4)) / 4
        name = self._title("4-lane group, per lane", "area x delay")
        yield self._cells_row(name, product, self._unit, None, 115)

    def same_weight(self) -> Rows:
        """A tile of K = 16 with registers before digits and weights, encoders outside."""
        depth = 16
        p = DotProductParameters(
            operands=INT8, depth=depth, accumulator_width=32, level=Level.OPT2, accumulate=False,
            back_pressure=False,
        )  # fmt: skip
        tiles = [ResolvedTileParameters(p, stages) for stages in (1, 2)]
        product = min(_product(self._element(ResolvedTile, tile)) for tile in tiles) / depth
        name = self._title(f"same-weight tree, K = {depth}, per MAC", "area x delay")
        yield self._cells_row(name, product, self._unit, self._mac(), 400)

    def opt1_luts(self) -> Rows:
        baseline = self._luts(Behavioural, MacParameters(operands=INT8, accumulator_width=32))
        for name, correction in (("drop-in", Correction.EXACT), ("row correction", Correction.ROW)):
            luts = min(
                self._luts(Opt1, _opt1(compact, correction=correction))
                for compact in (True, False)
            )
            yield row(f"ECP5, OPT1 element, {name}", luts, "LUT", baseline=baseline, target=280,
                      at_most=True)  # fmt: skip

    def opt4c_luts(self) -> Rows:
        luts = min(self._luts(Opt4c, p) for p in _serial(1))
        yield row("ECP5, OPT4C element", luts, "LUT", target=150, at_most=True)

    def _opt1(
        self, name: str, product: float, area: float | None = None, **options: Any
    ) -> Rows:
        reports = [self._element(Opt1, _opt1(compact, **options)) for compact in (True, False)]
        value = min(map(_product, reports))
        title = self._title(name, "area x delay")
        yield self._cells_row(title, value, self._unit, self._mac(), product)
        if area is not None:
            value, title = min(map(least_area, reports)), self._title(name, "least area")
            yield self._cells_row(title, value, self._area_unit, self._mac(least_area), area)

    def _mac(self, of: Callable[[dict[str, Any]], float] | None = None) -> float:
        """The better of both baselines."""
        p = MacParameters(operands=INT8, accumulator_width=32)
        return min((of or _product)(self._element(cls, p)) for cls in (Behavioural, Mac))

    def _element(self, cls: type[Unit], p: Any) -> dict[str, Any]:
        return self._shop.cells(Registered(RegisteredParameters(cls, p)))

    def _luts(self, cls: type[Unit], p: Any) -> float:
        return self._shop.luts(Registered(RegisteredParameters(cls, p)))

    def _title(self, name: str, what: str) -> str:
        return f"{self._library}, {name}: {what}"

    def _cells_row(
        self, name: str, value: float, unit: str, baseline: float | None, limit: float
    ) -> Row:
        """A row with an absolute target, which only Nangate45 has."""
        known = limit if self._nangate else None
        return row(name, value, unit, baseline=baseline, target=known, at_most=True)

    # Arrays: ours against the better of those of multipliers and adders

    def systolic_os(self) -> Rows:
        yield self._array(
            "systolic OS 4x4", 16, 1.27, [SystolicOs(_systolic_os(Level.OPT1_SHARED, 2))],
            [SystolicOs(_systolic_os(level)) for level in BASELINES],
        )

    def systolic_ws(self) -> Rows:
        def units(*levels: Level) -> list[Unit]:
            p = SystolicWsParameters(depth=4, cols=4, back_pressure=False)
            return [SystolicWs(replace(p, level=level)) for level in levels]

        yield self._array(
            "systolic WS 4x4", 16, 1.27, units(Level.OPT1_SHARED), units(*BASELINES)
        )

    def cube(self) -> Rows:
        def units(*levels: Level) -> list[Unit]:
            p = CubeParameters(rows=2, cols=2, depth=4, accumulate=False, back_pressure=False)
            return [Cube(replace(p, level=level)) for level in levels]

        yield self._array("cube 2x2x4", 16, 1.28, units(Level.OPT2), units(*BASELINES))

    def tree(self) -> Rows:
        def units(*levels: Level) -> list[Unit]:
            p = AdderTreeParameters(depth=16, cols=2, accumulate=False, back_pressure=False)
            return [AdderTree(replace(p, level=level)) for level in levels]

        yield self._array("two trees of K = 16", 32, 1.56, units(Level.OPT2), units(*BASELINES))

    def matrix_2d(self) -> Rows:
        def units(stages: int, *levels: Level) -> list[Unit]:
            p = Matrix2dParameters(rows=4, cols=4, resolve_stages=stages, back_pressure=False)
            return [Matrix2d(replace(p, level=level)) for level in levels]

        yield self._array(
            "2D matrix 4x4", 16, 1.44, units(2, Level.OPT1_SHARED), units(1, *BASELINES)
        )

    def _array(
        self, name: str, macs: int, ratio: float, ours: Iterable[Unit], baselines: Iterable[Unit]
    ) -> Row:
        best, baseline = (
            min(_product(self._shop.cells(unit, "fast")) for unit in units) / macs
            for units in (ours, baselines)
        )
        name = self._title(name, "area efficiency over MACs, by area x delay per MAC")
        return row(
            name, best, self._unit, baseline=baseline, inverse=True, target=ratio,
            target_is="ratio",
        )  # fmt: skip

    def digit_serial_row(self) -> Rows:
        """A row of 16 elements, with its share of the operands of the columns.

        Laconic's elements have second buffers and shares of the generators of terms too. They are
        compared in lock step, as an array with shared operands is, and each at a pace of its own,
        with nothing added for the operands that this takes.
        """
        grid = DigitSerialGridParameters(
            rows=ROWS, cols=COLS, depth=DEPTH, accumulator_width=INT8.accumulator_width(DEPTH),
            back_pressure=False,
        )  # fmt: skip
        elements, operands = (
            self._shop.cells(unit, "fast") for unit in (DigitRow(grid.row), OperandBuffer(grid.row))
        )
        area = (elements["area"] + COLS * operands["area"] / ROWS) / COLS
        delay = max(elements["delay"], operands["delay"])
        ours = area * delay * _cycles_per_k(_engine("digit_serial", f"depth={DEPTH}"))
        lp = LaconicArrayParameters(
            rows=ROWS, cols=COLS, accumulator_width=grid.accumulator_width, back_pressure=False
        )
        cell, lane = (
            self._shop.cells(unit, "fast") for unit in (LaconicCell(lp), TermLane(lp.a_lane))
        )
        shares = lp.lanes / COLS + lp.lanes / ROWS
        element = (cell["area"] + shares * lane["area"]) * max(cell["delay"], lane["delay"])
        pairs = _engine("laconic")
        for pace, lock_step in (("in lock step", True), ("each at its own pace", False)):
            laconic = element * _cycles_per_k(pairs, lock_step=lock_step)
            name = self._title(
                f"digit-serial row of {COLS}",
                f"area efficiency over Laconic's {pace}, by area x time per MAC, sd 20",
            )
            yield row(name, ours, self._unit, baseline=laconic, inverse=True, target=2.85,
                      target_is="ratio")  # fmt: skip

    # Simulation

    def simulation(self) -> Rows:
        """The batched engine, streams full, results checked; CPU time."""
        tpe = find("tpe")
        for array, level in SIMULATED:
            settings = [*_settings(array), f"level={level}"]
            config = load_config(tpe.config(), None, settings)
            build = build_design(tpe, config, self._folder / f"{array}-{level}")
            design, model = Design.of(build.manifest), BatchedModel(build)
            rng = np.random.default_rng(0)
            depth = design.engine.most_depth or 256
            count = SIMULATED_STEPS // depth
            tiles = [random_tile(design, rng, depth, full=True) for _ in range(count)]
            beats, expected = design.beats(tiles), design.result_beats(tiles)
            rates = []
            for _ in range(3):
                began = time.process_time()
                ran = model.run_streams(beats, {"o": len(expected)})
                rates.append(ran.cycles / (time.process_time() - began))
                if not np.array_equal(ran.outputs["o"], expected):
                    raise RuntimeError(f"the simulated {array} must equal NumPy")
            name = f"batched simulation, {array} {ROWS}x{COLS} int8, {level}"
            yield row(name, max(rates), "cycles/s", target=1e6)


def _systolic_os(level: Level, stages: int = 1) -> SystolicOsParameters:
    return SystolicOsParameters(
        rows=4, cols=4, level=level, resolve_stages=stages, back_pressure=False
    )


def _opt1(compact: bool, **options: Any) -> Opt1Parameters:
    return Opt1Parameters(operands=INT8, accumulator_width=32, compact=compact, **options)


def _serial(lanes: int) -> list[DigitSerialParameters]:
    """Elements of a pair of words below a counter, compact or not, and of a pair in all columns."""
    p = DigitSerialParameters(accumulator_width=26, correction=Correction.ROW, lanes=lanes)
    return [p, replace(p, compact=False), replace(p, split=26)]


def _product(report: dict[str, Any]) -> float:
    return float(report["area"] * report["delay"])


# Model figures


def _settings(array: str) -> list[str]:
    shape = "depth" if array == "systolic_ws" else "rows"
    return [f"array={array}", f"{shape}={ROWS}", f"cols={COLS}"]


def _engine(array: str, *overrides: str) -> Engine:
    return engine(load_config(find("tpe").config(), None, [*_settings(array), *overrides]))


def _cycles_per_k(of: Engine, *, lock_step: bool = True) -> float:
    """Cycles from tile to tile for each of their K, operands of standard deviation 20.

    Laconic's elements at their own pace, which do not wait for each other, have long tiles.
    """
    rng = np.random.default_rng(0)
    array = of.model
    depth = 1024 if array.tile_k is None else array.tile_k
    tiles = 8 if array.tile_k is None else 256
    if isinstance(array.work, Laconic):
        array = replace(array, work=replace(array.work, lock_step=lock_step))
    values, odds = numbers(8, True), gaussian(20.0, 8)
    a = rng.choice(values, (tiles * array.rows, depth), p=odds)
    b = rng.choice(values, (depth, array.cols), p=odds)
    told = schedule(a, b, array)
    return float(told.end[-1] - told.start[0]) / (tiles * depth)


def _cycles() -> Rows:
    operands = digit_statistics(numbers(8, True), "naf", 8, True, gaussian(20.0, 8))
    name = "cycles per operand, sd 20, NAF, groups of 8, with those of empty groups"
    yield row(name, expected_cycles(operands, 8, 1), "cycles", target=2.16, at_most=True)
    for lanes, elements in ((1, "1 lane"), (4, "4 lanes")):
        grid = _engine("digit_serial", f"depth={DEPTH}", f"lanes={lanes}")
        name = f"lane cycles per operand, sd 20, {ROWS} rows of {elements}, tiles of K = {DEPTH}"
        yield row(name, _cycles_per_k(grid) * lanes, "cycles", at_most=True)


def _digits() -> Rows:
    for title, odds in (("sd 20", gaussian(20.0, 8)), ("uniform", uniform(8, True))):
        told = {
            encoding: digit_statistics(numbers(8, True), encoding, 8, True, odds).mean
            for encoding in ("booth", "ent", "naf")
        }
        for encoding, mean in told.items():
            name = f"digits other than 0 of an int8 operand, {title}, {encoding}"
            baseline = None if encoding == "booth" else told["booth"]
            yield row(name, mean, "digits", baseline=baseline, at_most=True)


if __name__ == "__main__":
    for each in run():
        print(each)

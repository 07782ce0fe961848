"""Digit-serial grid: products against integer arithmetic, cycles against the model."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In

from gatewright.generators.tpe.row_stream import row_streams
from gatewright.golden.tpe import encodings as golden
from gatewright.golden.tpe.arrays import ArrayDescription, DigitSerial
from gatewright.golden.tpe.cycles import digit_serial_cost, schedule, timeline
from gatewright.golden.tpe.gemm import gemm
from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.array_parameters import Level
from gatewright.hw.tpe.digit_row import DigitSource
from gatewright.hw.tpe.digit_serial_grid import DigitSerialGrid, DigitSerialGridParameters
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.tests.hw.tpe.array_bench import ArrayBench, at_random
from gatewright.tests.hw.tpe.tiled import Tiled, bench, expected, padded, random_tiles

SMALL = {"rows": 2, "cols": 3, "lanes": 2, "depth": 8, "group": 2}
MIXED = OperandParameters(4, True, 8, True)
UNSIGNED = OperandParameters(8, False, 8, True)
BOTH_UNSIGNED = OperandParameters(5, False, 3, False)
NARROW = OperandParameters(2, True, 2, True)


def grid(**fields) -> DigitSerialGridParameters:
    return DigitSerialGridParameters(**SMALL | fields)


def wires(p: DigitSerialGridParameters, digit: int) -> dict[str, int]:
    two = {"two": int(abs(digit) == 2)} if p.encoding.digit_bits == 2 else {}
    return {"one": int(abs(digit) == 1), "negative": int(digit < 0)} | two


def steps_of(p: DigitSerialGridParameters, a, b) -> list[dict]:
    """The transfers of a tile."""
    a, b = padded(p, a, b)
    digits = golden.encode(a, p.encoding.value, p.operands.a_width, p.operands.a_signed)

    def operand(row: int, k: int):
        if p.source is DigitSource.OPERANDS:
            return int(a[row, k])
        return [wires(p, digit) for digit in digits[row, k].tolist()]

    steps = []
    for first in range(0, len(b), p.lanes):
        lanes = range(first, first + p.lanes)
        step = {"b": b[first : first + p.lanes].tolist(), "last": int(first + p.lanes == len(b))}
        if p.source is not DigitSource.STREAM:
            step["a"] = [[operand(row, k) for row in range(p.rows)] for k in lanes]
        steps.append(step)
    return steps


def description(p: DigitSerialGridParameters) -> ArrayDescription:
    return ArrayDescription(
        dataflow="digit_serial", rows=p.rows, cols=p.cols, tile_k=p.depth,
        work=DigitSerial(
            encoding=p.encoding.value, width=p.operands.a_width, signed=p.operands.a_signed,
            lanes=p.lanes, group=p.group, minimum=p.minimum, horner=True,
        ),
        result_latency=p.latency, buffered=True, clearance=p.spacing - p.rows,
    )  # fmt: skip


def cycles_of(p: DigitSerialGridParameters, tiles) -> list[int]:
    """Cycles of the first rows of results."""
    array = description(p)
    steps, loads = [], []
    for a, _ in tiles:
        digits = golden.encode(a, array.work.encoding, array.work.width, array.work.signed)
        steps.append(digit_serial_cost(digits != 0, p.cols, array.work).steps)
        loads.append(p.load_cycles(a.shape[1]))
    _, _, first, _ = timeline(steps, array, loads)
    return first.tolist()


TILED = Tiled(DigitSerialGrid, steps_of, cycles_of)
check = TILED.check


VARIANTS = [
    {},
    {"level": Level.OPT4C, "lanes": 1, "depth": 6, "group": 3},
    {"lanes": 1, "depth": 4, "group": 4, "rows": 1, "cols": 1},
    {"lanes": 4, "depth": 16, "group": 4, "encoding": Encoding.BOOTH},
    {"lanes": 3, "depth": 9, "group": 1, "encoding": Encoding.ENT, "rows": 3},
    {"minimum": 0},
    {"minimum": 0, "lanes": 3, "depth": 12, "group": 1, "encoding": Encoding.SIGN_MAGNITUDE},
    {"encoding": Encoding.BITS},
    {"source": DigitSource.DIGITS},
    {"source": DigitSource.DIGITS, "encoding": Encoding.BITS, "operands": MIXED},
    {"operands": MIXED, "rows": 4},
    {"operands": UNSIGNED},
    {"operands": UNSIGNED, "encoding": Encoding.BOOTH, "minimum": 0},
    {"operands": BOTH_UNSIGNED, "group": 4},
    {"operands": NARROW},
    {"operands": OperandParameters(9, True, 7, False), "encoding": Encoding.ENT},
    {"accumulator_width": 12},
    {"accumulator_width": 20, "result_width": 9},
    {"result_width": 9, "saturate": True},
    {"accumulator_width": 14, "result_width": 10, "saturate": True, "resolve_stages": 3},
    {"resolve_stages": 2, "back_pressure": False},
]


@pytest.mark.one_in(24)
@pytest.mark.parametrize("fields", VARIANTS, ids=str)
def test_products_and_cycles(fields):
    p = grid(**fields)
    depths = [p.depth, 1, p.depth - 1, p.depth, 3, 2, p.depth]
    check(p, random_tiles(p, depths))


@pytest.mark.one_in(8)
@pytest.mark.parametrize("minimum, group", [(0, 1), (1, 1), (0, 2), (1, 2), (1, 4)])
@pytest.mark.parametrize("density", [0, 0.05, 0.3])
def test_sparse_cycles(minimum, group, density):
    """Rows without any digit, lanes without any: loading and draining then set the pace."""
    p = grid(minimum=minimum, group=group, rows=3)
    check(p, random_tiles(p, [8, 8, 5, 1, 8, 7, 8], density=density))


@pytest.mark.one_in(4)
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_short_tiles_wait_for_results(rows):
    p = grid(rows=rows, operands=NARROW)
    check(p, random_tiles(p, [1] * 8))


@pytest.mark.parametrize("value", [-128, 127, "alternating"])
def test_extreme_operands(value):
    p = grid()
    a, b = np.full((2, 8), -128), np.full((8, 3), -128)
    if value == 127:
        a, b = np.full((2, 8), 127), np.full((8, 3), 127)
    elif value == "alternating":
        a = np.where(np.arange(8) % 2, 127, -127) * np.ones((2, 1), np.int64)
        b = np.where(np.arange(8) % 2, -127, 127)[:, None] * np.ones((1, 3), np.int64)
    check(p, [(a, b)] * 3)


@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (1, 7, 3), (2, 3, 1), (2, 8, 2)])
def test_ragged(m, k, n):
    """Fewer rows, columns and operands than the array has."""
    p = grid()
    rng = np.random.default_rng(5)
    tiles = [
        (rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))) for _ in range(2)
    ]
    check(p, tiles)


def test_full_buffer_ends_a_tile():
    """The transfer that fills the buffer ends the tile, if ``last`` does not say so."""
    p = grid()
    tiles = random_tiles(p, [8, 8])
    steps = [step | {"last": 0} for step in TILED.sends(p, tiles)["i"]]
    result = bench(DigitSerialGrid, p).run({"i": steps}, 4)
    assert (result.rows == expected(p, tiles)).all()


@pytest.mark.one_in(6)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fields", [{}, {"lanes": 1}, {"minimum": 0, "resolve_stages": 2}], ids=str)
def test_random_waits(fields, seed):
    p = grid(**fields)
    tiles = random_tiles(p, [8, 3, 1, 8, 5], seed)
    share = (0.7, 0.1) if seed % 2 else (0.1, 0.8)
    waits = {"i": at_random(share[0], seed), "o": at_random(share[1], seed + 9)}
    check(p, tiles, cycles=False, waits=waits)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("side", ["i", "o"])
def test_a_wait_at_every_cycle(side):
    p = grid(rows=2, cols=2, depth=4)
    TILED.check_waits(p, random_tiles(p, [4, 3, 4]), side)


def test_reset_at_every_cycle():
    p = grid(rows=2, cols=2, depth=4)
    TILED.check_resets(p, random_tiles(p, [4, 4]), random_tiles(p, [3, 4], seed=2))


@pytest.mark.one_in(6)
@pytest.mark.parametrize("fields", [
    {}, {"accumulator_width": 21}, {"accumulator_width": 10},
    {"accumulator_width": 22, "result_width": 16, "saturate": True, "resolve_stages": 2},
    {"operands": BOTH_UNSIGNED, "accumulator_width": 24},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("waiting", [False, True])
def test_c_input(fields, waiting):
    """Rows of C, added after the sums of a tile have been extended."""
    p = grid(c_input=True, **fields)
    tiles = random_tiles(p, [8, 3, 8, 1])
    half = 1 << p.accumulator_width - 1
    c = np.random.default_rng(3).integers(-half, half, (8, p.cols))
    waits = {name: at_random(0.4, seed) for seed, name in enumerate("ico")} if waiting else None
    check(p, tiles, c=c, cycles=not waiting, waits=waits)


def test_long_products_in_tiles():
    """K of several tiles, the results of each being the C of the next."""
    p = grid(c_input=True, rows=2, cols=3)
    rng = np.random.default_rng(8)
    a, b = rng.integers(-128, 128, (2, 30)), rng.integers(-128, 128, (30, 3))
    total = np.zeros((2, 3), np.int64)
    for first in range(0, 30, p.depth):
        tile = a[:, first : first + p.depth], b[first : first + p.depth]
        total = check(p, [tile], c=total).rows
    assert (total == gemm(a, b)).all()


@pytest.mark.one_in(4)
@pytest.mark.parametrize("spread", [20, None])
def test_schedule_of_a_product(spread):
    """The whole of a product in tiles, against the model of users' matrices."""
    p = grid(rows=4, cols=2, lanes=2, depth=8, group=4)
    rng = np.random.default_rng(11)
    a = rng.integers(-128, 128, (7, 19))
    if spread:
        a = np.clip(np.rint(rng.normal(0, spread, a.shape)), -128, 127).astype(np.int64)
    b = rng.integers(-128, 128, (19, 3))
    array = description(p)
    plan = schedule(a, b, array)
    tiles = [
        (a[np.ix_(tile.m, tile.k)], b[np.ix_(tile.k, tile.n)]) for tile in plan.tiles
    ]
    result = check(p, tiles)
    assert result.out[-1] == plan.cycles - 1
    assert result.out[:: p.rows] == plan.first_result.tolist()
    assert plan.barrier_cost > 0 and (plan.imbalance > 0).any()


class Streamed(wiring.Component):
    """A grid with a port of its own for the digits of each row."""

    def __init__(self, p: DigitSerialGridParameters) -> None:
        self.grid = DigitSerialGrid(p)
        members = dict(self.grid.signature.members)
        del members["digits"]
        row = stream.Signature(p.row.stream_layout)
        self.names = [f"row_{row}" for row in range(p.rows)]
        super().__init__(members | {name: In(row) for name in self.names})

    def elaborate(self, platform):
        m = Module()
        m.submodules.grid = self.grid
        wiring.connect(m, wiring.flipped(self.i), self.grid.i)
        wiring.connect(m, self.grid.o, wiring.flipped(self.o))
        for name, port in zip(self.names, self.grid.digits, strict=True):
            wiring.connect(m, wiring.flipped(getattr(self, name)), port)
        return m


@pytest.mark.one_in(4)
@pytest.mark.parametrize("fields", [
    {}, {"group": 1, "minimum": 0}, {"lanes": 1, "depth": 5, "group": 5, "rows": 3},
    {"encoding": Encoding.BITS},
], ids=str)  # fmt: skip
def test_streams_of_constant_digits(fields):
    """Digits told beforehand: the cycles of the search, with rows that wait at any time too."""
    p = grid(source=DigitSource.STREAM, **fields)
    tiles = random_tiles(p, [5, 1, p.depth - 1, p.depth, 3], density=0.5)
    sends = TILED.sends(p, tiles)
    work = description(p).work
    for a, _ in tiles:
        for row, cycles in enumerate(row_streams(a, work)):
            each = zip(cycles.digits.tolist(), cycles.slots.tolist(), cycles.last, strict=True)
            sends.setdefault(f"row_{row}", []).extend(
                {
                    "lanes": [
                        {"digit": wires(p, digit), "slot": slot}
                        for digit, slot in zip(digits, slots, strict=True)
                    ],
                    "last": int(last),
                }
                for digits, slots, last in each
            )
    unit = ArrayBench(Streamed(p), sends)
    result = unit.run(sends, p.rows * len(tiles), idle=3)
    assert (result.rows == expected(p, tiles)).all()
    assert result.out == TILED.model(p, tiles)
    waits = {name: at_random(0.3, seed) for seed, name in enumerate([*sends, "o"])}
    result = unit.run(sends, p.rows * len(tiles), waits=waits, idle=3)
    assert (result.rows == expected(p, tiles)).all()


@pytest.mark.parametrize("fields, message", [
    ({"lanes": 0}, "lanes must be at least 1, not 0"),
    ({"rows": 0}, "rows must be at least 1, not 0"),
    ({"level": Level.OPT4C}, "lanes must be 1 for opt4c, not 2"),
    ({"depth": 10}, "depth must be a multiple of lanes * group = 4, not 10"),
    ({"depth": 0}, "depth must be at least 1, not 0"),
    ({"group": 0}, "group must be at least 1, not 0"),
    ({"minimum": 2}, "minimum must be 0 or 1, not 2"),
    ({"level": Level.OPT1}, "level must be one of opt4c, opt4e, not opt1"),
    ({"accumulator_width": 0}, "accumulator_width must be at least 1, not 0"),
])  # fmt: skip
def test_refusals(fields, message):
    with pytest.raises(ValueError) as caught:
        grid(**fields)
    assert str(caught.value) == message


def test_sums_are_as_narrow_as_a_tile():
    assert grid(depth=8).tile_width == 8 + 8 + 3
    assert grid(depth=8, accumulator_width=12).tile_width == 12
    for width, depth in itertools.product((12, 32), (4, 64)):
        p = grid(accumulator_width=width, depth=depth)
        assert p.row.element.accumulator_width <= width

"""The systolic array and the 2D matrix: products, waits, resets, and each cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.golden.tpe.arrays import ArrayDescription, Dataflow
from gatewright.golden.tpe.cycles import schedule, timeline
from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.array_parameters import Level
from gatewright.hw.tpe.matrix_2d import Matrix2d, Matrix2dParameters
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.hw.tpe.systolic_os import SystolicOs, SystolicOsParameters
from gatewright.tests.hw.refusal import refusal
from gatewright.tests.hw.tpe.array_bench import at_random
from gatewright.tests.hw.tpe.stationary import bench_of, check, expected, random_tile, sends
from gatewright.tests.hw.tpe.tiles import (
    NARROW,
    Tile,
    check_product,
    check_resets,
    check_waits,
    each_operands,
    ids_of,
    long_carries,
    tiles_of_product,
)

CLASSES = {SystolicOsParameters: SystolicOs, Matrix2dParameters: Matrix2d}
LEVELS = [
    *((SystolicOsParameters, level) for level in SystolicOsParameters.LEVELS),
    *((Matrix2dParameters, level) for level in Matrix2dParameters.LEVELS),
]
BEST = [
    (SystolicOsParameters, Level.OPT1_SHARED), (Matrix2dParameters, Level.OPT1_SHARED),
    (Matrix2dParameters, Level.OPT2),
]  # fmt: skip
SOME = [
    *BEST, (SystolicOsParameters, Level.OPT1), (SystolicOsParameters, Level.OPT1_ROW),
    (Matrix2dParameters, Level.MAC),
]  # fmt: skip


def named(values):
    return ids_of(CLASSES, values)


def parameters(cls, level, **changes):
    lanes = {"lanes": 3} if level is Level.OPT2 else {}
    fields = {"rows": 2, "cols": 3, "level": level, "accumulator_width": 24}
    return cls(**(fields | lanes | changes))


def small(cls, level, **changes):
    return parameters(cls, level, **({"operands": NARROW, "accumulator_width": 12} | changes))


def bench_for(p):
    return bench_of(CLASSES[type(p)], p)


def tiles_of(p, depths, seed=0, **options):
    rng = np.random.default_rng(seed)
    return [random_tile(p, rng, depth, **options) for depth in depths]


@pytest.mark.one_in(12)
@pytest.mark.parametrize("c_input, back_pressure", [(False, True), (True, True), (False, False)])
@pytest.mark.parametrize("cls, level", LEVELS, ids=named(LEVELS))
def test_ragged_tiles_with_random_waits(cls, level, c_input, back_pressure):
    p = small(cls, level, c_input=c_input, back_pressure=back_pressure, resolve_stages=2)
    bench = bench_for(p)
    tiles = tiles_of(p, (1, 5, 2, 1, 9, 3, 4))
    check(bench, tiles)
    for share in (0.3, 0.7) if back_pressure else (0.5,):
        names = ["i", "c", "o"] if back_pressure else ["i"]
        waits = {name: at_random(share, seed) for seed, name in enumerate(names)}
        check(bench, tiles, waits=waits)


@pytest.mark.one_in(24)
@each_operands
@pytest.mark.parametrize("cls, level", SOME, ids=named(SOME))
def test_widths_and_signs(cls, level, operands):
    p = parameters(
        cls, level, operands=operands, accumulator_width=operands.accumulator_width(7), rows=3,
        cols=2,
    )  # fmt: skip
    check(bench_for(p), tiles_of(p, (7, 1, 6)))


@pytest.mark.one_in(8)
@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("cls, level", SOME[:5], ids=named(SOME[:5]))
def test_every_encoding(cls, level, encoding):
    """Corrections count the ones of negative digits of any code."""
    for operands in (OperandParameters(6, True, 6, True), OperandParameters(3, False, 5, False)):
        p = parameters(cls, level, encoding=encoding, operands=operands, cols=1)
        check(bench_for(p), tiles_of(p, (3, 6)), waits={"i": at_random(0.3, 1)})


@pytest.mark.one_in(24)
@pytest.mark.parametrize("cls, level", LEVELS, ids=named(LEVELS))
def test_long_carries_and_the_smallest_array(cls, level):
    """Exact width for K = 8: all -128 reaches its end."""
    tiles, wanted = long_carries(8)
    width = OperandParameters().accumulator_width(8)
    for size in (1, 2):
        p = parameters(cls, level, rows=size, cols=size, accumulator_width=width)
        run = check(bench_for(p), tiles)
        assert run.rows.reshape(-1, size, size)[:, 0, 0].tolist() == wanted


@pytest.mark.one_in(4)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_a_wait_in_every_cycle(cls, level):
    p = small(cls, level, cols=2, c_input=True)
    check_waits(check, bench_for(p), tiles_of(p, (1, 4, 1)), "ico")


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_a_reset_in_every_cycle(cls, level):
    p = small(cls, level, cols=2)
    before, after = tiles_of(p, (2, 1, 3)), tiles_of(p, (3, 1), seed=1)
    check_resets(check, sends, bench_for(p), before, after)


def description(p, tile_k=None):
    flow = Dataflow.OUTPUT_STATIONARY if p.SKEWED else Dataflow.MATRIX
    return ArrayDescription(
        dataflow=flow, rows=p.rows, cols=p.cols, depth=p.lanes, tile_k=tile_k,
        result_latency=p.latency,
    )  # fmt: skip


@pytest.mark.one_in(12)
@pytest.mark.parametrize("stages, c_input", [(1, False), (3, True)])
@pytest.mark.parametrize("cls, level", SOME, ids=named(SOME))
def test_cycles_are_those_of_the_model(cls, level, stages, c_input):
    p = small(cls, level, rows=4, resolve_stages=stages, c_input=c_input)
    depths = [1, 1, 9, 2, 1, 13, 20, 3, 3, 12, 4, 5, 1]
    tiles = tiles_of(p, depths, full=True)
    run = check(bench_for(p), tiles)
    counts = [-(-depth // p.lanes) for depth in depths]
    start, end, first, last = timeline(counts, description(p))
    # What is held is a tile's last step: where there is only one, a tile starts with the hold.
    steps = np.split(run.taken["i"], np.cumsum(counts)[:-1])
    assert [tile[-1] + 1 for tile in steps] == end.tolist()
    assert all(
        tile[0] == each for tile, each in zip(steps, start, strict=True) if len(tile) > 1
    )
    assert run.out[:: p.rows] == first.tolist()
    assert run.out[p.rows - 1 :: p.rows] == last.tolist()


@pytest.mark.one_in(4)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_steady_state(cls, level):
    p = small(cls, level, rows=4)
    bench = bench_for(p)
    for depth in (1, 5, 20):
        out = check(bench, tiles_of(p, [depth] * 4)).out
        assert set(np.diff(out[:: p.rows]).tolist()) == {p.tile_cycles(depth)}
        assert p.tile_cycles(depth) == max(-(-depth // p.lanes), 4)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_a_whole_product_in_tiles(cls, level):
    """Ragged in all of M, N, K; tiles of K added up outside; against torch, and the schedule."""
    p = parameters(cls, level)
    rng = np.random.default_rng(3)
    a, b = rng.integers(-128, 128, (5, 11)), rng.integers(-128, 128, (11, 7))
    model = schedule(a, b, description(p, tile_k=4))
    run = check(bench_for(p), tiles_of_product(a, b, model))
    check_product(a, b, model, run.rows.reshape(-1, p.rows, p.cols))
    assert run.out[-1] + 1 == model.cycles


@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_tiles_of_k_without_first(cls, level):
    p = small(cls, level)
    tiles = tiles_of(p, (4, 1, 7, 2), full=True)
    for k in (1, 2):
        tiles[k].goes_on = True
    check(bench_for(p), tiles, waits={"i": at_random(0.3, 1), "o": at_random(0.3, 2)})


@pytest.mark.one_in(6)
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_tiles_of_k_through_c(cls, level, rows):
    """Each row of C is the same row of the tile before, and comes no earlier than that left."""
    p = small(cls, level, rows=rows, c_input=True, resolve_stages=3)
    tiles = tiles_of(p, (4, 1, 7, 1, 1), full=True)
    tiles[0].c = np.zeros((p.rows, p.cols), np.int64)
    for k in range(1, len(tiles)):
        tiles[k].c = expected(p, tiles[:k])[-1]
    bench = bench_for(p)

    def not_there_yet(cycle):
        row = len(bench.result.taken["c"])
        return row >= rows and len(bench.result.out) <= row - rows

    run = check(bench, tiles, waits={"c": not_there_yet})
    a, b = np.concatenate([t.a for t in tiles], 1), np.concatenate([t.b for t in tiles])
    np.testing.assert_array_equal(run.rows[-rows:], a @ b)


@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_ready_does_not_wait_for_valid(cls, level):
    """A step that is offered late finds the same ``ready`` as one that is not offered yet."""
    p = small(cls, level)
    unit = CLASSES[cls](p)
    ready = []

    async def watch(ctx):
        ctx.set(unit.o.ready, 1)
        ctx.set(unit.i.payload.first, 1)
        for cycle in range(40):
            ctx.set(unit.i.payload.last, cycle % 3 > 0)
            seen = []
            for valid in (0, 1):
                ctx.set(unit.i.valid, valid)
                seen.append(ctx.get(unit.i.ready))
            ready.append(tuple(seen))
            await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    assert set(ready) == {(0, 0), (1, 1)}


@pytest.mark.one_in(8)
@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("c_input", [False, True])
@pytest.mark.parametrize("cls, level", SOME, ids=named(SOME))
def test_narrow_results(cls, level, c_input, saturate):
    p = small(cls, level, result_width=5, saturate=saturate, c_input=c_input)
    tiles = tiles_of(p, (1, 1, 2, 1), full=True)
    for tile in tiles:
        if c_input:
            tile.c //= 1 << 7
    found = check(bench_for(p), tiles).rows
    wide = expected(replace(p, result_width=None, saturate=False), tiles).reshape(found.shape)
    assert (found != wide).any()
    assert (found == wide).any()


@pytest.mark.one_in(4)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_accumulators_wrap(cls, level):
    p = parameters(cls, level, accumulator_width=17)
    tiles = [Tile(np.full((2, 9), -128), np.full((9, 3), -128)), *tiles_of(p, (8, 8), full=True)]
    found = check(bench_for(p), tiles).rows
    assert found[0, 0] == (9 << 14) - (1 << 17)


@pytest.mark.parametrize("cls, fields, message", [
    (SystolicOsParameters, {"level": Level.OPT2},
     "level must be one of behavioural, mac, opt1, opt1_row, opt1_shared, not opt2"),
    (SystolicOsParameters, {"level": "opt1"},
     "level must be one of behavioural, mac, opt1, opt1_row, opt1_shared, not opt1"),
    (Matrix2dParameters, {"level": Level.OPT4C},
     "level must be one of behavioural, mac, opt1, opt1_row, opt1_shared, opt2, not opt4c"),
    (Matrix2dParameters, {"level": Level.OPT2}, "lanes must be at least 2 for level opt2, not 1"),
    (Matrix2dParameters, {"lanes": 2}, "lanes must be 1 for level opt1_shared, not 2"),
    (SystolicOsParameters, {"rows": 0}, "rows must be at least 1, not 0"),
    (Matrix2dParameters, {"cols": -1}, "cols must be at least 1, not -1"),
    (SystolicOsParameters, {"accumulator_width": 0}, "accumulator_width must be at least 1, not 0"),
    (SystolicOsParameters, {"result_width": 33}, "result_width must be in 1..32, not 33"),
    (SystolicOsParameters, {"resolve_stages": 0}, "resolve_stages must be in 1..32, not 0"),
    (SystolicOsParameters, {"saturate": True},
     "saturate must be False unless result_width is below 32, not True"),
    (SystolicOsParameters, {"c_input": True, "back_pressure": False},
     "c_input must be False without back_pressure, not True"),
])  # fmt: skip
def test_refusals(cls, fields, message):
    assert refusal(cls, **fields) == message

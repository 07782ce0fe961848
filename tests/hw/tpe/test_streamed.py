"""Weight-stationary array, adder trees and cube: products, waits, resets, and each cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewright.golden.tpe.arrays import ArrayDescription, Dataflow
from gatewright.golden.tpe.cycles import schedule, timeline
from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.adder_tree import AdderTreeParameters
from gatewright.hw.tpe.array_parameters import Level
from gatewright.hw.tpe.cube import CubeParameters
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.hw.tpe.systolic_ws import SystolicWsParameters
from gatewright.tests.hw.refusal import refusal
from gatewright.tests.hw.tpe.array_bench import at_random
from gatewright.tests.hw.tpe.streamed import (
    CLASSES,
    bench_of,
    check,
    expected,
    inputs,
    product,
    random_tile,
    rows_of,
    sends,
    transfers,
)
from gatewright.tests.hw.tpe.tiles import (
    NARROW,
    check_product,
    check_resets,
    check_waits,
    each_operands,
    ids_of,
    long_carries,
    tiles_of_product,
)

WS, TREE, CUBE = SystolicWsParameters, AdderTreeParameters, CubeParameters
LEVELS = [(cls, level) for cls in CLASSES for level in cls.LEVELS]
BEST = [(WS, Level.OPT1_ROW), (WS, Level.OPT1_SHARED), (TREE, Level.OPT2), (CUBE, Level.OPT2)]
SOME = [*BEST, *((cls, Level.MAC) for cls in CLASSES)]
FLOWS = {WS: Dataflow.WEIGHT_STATIONARY, TREE: Dataflow.TREE, CUBE: Dataflow.CUBE}


def named(values):
    return ids_of(CLASSES, values)


def parameters(cls, level, **changes):
    fields = {"depth": 3, "cols": 2, "level": level, "accumulator_width": 24}
    if cls is CUBE:
        fields["rows"] = 2
    return cls(**(fields | changes))


def small(cls, level, **changes):
    return parameters(cls, level, **({"operands": NARROW, "accumulator_width": 12} | changes))


def tiles_of(p, rows, seed=0, **options):
    rng = np.random.default_rng(seed)
    if isinstance(p, CUBE):
        rows = [min(count, p.rows) for count in rows]
    return [random_tile(p, rng, count, **options) for count in rows]


@pytest.mark.one_in(24)
@pytest.mark.parametrize("c_input, back_pressure", [(False, True), (True, True), (False, False)])
@pytest.mark.parametrize("cls, level", LEVELS, ids=named(LEVELS))
def test_ragged_tiles_with_random_waits(cls, level, c_input, back_pressure):
    p = small(cls, level, c_input=c_input, back_pressure=back_pressure, resolve_stages=2)
    bench = bench_of(p)
    tiles = tiles_of(p, (1, 5, 2, 1, 9, 3))
    for share in (0.2, 0.7):
        names = [*inputs(p), *(["o"] if back_pressure else [])]
        waits = {name: at_random(share, seed) for seed, name in enumerate(names)}
        check(bench, tiles, waits=waits)


@pytest.mark.one_in(12)
@each_operands
@pytest.mark.parametrize("cls, level", SOME, ids=named(SOME))
def test_widths_and_signs(cls, level, operands):
    p = parameters(cls, level, operands=operands, **({"rows": 1} if cls is CUBE else {}))
    check(bench_of(p), tiles_of(p, (7, 1, 6), full=True))


@pytest.mark.one_in(12)
@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("cls, level", [
    (WS, Level.OPT1), (WS, Level.OPT1_ROW), (WS, Level.OPT1_SHARED), (TREE, Level.OPT1),
    (TREE, Level.OPT1_ROW), (TREE, Level.OPT1_SHARED), (TREE, Level.OPT2),
])  # fmt: skip
def test_every_encoding(cls, level, encoding):
    """What negative digits of any code lack is added, once."""
    for operands in (OperandParameters(6, True, 6, True), OperandParameters(5, False, 4, False)):
        p = parameters(cls, level, encoding=encoding, operands=operands, depth=2, cols=1)
        check(bench_of(p), tiles_of(p, (3, 12), full=True), waits={"i": at_random(0.3, 1)})


@pytest.mark.one_in(12)
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("depth, group", [(1, 2), (5, 2), (11, 2), (9, 3), (9, 16)])
@pytest.mark.parametrize("level", TREE.LEVELS, ids=lambda level: level.value)
def test_every_shape_of_tree(level, depth, group, accumulate):
    if level is Level.OPT2 and depth == 1:
        return
    p = small(
        TREE, level, depth=depth, group=group, accumulate=accumulate, cols=1,
        accumulator_width=6 if accumulate else 14,
    )  # fmt: skip
    check(bench_of(p), tiles_of(p, (2, 9), full=True), waits={"o": at_random(0.3, 1)})


@pytest.mark.one_in(6)
@pytest.mark.parametrize("back_pressure", [True, False])
@pytest.mark.parametrize("level", CUBE.LEVELS, ids=lambda level: level.value)
def test_a_cube_whose_products_are_not_added_up(level, back_pressure):
    p = small(CUBE, level, accumulate=False, back_pressure=back_pressure, rows=3)
    assert "first" not in p.step_layout.members
    check(bench_of(p), tiles_of(p, (3, 1, 2)), waits={"i": at_random(0.4, 1)})


@pytest.mark.thorough
@pytest.mark.one_in(12)
@pytest.mark.parametrize("cls, level", LEVELS, ids=named(LEVELS))
def test_long_carries_and_the_smallest_array(cls, level):
    """Exact width for K = 4: all -128 reaches its end."""
    tiles, wanted = long_carries(4)
    width = OperandParameters().accumulator_width(4)
    size = {"rows": 1} if cls is CUBE else {}
    p = parameters(cls, level, depth=4, cols=1, accumulator_width=width, **size)
    assert p.width == width
    assert rows_of(p, check(bench_of(p), tiles))[:, 0].tolist() == wanted
    least = 2 if level is Level.OPT2 else 1
    p = parameters(
        cls, level, depth=least, cols=1, accumulator_width=20, result_width=18, **size
    )
    found = rows_of(p, check(bench_of(p), tiles[3:5]))[:, 0].tolist()
    assert found == wanted[3:5]


@pytest.mark.thorough
@pytest.mark.one_in(4)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_a_wait_in_every_cycle(cls, level):
    p = small(cls, level, c_input=True, depth=2)
    check_waits(check, bench_of(p), tiles_of(p, (1, 3, 1)), (*inputs(p), "o"))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_a_reset_in_every_cycle(cls, level):
    """Weights are gone too."""
    p = small(cls, level, depth=2)
    before, after = tiles_of(p, (2, 1, 3)), tiles_of(p, (3, 1), seed=1)
    check_resets(check, sends, bench_of(p), before, after)


def description(p):
    rows = {"rows": p.rows} if isinstance(p, CUBE) else {}
    release = {"release": p.release_cycles} if isinstance(p, WS) else {}
    return ArrayDescription(
        dataflow=FLOWS[type(p)], cols=p.cols, depth=p.depth, result_latency=p.latency, **rows,
        **release,
    )  # fmt: skip


@pytest.mark.one_in(12)
@pytest.mark.parametrize("stages, c_input", [(1, False), (3, True)])
@pytest.mark.parametrize("cls, level", LEVELS, ids=named(LEVELS))
def test_cycles_are_those_of_the_model(cls, level, stages, c_input):
    p = small(cls, level, resolve_stages=stages, c_input=c_input)
    counts = [1, 1, 9, 2, 1, 13, 3, 4, 5, 6, 1]
    tiles = tiles_of(p, counts, full=True)
    run = check(bench_of(p), tiles)
    counts = [transfers(p, tile) for tile in tiles]
    start, end, first, last = timeline(counts, description(p))
    steps = np.split(run.taken["i"], np.cumsum(counts)[:-1])
    beats = np.split(run.out, np.cumsum(counts)[:-1])
    assert [tile[0] for tile in steps] == start.tolist()
    assert [tile[-1] + 1 for tile in steps] == end.tolist()
    assert [tile[0] for tile in beats] == first.tolist()
    assert [tile[-1] for tile in beats] == last.tolist()


@pytest.mark.parametrize("cls, level, turn", [
    (WS, Level.OPT1_ROW, 4), (WS, Level.MAC, 4), (TREE, Level.OPT2, 3), (TREE, Level.MAC, 3),
])  # fmt: skip
def test_steady_state(cls, level, turn):
    p = small(cls, level)
    bench = bench_of(p)
    for rows in (1, 5, 20):
        out = check(bench, tiles_of(p, [rows] * 4)).out
        assert set(np.diff(out[::rows]).tolist()) == {p.tile_cycles(rows)}
        assert p.tile_cycles(rows) == max(rows, turn)


def test_latency_is_that_of_the_brief_and_the_last_addition():
    """Edge register to sum in K + N cycles for the systolic array; 1 more for the addition."""
    p = SystolicWsParameters(depth=5, cols=3)
    assert p.latency == 5 + 3 + p.resolve_stages


@pytest.mark.one_in(8)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_a_whole_product_in_tiles(cls, level):
    """Ragged in all of M, N, K; tiles of K added up outside; against torch, and the schedule."""
    p = parameters(cls, level)
    rng = np.random.default_rng(3)
    a, b = rng.integers(-128, 128, (5, 11)), rng.integers(-128, 128, (11, 7))
    model = schedule(a, b, description(p))
    run = check(bench_of(p), tiles_of_product(a, b, model))
    ends = np.cumsum([p.rows if cls is CUBE else len(t.m) for t in model.tiles])
    check_product(a, b, model, np.split(rows_of(p, run), ends[:-1]))
    assert run.out[-1] + 1 == model.cycles


@pytest.mark.one_in(4)
@pytest.mark.parametrize("cls, level", BEST, ids=named(BEST))
def test_tiles_of_k_through_c(cls, level):
    """Each row of C is that row of the tile before, and comes no earlier than it left."""
    p = parameters(cls, level, c_input=True, resolve_stages=3)
    tiles = tiles_of(p, (2, 2, 2, 2), full=True)
    tiles[0].c = np.zeros((2, p.cols), np.int64)
    for k in range(1, len(tiles)):
        tiles[k].c = expected(p, tiles[: k + 1][:-1])[-2:]
    bench = bench_of(p)
    each = transfers(p, tiles[0])

    def not_there_yet(cycle):
        row = len(bench.result.taken["c"])
        return row >= each and len(bench.result.out) <= row - each

    run = check(bench, tiles, waits={"c": not_there_yet})
    a, b = np.concatenate([t.a for t in tiles], 1), np.concatenate([t.b for t in tiles])
    np.testing.assert_array_equal(rows_of(p, run)[-2:], a @ b)


@pytest.mark.one_in(12)
@pytest.mark.parametrize("back_pressure", [True, False])
@pytest.mark.parametrize("cls, level", [each for each in LEVELS if each[0] is not WS],
                         ids=named([each for each in LEVELS if each[0] is not WS]))
def test_sums_of_several_steps(cls, level, back_pressure):
    """Steps before the last give no result; bubbles between them add nothing."""
    p = small(cls, level, back_pressure=back_pressure)
    counts = [1, 3, 1, 1, 4, 2]
    tiles = tiles_of(p, [1] * sum(counts), full=True)
    streams = sends(p, tiles)
    wanted, place = [], 0
    for count in counts:
        for step in range(place, place + count):
            streams["i"][step]["first"] = step == place
            streams["i"][step]["last" if cls is CUBE else "final"] = step == place + count - 1
        wanted.append(sum(product(p, tile) for tile in tiles[place : place + count]))
        place += count
    bench = bench_of(p)
    for share in (0, 0.5):
        waits = {name: at_random(share, seed) for seed, name in enumerate(inputs(p))}
        run = bench.run(streams, len(counts), waits=waits, idle=20)
        np.testing.assert_array_equal(rows_of(p, run), np.concatenate(wanted))


@pytest.mark.one_in(12)
@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("c_input", [False, True])
@pytest.mark.parametrize("cls, level", SOME, ids=named(SOME))
def test_narrow_results(cls, level, c_input, saturate):
    p = small(cls, level, result_width=6, saturate=saturate, c_input=c_input)
    tiles = tiles_of(p, (6, 2, 5, 7), full=True)
    for tile in tiles:
        if c_input:
            tile.c //= 1 << 5
    found = rows_of(p, check(bench_of(p), tiles))
    wide = expected(replace(p, result_width=None, saturate=False), tiles)
    assert (found != wide).any()
    assert (found == wide).any()


@pytest.mark.one_in(12)
@pytest.mark.parametrize("width", [2, 7])
@pytest.mark.parametrize("cls, level", LEVELS, ids=named(LEVELS))
def test_sums_wrap(cls, level, width):
    p = small(cls, level, accumulator_width=width, depth=5)
    check(bench_of(p), tiles_of(p, (9, 9), full=True))


@pytest.mark.parametrize("cls, fields, message", [
    (WS, {"level": Level.OPT2},
     "level must be one of behavioural, mac, opt1, opt1_row, opt1_shared, not opt2"),
    (TREE, {"level": Level.OPT3},
     "level must be one of behavioural, mac, opt1, opt1_row, opt1_shared, opt2, not opt3"),
    (CUBE, {"level": "opt2"},
     "level must be one of behavioural, mac, opt1, opt1_row, opt1_shared, opt2, not opt2"),
    (WS, {"depth": 0}, "depth must be at least 1, not 0"),
    (TREE, {"depth": 1}, "depth must be at least 2 for level opt2, not 1"),
    (TREE, {"group": 1}, "group must be at least 2, not 1"),
    (CUBE, {"rows": 0}, "rows must be at least 1, not 0"),
    (CUBE, {"cols": -1}, "cols must be at least 1, not -1"),
    (WS, {"resolve_stages": 19}, "resolve_stages must be in 1..18, not 19"),
    (WS, {"result_width": 33}, "result_width must be in 1..32, not 33"),
    (TREE, {"c_input": True, "back_pressure": False},
     "c_input must be False without back_pressure, not True"),
])  # fmt: skip
def test_refusals(cls, fields, message):
    assert refusal(cls, **fields) == message

"""Array of Laconic-style elements: products against integers, cycles against the model."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.golden.tpe.arrays import ArrayDescription, Laconic
from gatewright.golden.tpe.cycles import laconic_cost, schedule, timeline
from gatewright.golden.tpe.encodings import nonzero_digits
from gatewright.hw.arith.digit_encoder import Encoding
from gatewright.hw.tpe.laconic_array import FILL, LaconicArray, LaconicArrayParameters
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.tests.hw.tpe.array_bench import at_random
from gatewright.tests.hw.tpe.tiled import Tiled, bench, expected, padded, random_tiles

SMALL = {"rows": 2, "cols": 3, "lanes": 2}
UNSIGNED = OperandParameters(5, False, 3, False)
NARROW = OperandParameters(2, True, 2, True)


def array(**fields) -> LaconicArrayParameters:
    return LaconicArrayParameters(**SMALL | fields)


def steps_of(p: LaconicArrayParameters, a, b) -> list[dict]:
    """The transfers of a tile."""
    a, b = padded(p, a, b)
    return [
        {
            "a": a[:, k : k + p.lanes].T.tolist(), "b": b[k : k + p.lanes].tolist(),
            "first": int(k == 0), "last": int(k + p.lanes == len(b)),
        }
        for k in range(0, len(b), p.lanes)
    ]  # fmt: skip


def description(p: LaconicArrayParameters) -> ArrayDescription:
    o = p.operands
    return ArrayDescription(
        dataflow="laconic", rows=p.rows, cols=p.cols,
        work=Laconic(
            encoding=p.encoding.value, a_width=o.a_width, a_signed=o.a_signed, b_width=o.b_width,
            b_signed=o.b_signed, lanes=p.lanes,
        ),
        result_latency=FILL + p.latency, clearance=p.spacing - p.rows,
    )  # fmt: skip


def cycles_of(p: LaconicArrayParameters, tiles) -> list[int]:
    """Cycles of the first rows of results."""
    plan = description(p)
    work = plan.work
    steps = [
        laconic_cost(
            nonzero_digits(a, work.encoding, work.a_width, work.a_signed),
            nonzero_digits(b, work.encoding, work.b_width, work.b_signed), work,
        ).steps
        for a, b in tiles
    ]  # fmt: skip
    _, _, first, _ = timeline(steps, plan)
    return first.tolist()


TILED = Tiled(LaconicArray, steps_of, cycles_of)
check = TILED.check


@pytest.mark.one_in(12)
@pytest.mark.parametrize("fields", [
    {}, {"lanes": 1, "rows": 1, "cols": 1}, {"lanes": 4, "rows": 3, "cols": 2},
    {"encoding": Encoding.BOOTH}, {"encoding": Encoding.ENT}, {"encoding": Encoding.BITS},
    {"encoding": Encoding.SIGN_MAGNITUDE, "operands": UNSIGNED}, {"operands": UNSIGNED},
    {"operands": OperandParameters(7, False, 9, True)}, {"operands": NARROW, "rows": 6},
    {"accumulator_width": 11}, {"result_width": 12, "saturate": True},
    {"resolve_stages": 3, "back_pressure": False},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("density", [1.0, 0.2])
def test_products_and_cycles(fields, density):
    p = array(**fields)
    check(p, random_tiles(p, [5, 1, 4, 1, 2, 1, 1], density=density))


@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (1, 5, 3), (2, 4, 1)])
def test_ragged(m, k, n):
    p = array()
    rng = np.random.default_rng(5)
    check(p, [
        (rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))) for _ in range(2)
    ])  # fmt: skip


@pytest.mark.parametrize("a, b", [(-128, -128), (127, 127), (85, -86), (0, 85)])
def test_extreme_operands(a, b):
    check(array(), [(np.full((2, 4), a), np.full((4, 3), b))] * 2)


@pytest.mark.parametrize("seed", range(3))
def test_random_waits(seed):
    p = array(c_input=True, accumulator_width=24, resolve_stages=1 + seed)
    tiles = random_tiles(p, [3, 1, 4, 1], seed, 0.5)
    c = np.random.default_rng(3).integers(-(1 << 23), 1 << 23, (8, 3))
    shares = (0.7, 0.1, 0.4) if seed % 2 else (0.1, 0.8, 0.3)
    waits = {name: at_random(share, seed) for name, share in zip("ioc", shares, strict=True)}
    check(p, tiles, c=c, cycles=False, waits=waits)


@pytest.mark.thorough
@pytest.mark.one_in(4)
@pytest.mark.parametrize("side", ["i", "o"])
def test_a_wait_at_every_cycle(side):
    p = array(cols=2)
    TILED.check_waits(p, random_tiles(p, [2, 3, 1], density=0.6), side)


def test_reset_at_every_cycle():
    p = array(cols=2)
    before, after = random_tiles(p, [3, 2], density=0.6), random_tiles(p, [1, 2], seed=2)
    TILED.check_resets(p, before, after)


def test_tiles_of_one_sum():
    """Without ``first`` a tile goes on with the sums before."""
    p = array()
    tiles = random_tiles(p, [3, 2])
    sends = TILED.sends(p, tiles)
    for step in sends["i"][1:]:
        step["first"] = 0
    result = bench(LaconicArray, p).run(sends, 4)
    sums = expected(p, tiles)
    assert (result.rows == np.concatenate([sums[:2], sums[:2] + sums[2:]])).all()


def test_schedule_of_a_product():
    p = array(cols=2)
    rng = np.random.default_rng(11)
    a, b = rng.integers(-20, 21, (5, 7)), rng.integers(-20, 21, (7, 3))
    plan = schedule(a, b, description(p))
    tiles = [(a[np.ix_(tile.m, tile.k)], b[np.ix_(tile.k, tile.n)]) for tile in plan.tiles]
    result = check(p, tiles)
    assert result.out[-1] == plan.cycles - 1


@pytest.mark.parametrize("fields, message", [
    ({"lanes": 0}, "lanes must be at least 1, not 0"),
    ({"cols": 0}, "cols must be at least 1, not 0"),
    ({"accumulator_width": 0}, "accumulator_width must be at least 1, not 0"),
    ({"resolve_stages": 40}, "stages must be in 1..32, not 40"),
    ({"result_width": 33}, "result_width must be in 1..32, not 33"),
])  # fmt: skip
def test_refusals(fields, message):
    with pytest.raises(ValueError) as caught:
        array(**fields)
    assert str(caught.value) == message

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.salo.importers.boolean import from_boolean
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.schedule import make_schedule
from gatewright.generators.salo.shape import ArrayShape
from gatewright.generators.salo.terms import (
    Band,
    Blocks,
    GlobalColumns,
    GlobalRows,
    Window2d,
    Windows2d,
)

from .patterns import FULL_SIZE, dense, longformer, times_computed, with_globals

SMALL = ArrayShape(4, 4, 2, 1, 1)
GOALS = ArrayShape(32, 32, 2, 1, 1)


@st.composite
def terms(draw, queries, keys):
    token = st.integers(0, min(queries, keys) - 1)
    kind = draw(st.sampled_from(["band", "columns", "rows", "window", "windows", "blocks"]))
    if kind == "band":
        lo = draw(st.integers(-keys, keys))
        return Band(lo, lo + draw(st.integers(0, keys)), draw(st.integers(1, 7)))
    if kind in ("columns", "rows"):
        listed = draw(st.lists(token, max_size=5))
        return GlobalColumns(listed) if kind == "columns" else GlobalRows(listed)
    if kind == "blocks":
        size = draw(st.integers(1, 8))
        block = st.tuples(
            st.integers(0, (queries - 1) // size), st.integers(0, (keys - 1) // size)
        )
        return Blocks(size, draw(st.lists(block, max_size=9)))
    width = draw(st.integers(1, min(queries, keys)))
    height = min(queries, keys) // width
    odd = st.integers(0, 4).map(lambda half: 2 * half + 1)
    if kind == "window":
        return Window2d(height, width, draw(odd), draw(odd))
    return Windows2d(height, width, draw(st.integers(1, 5)), draw(st.integers(1, 5)))


@st.composite
def problems(draw):
    queries, keys = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    if draw(st.booleans()):
        listed = draw(st.lists(terms(queries, keys), min_size=1, max_size=4))
        pattern = Pattern(queries, keys, listed, draw(st.booleans()))
    else:
        seed, share = draw(st.integers(0, 2**32)), draw(st.sampled_from([0, 0.05, 0.5, 1]))
        mask = np.random.default_rng(seed).random((queries, keys)) < share
        pattern = from_boolean(mask)
    segments, width = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    shape = ArrayShape(
        draw(st.integers(1, 9)), segments * width, segments, draw(st.integers(0, 3)),
        draw(st.integers(1, 2)), draw(st.sampled_from(["shared", "private"])),
    )  # fmt: skip
    return pattern, shape


@settings(max_examples=150, deadline=None)
@given(problems())
def test_random_patterns(problem):
    """The certificate passes, and a count that shares nothing with it agrees."""
    pattern, shape = problem
    schedule = make_schedule(pattern, shape, dk=8, dv=4)
    allowed = pattern.block(0, pattern.queries)
    batch = schedule.tiles.batch()
    assert (times_computed(batch, pattern.queries, pattern.keys) == allowed).all()
    assert schedule.certificate.pairs == allowed.sum()
    homes = [*batch.queries[batch.first].ravel(), *batch.rider_queries[batch.rider_first]]
    assert sorted(each for each in homes if each >= 0) == list(range(pattern.queries))
    report = schedule.report
    assert report.cycles == len(batch) * (8 + 4 + 2) + shape.cols + shape.gather - 1
    assert report.bound * shape.multipliers >= allowed.sum() * 12
    assert report.utilisation <= 1


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", FULL_SIZE)
def test_goals(name):
    """Brief sections 5.4 and 5.5."""
    make, head, allowed, tiles, utilisation = FULL_SIZE[name]
    report = make_schedule(make(), GOALS, dk=head).report
    assert report.allowed == allowed
    assert report.tiles <= tiles
    assert report.utilisation >= utilisation
    assert report.bound == -(-allowed * 2 * head // 1088)


def test_longformer_takes_less_than_two_seconds():
    times = []
    for _ in range(3):
        start = time.process_time()
        make_schedule(longformer(), GOALS)
        times.append(time.process_time() - start)
    assert min(times) < 2


@pytest.mark.soak
def test_longest_sequence():
    """Under a minute; what is kept grows with the tokens, not with their square."""
    start = time.process_time()
    schedule = make_schedule(longformer(65_536), GOALS)
    assert time.process_time() - start < 60
    assert schedule.report.utilisation > 0.93
    assert schedule.tiles.nbytes < 16 << 20


def tiles_of(pattern, shape=SMALL):
    return make_schedule(pattern, shape, dk=8).report.tiles


def test_a_dense_block_is_one_tile_although_feeds_are_diagonal():
    assert tiles_of(dense(8), ArrayShape(8, 8, 1, 0, 0)) == 1


def test_gather_column_takes_the_tap_too_many():
    """Window of k C + 1 taps: without gather columns the last one would need a tile."""
    pattern = Pattern(4, 16, [Band(0, 8)])
    assert tiles_of(pattern, ArrayShape(4, 8, 1, 0, 0)) == 2
    assert tiles_of(pattern, ArrayShape(4, 8, 1, 1, 0)) == 1


def test_segments_hold_bands_apart():
    pattern = Pattern(4, 64, [Band(0, 3), Band(40, 43)])
    assert tiles_of(pattern, ArrayShape(4, 8, 1, 0, 0)) == 2
    assert tiles_of(pattern, ArrayShape(4, 8, 2, 0, 0)) == 1


def test_residue_classes_make_dilated_windows_dense():
    pattern = Pattern(64, 64, [Band(-16, 12, 4)])
    schedule = make_schedule(pattern, ArrayShape(8, 8, 1, 0, 0), dk=8)
    assert schedule.order == "residues mod 4"
    assert schedule.report.tiles == 8


def test_equal_rows_make_windows_dense():
    pattern = Pattern(64, 64, [Windows2d(8, 8, 4, 4)])
    schedule = make_schedule(pattern, ArrayShape(16, 16, 1, 0, 0), dk=8)
    assert schedule.order == "equal rows"
    assert schedule.report.tiles == 4
    assert schedule.report.explicit_masks == 0


def test_a_global_row_rides_along():
    """Without rider rows it takes a block of 32 tiles."""
    pattern = Pattern(64, 64, with_globals(1, Band(-4, 4)))
    alone = tiles_of(pattern, ArrayShape(4, 4, 1, 0, 0))
    riding = make_schedule(pattern, ArrayShape(4, 4, 1, 0, 1), dk=8)
    assert riding.report.ridden == 64
    assert riding.report.tiles <= alone - 13


def test_private_riders_take_turns():
    pattern = Pattern(64, 64, with_globals(3, Band(-4, 4)))
    shape = ArrayShape(4, 4, 1, 1, 1, "private")
    schedule = make_schedule(pattern, shape, dk=8)
    riders = schedule.tiles.rider_queries[:, 0]
    assert [rider for rider in dict.fromkeys(riders.tolist()) if rider >= 0] == [0, 1, 2]
    assert schedule.report.ridden == 3 * 64
    only = make_schedule(Pattern(3, 64, [GlobalRows(range(3))]), shape, dk=8)
    assert only.report.tiles == 3 * 16
    assert (only.tiles.block == -1).all()


def test_shared_riders_take_turns():
    """Four blocks show a key, so that four riders can see all of them, one after another."""
    pattern = Pattern(256, 256, with_globals(3, Band(-16, 15)))
    schedule = make_schedule(pattern, ArrayShape(8, 8, 1, 1, 1), dk=8)
    riders = schedule.tiles.rider_queries[:, 0]
    assert sorted(rider for rider in dict.fromkeys(riders.tolist()) if rider >= 0) == [0, 1, 2]
    assert schedule.report.ridden == 3 * 256
    others = make_schedule(Pattern(256, 256, [Band(-16, 15), GlobalColumns(range(3))]),
                           ArrayShape(8, 8, 1, 1, 1), dk=8)  # fmt: skip
    assert schedule.report.tiles <= others.report.tiles + 4


def test_keys_that_do_not_come_by_are_fed_to_riders():
    """A window of one key shows the last row one key in four."""
    pattern = Pattern(32, 32, [Band(0, 0), GlobalRows([5])])
    schedule = make_schedule(pattern, ArrayShape(4, 8, 2, 0, 1), dk=8)
    assert schedule.report.ridden == 32


CORNERS = {
    "length not a multiple of the rows": Pattern(13, 13, [Band(-2, 2)]),
    "window wider than the array": Pattern(30, 30, [Band(-11, 11)]),
    "window narrower than a segment": Pattern(12, 12, [Band(0, 0)]),
    "global token inside the window": Pattern(12, 12, with_globals(1, Band(-2, 2))),
    "global tokens apart": Pattern(
        40, 40, [Band(-2, 2), GlobalColumns([3, 17, 30]), GlobalRows([3, 17, 30])]
    ),
    "more global columns than gather slots": Pattern(40, 40, with_globals(9, Band(-1, 1))),
    "rows without keys": Pattern(12, 12, [Blocks(3, [(1, 0), (3, 3)])]),
    "no pair at all": Pattern(9, 9, [Blocks(3, [])]),
    "a row of one key": Pattern(9, 9, [Band(8, 8), Band(0, 3)]),
    "fewer keys than queries": Pattern(30, 7, [Band(-6, 6), GlobalRows([29])]),
    "fewer queries than keys": Pattern(7, 30, [Band(-6, 6), GlobalColumns([29])]),
    "causal with globals": Pattern(24, 24, with_globals(2, Band(-3, 3)), causal=True),
    "dilation beyond the sequence": Pattern(10, 10, [Band(-40, 40, 20)]),
    "one query, one key": Pattern(1, 1, [Band(0, 0)]),
    "global row cut to nothing": Pattern(6, 6, [Band(-1, 0), GlobalRows([0])], causal=True),
}


@pytest.mark.parametrize("kv", ["shared", "private"])
@pytest.mark.parametrize("name", CORNERS)
def test_corner_cases(name, kv):
    """Brief section 5.6."""
    pattern = CORNERS[name]
    for shape in (
        ArrayShape(4, 4, 2, 1, 1, kv), ArrayShape(5, 6, 3, 0, 2, kv), ArrayShape(1, 1, 1, 2, 1, kv)
    ):  # fmt: skip
        schedule = make_schedule(pattern, shape, dk=4, dv=6)
        times = times_computed(schedule.tiles.batch(), pattern.queries, pattern.keys)
        assert (times == pattern.block(0, pattern.queries)).all()


def test_tiles_at_the_ends_of_the_sequence_are_left_out():
    """Bands before the first key or after the last take no tile."""
    inner = tiles_of(Pattern(8, 64, [Band(0, 31)]), ArrayShape(4, 4, 1, 0, 0))
    outer = tiles_of(Pattern(8, 64, [Band(-32, -1)]), ArrayShape(4, 4, 1, 0, 0))
    assert (inner, outer) == (16, 3)


def test_bytes_moved():
    """One tile of a torus: 4 + 4 tokens once, not at all 7 ports."""
    moved = make_schedule(dense(4), ArrayShape(4, 4, 1, 0, 0), dk=3, dv=5).report.bytes_moved
    assert (moved.queries, moved.outputs) == (12, 40)
    assert moved.feeds == 4 * 8
    band = make_schedule(Pattern(4, 7, [Band(0, 3)]), ArrayShape(4, 4, 1, 0, 0), dk=3, dv=5)
    assert band.report.bytes_moved.feeds == 7 * 8
    assert band.report.bytes_moved.total == 12 + 56 + 40


def test_progress_is_told():
    told = []
    make_schedule(longformer(600, 64), SMALL, progress=lambda step, part: told.append((step, part)))
    steps = list(dict.fromkeys(step for step, _ in told))
    assert steps == ["schedule: natural", "certificate"]
    assert [part for step, part in told if step == "certificate"][-1] == 1


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ArrayShape(32, 32, 5), "segments must be a divisor of cols = 32, not 5"),
        (lambda: ArrayShape(0), "rows must be a whole number from 1 to 128, not 0"),
        (lambda: ArrayShape(gather=9), "gather must be a whole number from 0 to 8, not 9"),
        (lambda: ArrayShape(global_row_kv="own"),
         "global_row_kv must be shared or private, not 'own'"),
        (lambda: make_schedule(dense(4), SMALL, dk=0),
         "dk must be a whole number from 1 to 256, not 0"),
        (lambda: make_schedule(dense(4), SMALL, dv=257),
         "dv must be a whole number from 1 to 256, not 257"),
        (lambda: make_schedule(Pattern(9, 9, [GlobalRows([1])]),
                               ArrayShape(4, 4, 1, 1, 0, "private")),
         "global_rows must be at least 1 for 1 global queries with projections of their own "
         "(global_row_kv private), not 0"),
    ],
)  # fmt: skip
def test_refusals(make, message):
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == message

"""Closed forms against the walk, and against the brief's latencies and tables (4 and 5)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.golden.tpe.arrays import ArrayDescription, Dataflow, DigitSerial, Laconic
from gatewright.golden.tpe.cycles import digit_serial_cost, lane_cycles, schedule, timeline
from gatewright.golden.tpe.distributions import gaussian, numbers, uniform
from gatewright.golden.tpe.encodings import Encoding, encode, operand_range
from gatewright.golden.tpe.gemm import gemm
from gatewright.golden.tpe.statistics import digit_statistics, expected_cycles, expected_maximum
from gatewright.golden.tpe.walk import lane_program, walk

COUNT = st.integers(1, 4)
INT8 = numbers(8, True)


@st.composite
def descriptions(draw):
    flow = draw(st.sampled_from(Dataflow))
    fields = {"rows": draw(COUNT), "cols": draw(COUNT), "pipeline": draw(st.integers(0, 5))}
    fields["skew"] = draw(st.none() | st.integers(0, 4))
    fields["result_latency"] = draw(st.none() | st.integers(0, 9))
    if flow.holds_weights:
        fields["rows"] = 1
        fields["load"] = draw(st.none() | st.integers(0, 9))
        fields["release"] = draw(st.integers(0, 4))
    if flow.streams or flow == Dataflow.MATRIX:
        fields["depth"] = draw(COUNT)
    if not flow.streams:
        fields["tile_k"] = draw(st.none() | COUNT)
        fields["beats"] = draw(st.none() | st.integers(1, 9))
        fields["result_buffers"] = draw(st.integers(1, 2))
        fields["clearance"] = draw(st.integers(0, 3))
    if flow == Dataflow.DIGIT_SERIAL:
        group, barrier = draw(st.none() | COUNT), draw(st.none() | st.integers(1, 6))
        fields["work"] = DigitSerial(
            encoding=draw(st.sampled_from(Encoding)), width=5, signed=draw(st.booleans()),
            lanes=draw(COUNT), group=group, minimum=draw(st.integers(0, 1)), barrier=barrier,
            horner=group is not None and barrier is None and draw(st.booleans()),
        )  # fmt: skip
        fields["buffered"] = draw(st.booleans())
    elif flow == Dataflow.LACONIC:
        fields["work"] = Laconic(
            encoding=draw(st.sampled_from(Encoding)), a_width=4, a_signed=draw(st.booleans()),
            b_width=5, b_signed=draw(st.booleans()), lanes=draw(COUNT),
            lock_step=draw(st.booleans()),
        )  # fmt: skip
    return ArrayDescription(dataflow=flow, **fields)


def operands(draw, array):
    m, k, n = draw(st.integers(1, 6)), draw(st.integers(1, 12)), draw(st.integers(1, 6))
    work = array.work
    a_format, b_format = (4, True), (4, True)
    if isinstance(work, DigitSerial):
        a_format = work.width, work.signed
    elif isinstance(work, Laconic):
        a_format, b_format = (work.a_width, work.a_signed), (work.b_width, work.b_signed)
    seed = np.random.default_rng(draw(st.integers(0, 2**32)))
    a_low, a_high = operand_range(*a_format)
    b_low, b_high = operand_range(*b_format)
    a = seed.integers(a_low, a_high + 1, (m, k))
    b = seed.integers(b_low, b_high + 1, (k, n))
    # Zeros, so that groups and whole tiles are empty now and then.
    return a * (seed.random((m, k)) < draw(st.sampled_from([0, 0.3, 1]))), b


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_closed_form_is_the_walk(data):
    array = data.draw(descriptions())
    a, b = operands(data.draw, array)
    model, walked = schedule(a, b, array), walk(a, b, array)
    assert model.start.tolist() == walked.start
    assert model.end.tolist() == walked.end
    assert model.first_result.tolist() == walked.first_result
    assert model.last_result.tolist() == walked.last_result
    assert model.row_busy.tolist() == walked.row_busy.tolist()
    assert (walked.product == gemm(a, b)).all()
    assert 0 <= model.utilisation <= model.occupation <= 1
    assert model.held >= 0 and model.barrier_cost >= 0
    assert (model.imbalance >= 0).all()


def dense(flow, **fields):
    return ArrayDescription(dataflow=flow, **fields)


def last_of_one(array, m, k, n):
    model = schedule(np.ones((m, k), np.int64), np.ones((k, n), np.int64), array)
    assert len(model.tiles) == 1
    return model


@pytest.mark.parametrize("m, k, n", [(4, 4, 4), (8, 16, 8), (3, 1, 5), (1, 1, 1)])
def test_latencies_of_the_peer(m, k, n):
    """Section 4; an edge e is the end of cycle e, so what it writes is seen in cycle e + 1."""
    stationary = dense(Dataflow.OUTPUT_STATIONARY, rows=m, cols=n)
    assert last_of_one(stationary, m, k, n).first_result[0] == k + m + n - 1
    weights = dense(Dataflow.WEIGHT_STATIONARY, depth=k, cols=n, load=0)
    assert last_of_one(weights, m, k, n).last_result[0] == (m - 1) + k + (n - 1) + 1
    cube = dense(Dataflow.CUBE, rows=m, cols=n, depth=k)
    assert last_of_one(cube, m, k, n).last_result[0] == (m - 1) + (n - 1) + k + 1
    tree = dense(Dataflow.TREE, depth=k, cols=n, load=0, pipeline=8)
    assert last_of_one(tree, m, k, n).last_result[0] == (m - 1) + 8
    matrix = dense(Dataflow.MATRIX, rows=m, cols=n, pipeline=3)
    assert last_of_one(matrix, m, k, n).first_result[0] == k - 1 + 3


@pytest.mark.parametrize("k", [1, 5, 16, 40])
def test_steady_state_is_the_longer_of_k_and_rows(k):
    array = dense(Dataflow.OUTPUT_STATIONARY, rows=16, cols=16)
    model = schedule(np.ones((160, k), np.int64), np.ones((k, 16), np.int64), array)
    assert set(np.diff(model.end).tolist()) == {max(k, 16)}
    assert model.held == 9 * max(0, 16 - k)
    single = schedule(
        np.ones((160, k), np.int64), np.ones((k, 16), np.int64),
        dense(Dataflow.OUTPUT_STATIONARY, rows=16, cols=16, result_buffers=1),
    )  # fmt: skip
    assert set(np.diff(single.start).tolist()) == {k - 1 + array.latency + 16}


def test_weights_load_behind_the_tile_before():
    array = dense(Dataflow.WEIGHT_STATIONARY, depth=4, cols=8)
    for m, each in ((20, 20), (3, 8)):
        start, *_ = timeline([m] * 5, array)
        assert start[0] == 8
        assert set(np.diff(start).tolist()) == {each}


def test_weights_do_not_load_two_tiles_ahead():
    """The weights of tile 2 replace those of tile 0, which are in use until tile 1 starts."""
    array = dense(Dataflow.WEIGHT_STATIONARY, depth=4, cols=8)
    start, *_ = timeline([20, 3, 3], array)
    assert start.tolist() == [8, 28, 36]


def draws(probabilities, shape, seed=7):
    edges = np.cumsum(probabilities)
    edges[-1] = 1
    return INT8[np.searchsorted(edges, np.random.default_rng(seed).random(shape))]


SECTION_5 = {  # digits, G = 2, 4, 8, 16, 32, operand by operand
    ("ent", 10): (1.762, 2.582, 2.076, 1.894, 1.824, 1.793, 1.801),
    ("naf", 10): (1.731, 2.561, 2.047, 1.864, 1.794, 1.762, 1.771),
    ("ent", 20): (2.114, 2.729, 2.340, 2.209, 2.150, 2.124, 2.133),
    ("naf", 20): (2.063, 2.693, 2.291, 2.158, 2.099, 2.073, 2.083),
    ("ent", 40): (2.492, 2.852, 2.560, 2.500, 2.493, 2.492, 2.502),
    ("naf", 40): (2.398, 2.785, 2.468, 2.406, 2.398, 2.398, 2.408),
    ("ent", None): (2.920, 3.068, 2.926, 2.920, None, None, 2.924),
    ("naf", None): (2.778, 2.967, 2.788, 2.778, None, None, 2.782),
}


@pytest.mark.parametrize("encoding, sd", SECTION_5)
def test_cycles_per_operand_of_the_brief(encoding, sd):
    """The brief's figures come from a sample: they are within 0.003 of the expectation.

    Our own sample is within four standard errors of it.
    """
    probabilities = uniform(8, True) if sd is None else gaussian(sd, 8)
    statistics = digit_statistics(INT8, encoding, 8, True, probabilities)
    values = draws(probabilities, (64, 4096))
    nonzero = encode(values, encoding, 8, True) != 0
    printed = SECTION_5[encoding, sd]
    assert statistics.mean == pytest.approx(printed[0], abs=0.003)
    for group, figure in zip((2, 4, 8, 16, 32, None), printed[1:], strict=True):
        expected = expected_cycles(statistics, group, 1)
        if figure is not None:
            assert expected == pytest.approx(figure, abs=0.003)
        rows = lane_cycles(nonzero, 1, group, 1).sum(axis=(1, 2)) / values.shape[1]
        error = rows.std(ddof=1) / np.sqrt(len(rows))
        assert abs(rows.mean() - expected) < 4 * error
        assert expected_cycles(statistics, group, 0) == pytest.approx(statistics.mean)


def test_ratios_of_the_brief():
    """NAF in groups of 8 against EN-T in groups of 4: 7.8 % fewer at sd 20, 5.1 % uniform."""
    for probabilities, share in ((gaussian(20, 8), 0.078), (uniform(8, True), 0.051)):
        ours, peer = (
            expected_cycles(digit_statistics(INT8, encoding, 8, True, probabilities), group, 1)
            for encoding, group in (("naf", 8), ("ent", 4))
        )
        assert 1 - ours / peer == pytest.approx(share, abs=0.001)


def mean_of_ratios(probabilities, rows, lanes, depth, tiles):
    """Digits over what the slowest takes: mean over tiles that meet at their end."""
    values = draws(probabilities, (tiles, rows, depth))
    work = DigitSerial(
        encoding="naf", width=8, signed=True, lanes=lanes, group=None, minimum=0
    )
    nonzero = encode(values, "naf", 8, True) != 0
    costs = [digit_serial_cost(tile, 1, work) for tile in nonzero]
    return float(np.mean([cost.work / (cost.steps * rows * lanes) for cost in costs]))


@pytest.mark.parametrize(
    "sd, rows, depth, share",
    [(20, 16, 16, 0.863), (20, 16, 64, 0.926), (20, 16, 256, 0.962), (20, 16, 1024, 0.980),
     (20, 32, 16, 0.844), (20, 32, 64, 0.913), (20, 32, 256, 0.955), (20, 32, 1024, 0.976),
     (None, 16, 16, 0.886), (None, 16, 64, 0.941), (None, 16, 256, 0.968),
     (None, 16, 1024, 0.984)],
)  # fmt: skip
def test_utilisation_of_rows_of_the_brief(sd, rows, depth, share):
    probabilities = uniform(8, True) if sd is None else gaussian(sd, 8)
    found = mean_of_ratios(probabilities, rows, 1, depth, max(40, 16384 // depth))
    assert found == pytest.approx(share, abs=0.004)
    shares = digit_statistics(INT8, "naf", 8, True, probabilities).probabilities()
    mean = shares @ np.arange(5)
    # The mean of the ratios is above the ratio of the means, less so for long tiles.
    assert mean * depth / expected_maximum(shares, depth, rows) == pytest.approx(share, abs=0.004)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    "sd, shares",
    [(20, (0.750, 0.799, 0.846, 0.884, 0.914, 0.954)),
     (None, (0.787, 0.834, 0.873, 0.906, 0.931, 0.964))],
)  # fmt: skip
def test_utilisation_of_lanes_of_the_brief(sd, shares):
    probabilities = uniform(8, True) if sd is None else gaussian(sd, 8)
    for depth, share in zip((4, 8, 16, 32, 64, 256), shares, strict=True):
        tiles = max(1500, 20000 // depth)
        found = mean_of_ratios(probabilities, 1, 4, depth, tiles)
        assert found == pytest.approx(share, abs=0.006)


def test_a_tile_of_zeros_takes_a_cycle():
    work = DigitSerial(encoding="naf", width=8, signed=True, minimum=0)
    array = dense(Dataflow.DIGIT_SERIAL, rows=2, cols=2, work=work)
    model = schedule(np.zeros((2, 9), np.int64), np.zeros((9, 2), np.int64), array)
    assert model.steps.tolist() == [1]
    assert model.work == 0
    assert model.utilisation == 0


def test_barrier_cost_and_imbalance():
    """Row 0 has four digits for each operand, row 1 one."""
    a = np.array([[85] * 6, [1] * 6])
    work = DigitSerial(encoding="naf", width=8, signed=True, group=None)
    array = dense(Dataflow.DIGIT_SERIAL, rows=2, cols=3, work=work)
    model = schedule(a, np.ones((6, 3), np.int64), array)
    assert model.steps.tolist() == [24]
    assert model.row_busy.tolist() == [24, 6]
    assert model.imbalance.tolist() == [0, 0.75]
    assert model.barrier_cost == 9
    assert model.work == 3 * 30
    assert model.occupation == 90 / (24 * 6)


def test_program_of_a_lane():
    digits = encode(np.array([3, 0, 16, 1]), "naf", 8, True)  # 3 = -1 + 4
    work = DigitSerial(encoding="naf", width=8, signed=True, lanes=1, group=2)
    first, second, third, fourth = lane_program(digits, range(4), 0, work)
    assert [(i.k, i.index, i.digit, i.last) for i in first] == [(0, 0, -1, True), (3, 1, 1, True)]
    assert [(i.k, i.digit, i.last) for i in second] == [(0, 1, True), (2, 0, True)]
    assert [(i.k, i.digit, i.last) for i in third] == [(0, 0, True), (2, 1, True)]
    assert [(i.k, i.digit) for i in fourth] == [(0, 0), (2, 0)]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: dense("ring"), "dataflow must be one of output_stationary, weight_stationary, "
         "cube, tree, matrix, digit_serial, laconic, not 'ring'"),
        (lambda: dense("matrix", rows=0), "rows must be at least 1, not 0"),
        (lambda: dense("matrix", pipeline=-1), "pipeline must be at least 0, not -1"),
        (lambda: dense("matrix", clearance=-1), "clearance must be at least 0, not -1"),
        (lambda: dense("matrix", buffered=True), "buffered must be False for matrix, not True"),
        (lambda: dense("matrix", result_buffers=3), "result_buffers must be 1 or 2, not 3"),
        (lambda: dense("tree", rows=2), "rows must be 1 for tree, not 2"),
        (lambda: dense("output_stationary", depth=2),
         "depth must be 1 for output_stationary, not 2"),
        (lambda: dense("cube", tile_k=4), "tile_k must be left out for cube, not 4"),
        (lambda: dense("cube", load=4), "load must be left out for cube, not 4"),
        (lambda: dense("cube", release=1), "release must be 0 for cube, not 1"),
        (lambda: dense("cube", beats=4), "beats must be left out for cube, not 4"),
        (lambda: dense("cube", result_buffers=1), "result_buffers must be 2 for cube, not 1"),
        (lambda: dense("digit_serial"), "work must be DigitSerial for digit_serial, not None"),
        (lambda: dense("matrix", work=Laconic()),
         f"work must be None for matrix, not {Laconic()!r}"),
        (lambda: DigitSerial(encoding="naf", width=8, signed=True, minimum=2),
         "minimum must be 0 or 1, not 2"),
        (lambda: DigitSerial(encoding="naf", width=8, signed=True, group=0),
         "group must be at least 1, not 0"),
        (lambda: Laconic(lanes=0), "lanes must be at least 1, not 0"),
        (lambda: schedule(np.ones((2, 3)), np.ones((2, 3)), dense("matrix")),
         "a and b must be [M, K] and [K, N] of at least 1, not [2, 3] and [2, 3]"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(InputError) as refused:
        call()
    assert str(refused.value) == message

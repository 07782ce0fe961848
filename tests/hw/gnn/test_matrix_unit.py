"""Matrix unit: products of tiles against NumPy and the golden model's requantisation."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from gatewright.golden.gnn import fixed
from gatewright.hw.gnn.matrix_unit import MatrixUnit
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.tests.hw.gnn.bench import Outcome, UnitBench, pack, unpack

THREADS = 2


def parameters(lanes: int, rows: int, columns: int, psum_rows: int = 0) -> GnnParameters:
    return GnnParameters(
        lanes=lanes, rows=rows, columns=columns, bus_bytes=4, local_words=256, threads=THREADS,
        weight_words=256, bias_words=16, psum_rows=psum_rows or max(rows, 8),
    )  # fmt: skip


@cache
def bench(p: GnnParameters) -> UnitBench:
    return UnitBench(MatrixUnit(p), {"rows": {"words": p.local_words, "threads": THREADS}})


def occupancy(p: GnnParameters, job: dict[str, Any]) -> int:
    blocks = [min(p.psum_rows, job["rows"] - b) for b in range(0, job["rows"], p.psum_rows)]
    return int(job["k_tiles"] * job["n_tiles"] * sum(max(rows, p.rows) for rows in blocks))


def job(p: GnnParameters, **values: Any) -> dict[str, Any]:
    """A job of rows whose operand comes first and result after it."""
    k_words = -(-values["k_tiles"] * p.rows // p.lanes)
    size = p.columns * (2 if values.get("wide") else 1)
    stride = k_words + -(-values["n_tiles"] * size // p.lanes)
    return {
        "thread": 0, "a_base": 3, "d_base": 3 + k_words, "stride": stride, "weight": 5, "bias": 2,
        "relu": 0, "wide": 0, "constant": {"m": 40000, "s": 24}, **values,
    }  # fmt: skip


def run(p: GnnParameters, jobs: list[dict[str, Any]], seed: int, extreme: bool = False) -> Outcome:
    """Run jobs and compare the whole memory; a job sees what the ones before it wrote."""
    rng = np.random.default_rng(seed)
    test = bench(p)
    store = test.stores["rows"]
    words = store.fill(rng)
    if extreme:
        words = pack(rng.choice([-128, 127], store.memory.depth * p.lanes), 8, p.lanes)
    values = (-128, 127) if extreme else tuple(range(-128, 128))
    weights = rng.choice(values, (p.weight_words, p.columns))
    bias = rng.integers(-(1 << 31), 1 << 31, (p.bias_words, p.columns)) >> rng.integers(0, 20)
    outcome = test.run(
        jobs, {"rows": words},
        {"weights": pack(weights, 8, p.columns), "bias": pack(bias, 32, 1)},
    )  # fmt: skip
    memory = unpack(words, 8, p.lanes).reshape(THREADS, p.local_words * p.lanes)
    for each in jobs:
        k, n = each["k_tiles"] * p.rows, each["n_tiles"] * p.columns
        tiles = weights[each["weight"] :][: k * each["n_tiles"]]
        w = tiles.reshape(each["n_tiles"], k, p.columns).transpose(1, 0, 2).reshape(k, n)
        b = bias[each["bias"] :][: each["n_tiles"]].ravel()
        local = memory[each["thread"]]
        for row in range(each["rows"]):
            a = local[(each["a_base"] + row * each["stride"]) * p.lanes :][:k]
            total = fixed.wrap32(fixed.matmul(a[None], w)[0] + b)
            bits = 16 if each["wide"] else 8
            d = fixed.requantize(total, fixed.Multiplier(**each["constant"]), bits)
            d = np.maximum(d, 0) if each["relu"] else d
            start = (each["d_base"] + row * each["stride"]) * p.lanes
            raw = d.astype("<i2" if each["wide"] else "i1").view("i1")
            local[start : start + len(raw)] = raw
    found = unpack(outcome.words["rows"], 8, p.lanes).reshape(memory.shape)
    np.testing.assert_array_equal(found, memory)
    assert outcome.busy == sum(occupancy(p, each) for each in jobs)
    assert sorted(outcome.threads) == sorted(each["thread"] for each in jobs)
    return outcome


SHAPES = [(8, 8, 8), (8, 4, 4), (8, 8, 4), (16, 4, 8), (4, 4, 4)]


@pytest.mark.one_in(12)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wide", [0, 1])
@pytest.mark.parametrize(("rows", "k_tiles", "n_tiles"), [(1, 1, 1), (5, 3, 2), (19, 2, 3)])
def test_products(shape, wide: int, rows: int, k_tiles: int, n_tiles: int) -> None:
    p = parameters(*shape)
    values = {"rows": rows, "k_tiles": k_tiles, "n_tiles": n_tiles, "wide": wide}
    constant = {"m": 40000, "s": 16 if wide else 24}
    run(p, [job(p, **values, constant=constant, relu=rows & 1)], seed=rows)


def test_extremes() -> None:
    """Products of -128 and 127, and sums that wrap."""
    p = parameters(8, 8, 8)
    constant = {"m": 65535, "s": 0}
    jobs = [
        # A thread has one job at a time: these two overlap.
        job(p, thread=wide, rows=4, k_tiles=4, n_tiles=2, constant=constant, wide=wide)
        for wide in (0, 1)
    ]
    run(p, jobs, seed=4, extreme=True)


@pytest.mark.parametrize("constant", [{"m": 65535, "s": 47}, {"m": 1, "s": 0}, {"m": 0, "s": 0}])
def test_constants(constant: dict[str, int]) -> None:
    p = parameters(8, 4, 4)
    run(p, [job(p, rows=3, k_tiles=1, n_tiles=1, constant=constant)], seed=5)


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_jobs_follow_each_other(shape) -> None:
    """Jobs of two threads, with other constants, widths and weights; some without rows.

    All that wait are at work one after another: ends are as far apart as jobs are long, where
    there is time to load weights.
    """
    p = parameters(*shape)
    sizes = [(8, 2, 1), (0, 1, 1), (3, 1, 2), (1, 1, 1), (17, 2, 2), (8, 1, 1)]
    jobs = [
        job(p, rows=rows, k_tiles=k, n_tiles=n, thread=i & 1, relu=i & 1, weight=4 * i, bias=i,
            constant={"m": 30000 + 5000 * i, "s": 22 + i % 3})
        for i, (rows, k, n) in enumerate(sizes)
    ]  # fmt: skip
    outcome = run(p, jobs, seed=6)
    assert outcome.threads == [each["thread"] for each in jobs]
    # From the handshake: a cycle, the first weights, two cycles to the step, and the drain.
    start = 1 + p.rows + 1 + MatrixUnit.drain(p)
    lengths = [max(occupancy(p, each), 1) for each in jobs]
    first = outcome.ends[0]
    assert first == start + lengths[0]
    later = [end - first for end in outcome.ends]
    # A job without rows leaves no time to load the weights of the one behind it, and one of a
    # single tile of few rows a cycle too little.
    waits = [0, 0, p.rows, 0, 1, 0]
    assert later == (np.cumsum(lengths) + np.cumsum(waits) - lengths[0]).tolist()


def test_wide_results_of_two_words() -> None:
    """As many columns as lanes: a row takes two cycles in the last tile of a sum, one busy."""
    p = parameters(8, 8, 8)
    jobs = [job(p, rows=rows, k_tiles=2, n_tiles=2, wide=1, constant={"m": 40000, "s": 17})
            for rows in (8, 5, 1)]  # fmt: skip
    outcome = run(p, jobs, seed=7)
    gaps = np.diff(outcome.ends).tolist()
    assert gaps == [2 * (16 + 5), 2 * (16 + 1)]

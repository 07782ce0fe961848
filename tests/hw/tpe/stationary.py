"""Tiles for output-stationary arrays, and what their results are by the golden model."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewright.golden.tpe.gemm import gemm
from gatewright.tests.hw.tpe.array_bench import ArrayBench, Run, fitted, integers, wrap
from gatewright.tests.hw.tpe.tiles import Tile, padded


def random_tile(p: Any, rng: np.random.Generator, depth: int, *, full: bool = False) -> Tile:
    """A tile of this depth, smaller than the array unless ``full``."""
    m, n = p.rows, p.cols
    if not full:
        m, n = int(rng.integers(1, m, endpoint=True)), int(rng.integers(1, n, endpoint=True))
    o = p.operands
    a, b = integers(rng, o.a_shape, (m, depth)), integers(rng, o.b_shape, (depth, n))
    half = 1 << p.accumulator_width - 1
    return Tile(a, b, rng.integers(-half, half, (m, n)) if p.c_input else None)


def steps(p: Any, tiles: list[Tile]) -> list[dict[str, Any]]:
    """The transfers of tiles, a step each."""
    lanes = p.lanes
    sent = []
    for tile in tiles:
        count = -(-tile.a.shape[1] // lanes)
        a = padded(tile.a, p.rows, count * lanes).reshape(p.rows, count, lanes)
        b = padded(tile.b, count * lanes, p.cols).reshape(count, lanes, p.cols)
        for k in range(count):
            step_a, step_b = a[:, k], b[k].T
            if lanes == 1:
                step_a, step_b = step_a[:, 0], step_b[:, 0]
            sent.append({
                "a": step_a.tolist(), "b": step_b.tolist(),
                "first": k == 0 and not tile.goes_on, "last": k == count - 1,
            })  # fmt: skip
    return sent


def sends(p: Any, tiles: list[Tile]) -> dict[str, list[Any]]:
    """What goes into the streams of an array."""
    streams: dict[str, list[Any]] = {"i": steps(p, tiles)}
    if p.c_input:
        streams["c"] = [
            row for tile in tiles for row in padded(tile.c, p.rows, p.cols).tolist()
        ]
    return streams


def expected(p: Any, tiles: list[Tile]) -> np.ndarray:
    """int64 [tiles, M, N]: results by the golden model; what is beyond a tile is 0 or goes on."""
    results = []
    sums = np.zeros((p.rows, p.cols), np.int64)
    for tile in tiles:
        start = sums if tile.goes_on else np.zeros_like(sums)
        product = gemm(tile.a, tile.b, bits=p.accumulator_width, overflow="wrap")
        sums = wrap(start + padded(product, p.rows, p.cols), p.accumulator_width)
        c = 0 if tile.c is None else padded(tile.c, p.rows, p.cols)
        results.append(fitted(sums + c, p.accumulator_width, p.result_width, p.saturate))
    return np.array(results)


def bench_of(cls: Any, p: Any) -> ArrayBench:
    return ArrayBench(cls(p), ("i", "c") if p.c_input else ("i",))


def check(
    bench: ArrayBench, tiles: list[Tile], *, first: dict[str, list[Any]] | None = None,
    **options: Any,
) -> Run:  # fmt: skip
    """Run tiles; rows and ``last`` must be those of the golden model, and no more may come.

    ``first`` is sent before a reset, and ``tiles`` from then on.
    """
    p = bench.unit.p
    streams = sends(p, tiles)
    idle, count = 3 * p.latency + p.rows, len(tiles) * p.rows
    run = bench.run(first or streams, count, restart=streams, idle=idle, **options)
    np.testing.assert_array_equal(run.rows.reshape(-1, p.rows, p.cols), expected(p, tiles))
    assert run.lasts == ([0] * (p.rows - 1) + [1]) * len(tiles)
    return run

"""Tiles for arrays whose sums leave with each step, and their results by the golden model."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewright.golden.tpe.gemm import gemm
from gatewright.hw.tpe.adder_tree import AdderTree, AdderTreeParameters
from gatewright.hw.tpe.cube import Cube, CubeParameters
from gatewright.hw.tpe.systolic_ws import SystolicWs, SystolicWsParameters
from gatewright.tests.hw.tpe.array_bench import ArrayBench, Run, fitted, integers, wrap
from gatewright.tests.hw.tpe.tiles import Tile, padded

CLASSES = {SystolicWsParameters: SystolicWs, AdderTreeParameters: AdderTree, CubeParameters: Cube}


def random_tile(p: Any, rng: np.random.Generator, rows: int, *, full: bool = False) -> Tile:
    """A tile of so many rows, smaller than the array in K and n unless ``full``."""
    k, n = p.depth, p.cols
    if not full:
        k, n = int(rng.integers(1, k, endpoint=True)), int(rng.integers(1, n, endpoint=True))
    o = p.operands
    half = 1 << p.accumulator_width - 1
    c = rng.integers(-half, half, (rows, n)) if p.c_input else None
    return Tile(integers(rng, o.a_shape, (rows, k)), integers(rng, o.b_shape, (k, n)), c)


def rows_of_tile(p: Any, tile: Tile) -> int:
    """Rows of results of a tile: a cube has all of its own."""
    return p.rows if isinstance(p, CubeParameters) else tile.a.shape[0]


def sends(p: Any, tiles: list[Tile]) -> dict[str, list[Any]]:
    """What goes into the streams of an array."""
    streams: dict[str, list[Any]] = {"i": [], "w": [], "c": []}
    for tile in tiles:
        count = rows_of_tile(p, tile)
        a, b = padded(tile.a, count, p.depth), padded(tile.b, p.depth, p.cols)
        c = padded(tile.c, count, p.cols).tolist() if p.c_input else []
        if isinstance(p, CubeParameters):
            whole = {"first": 1, "last": 1} if p.accumulate else {}
            streams["i"].append({"a": a.tolist(), "b": b.tolist(), **whole})
            streams["c"].append(c)
            continue
        whole = {}
        if isinstance(p, AdderTreeParameters) and p.accumulate:
            whole = {"first": 1, "final": 1}
        streams["i"] += [
            {"a": row, **whole, "last": m == count - 1} for m, row in enumerate(a.tolist())
        ]
        streams["w"] += (b.T if isinstance(p, SystolicWsParameters) else b).tolist()
        streams["c"] += c
    return {name: streams[name] for name in inputs(p)}


def inputs(p: Any) -> tuple[str, ...]:
    """Names of an array's input streams."""
    weights = () if isinstance(p, CubeParameters) else ("w",)
    return (*weights, "i", *(("c",) if p.c_input else ()))


def transfers(p: Any, tile: Tile) -> int:
    """Transfers of results of a tile."""
    return 1 if isinstance(p, CubeParameters) else tile.a.shape[0]


def product(p: Any, tile: Tile) -> np.ndarray:
    """Rows of the array's width: sums of A bits, modulo ``2^A``."""
    sums = gemm(tile.a, tile.b, bits=p.accumulator_width, overflow="wrap")
    return padded(sums, rows_of_tile(p, tile), p.cols)


def expected(p: Any, tiles: list[Tile]) -> np.ndarray:
    """int64 [rows of all tiles, N]: results by the golden model."""
    results = []
    for tile in tiles:
        sums = product(p, tile)
        if p.c_input:
            sums = wrap(sums + padded(tile.c, *sums.shape), p.accumulator_width)
        results.append(fitted(sums, p.accumulator_width, p.result_width, p.saturate))
    return np.concatenate(results)


def bench_of(p: Any) -> ArrayBench:
    return ArrayBench(CLASSES[type(p)](p), inputs(p))


def rows_of(p: Any, run: Run) -> np.ndarray:
    """int64 [rows, N] of what came out."""
    if not isinstance(p, CubeParameters):
        return run.rows
    return np.array([
        [each.c[m][n] for n in range(p.cols)] for each in run.results for m in range(p.rows)
    ])  # fmt: skip


def check(
    bench: ArrayBench, tiles: list[Tile], *, first: dict[str, list[Any]] | None = None,
    **options: Any,
) -> Run:  # fmt: skip
    """Run tiles; results and ``last`` must be those of the golden model, and no more may come.

    ``first`` is sent before a reset, and ``tiles`` from then on.
    """
    p = bench.unit.p
    streams = sends(p, tiles)
    idle, count = p.latency + p.depth + 10, sum(transfers(p, tile) for tile in tiles)
    run = bench.run(first or streams, count, restart=streams, idle=idle, **options)
    np.testing.assert_array_equal(rows_of(p, run), expected(p, tiles))
    if not isinstance(p, CubeParameters):
        ends = [[0] * (tile.a.shape[0] - 1) + [1] for tile in tiles]
        assert run.lasts == [last for end in ends for last in end]
    return run

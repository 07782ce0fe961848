"""A user's matrix product on the Verilog of a tensor engine, in the batched engine, checked.

The product is cut into tiles. Where K is longer than a tile can be, it is gone through in passes if
the engine has a C input, each of which gets the results of the one before; else the results of the
tiles are added outside of it. What comes out must be what the golden model and torch say, in the
cycles that the cycle model says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build
from ...generators.tpe.engine import Array, Engine
from ...generators.tpe.workload import Tile, cut, result_beats
from ...golden.tpe.arrays import stretches
from ...golden.tpe.cycles import Schedule, schedule
from ...golden.tpe.gemm import Overflow, fit, gemm
from ...verification.tpe.stimulus import Design
from .batched import BatchedModel

__all__ = ["ProductRun", "golden_product", "multiply", "passes"]

_BEATS_AT_ONCE = 1 << 16
"""Beats of operands of a run, about: what is more goes into further runs."""

Integers = NDArray[Any]
Progress = Callable[[str, float, float], None]


@dataclass
class ProductRun:
    """What a product took.

    Attributes
    ----------
    result
        int64 [M, N].
    schedules
        What the cycle model says of each pass.
    measured
        Cycles of all runs of the simulation, each as the model says unless streams paused.
    runs
        How many there were.
    seconds
        Time that the simulation took.
    outside
        Additions outside of the engine for each result.
    checked
        What the results were compared with.
    """

    result: Integers
    schedules: list[Schedule]
    measured: int = 0
    runs: int = 0
    seconds: float = 0.0
    outside: int = 0
    checked: list[str] = field(default_factory=list)

    @property
    def cycles(self) -> int:
        """Cycles of the product, tile after tile: those of the model, which the runs confirm."""
        return sum(each.cycles for each in self.schedules)

    @property
    def steps(self) -> int:
        """Cycles in which operands were worked on."""
        return sum(int(each.steps.sum()) for each in self.schedules)

    @property
    def work(self) -> int:
        """Units of work: products, digits times numbers, or pairs of digits."""
        return sum(each.work for each in self.schedules)

    @property
    def utilisation(self) -> float:
        """Share of all cycles and units of the engine that did work."""
        return self.work / (self.cycles * self.schedules[0].array.capacity)

    @property
    def occupation(self) -> float:
        """The same of the cycles in which operands were worked on."""
        return self.work / (self.steps * self.schedules[0].array.capacity)

    @property
    def imbalance(self) -> list[float]:
        """Share of all steps that each row waited for others."""
        busy = np.sum([each.row_busy for each in self.schedules], axis=0)
        shares: list[float] = (1 - busy / self.steps).tolist()
        return shares

    @property
    def barrier_cost(self) -> float:
        """Cycles that rows waited for the slowest, on average over the rows."""
        return sum(each.barrier_cost for each in self.schedules)

    @property
    def rate(self) -> int:
        """Simulated cycles in a second."""
        return round(self.measured / self.seconds) if self.seconds else 0


def passes(engine: Engine, depth: int) -> list[range]:
    """Return the parts of K that go through the engine one after another, adding up through C."""
    return stretches(depth, engine.cut_depth if engine.c_input else None)


def multiply(
    build: Build,
    a: Integers,
    b: Integers,
    c: Integers | None = None,
    *,
    stall: float = 0.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProductRun:
    """Return ``A B`` (plus C) as the Verilog of a build folder computes it.

    Parameters
    ----------
    build
        A design of the tpe generator.
    a, b, c
        Integers [M, K], [K, N] and [M, N], of the formats of the design.
    stall
        Share of the cycles in which streams pause at random. With any, cycles are only counted.
    seed
        Of the stalls.
    progress
        Told of how many tiles are done.

    Raises
    ------
    InputError
        If the matrices do not fit each other or the design.
    CheckFailed
        If a result or a cycle is not what the models say.
    """
    design = Design.of(build.manifest)
    engine = design.engine
    _check(engine, a, b, c)
    parts = passes(engine, a.shape[1])
    model = BatchedModel(build)
    run = ProductRun(np.zeros((a.shape[0], b.shape[1]), np.int64), [])
    partial = c
    total = sum(len(_tiles(engine, a[:, _slice(k)], b[_slice(k)], None)) for k in parts)
    done = 0
    for k in parts:
        if engine.c_input and partial is None:
            partial = np.zeros_like(run.result)
        pass_a, pass_b = a[:, _slice(k)], b[_slice(k)]
        run.schedules.append(schedule(pass_a, pass_b, engine.model))
        tiles = _tiles(engine, pass_a, pass_b, partial)
        rows: list[Integers] = []
        for batch in _batches(design, tiles):
            rows += _simulate(model, design, batch, run, stall, seed + run.runs)
            done += len(batch)
            if progress is not None:
                progress("tiles", done, total)
        partial = _assemble(engine, a.shape[0], b.shape[1], tiles, rows, run)
    assert partial is not None
    run.result = partial
    _compare(engine, run, a, b, c)
    return run


def golden_product(engine: Engine, a: Integers, b: Integers, c: Integers | None) -> Integers:
    """Return what the golden model says the engine makes of a product."""
    wrap = Overflow.WRAP
    overflow = Overflow.SATURATE if engine.saturate else wrap
    total: Integers | None = c
    for k in passes(engine, a.shape[1]):
        sums = gemm(a[:, _slice(k)], b[_slice(k)], bits=engine.accumulator_bits, overflow=wrap)
        if total is not None:
            sums = fit(sums.astype(object) + total, engine.accumulator_bits, wrap)
        total = fit(sums, engine.result_bits, overflow)
    assert total is not None
    return total


def _slice(stretch: range) -> slice:
    return slice(stretch.start, stretch.stop)


def _check(engine: Engine, a: Integers, b: Integers, c: Integers | None) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or 0 in (*a.shape, *b.shape):
        raise InputError(
            f"A and B must be [M, K] and [K, N], not {list(a.shape)} and {list(b.shape)}"
        )
    if c is not None and not engine.c_input:
        raise InputError("c_input must be true for a product plus C, not false")
    if c is not None and c.shape != (a.shape[0], b.shape[1]):
        raise InputError(f"C must be {[a.shape[0], b.shape[1]]}, not {list(c.shape)}")
    most = engine.cut_depth
    if most is not None and a.shape[1] > most and engine.saturate and not engine.c_input:
        raise InputError(
            f"c_input must be true to saturate sums of K = {a.shape[1]} products, more than the "
            f"{most} of a tile, not false"
        )


def _tiles(engine: Engine, a: Integers, b: Integers, c: Integers | None) -> list[Tile]:
    """The tiles of a pass; all of K in one, if steps can be added up without new weights."""
    if engine.kind is Array.CUBE and engine.accumulate:
        return [
            Tile(a[_slice(m)], b[:, _slice(n)], None if c is None else c[_slice(m), _slice(n)])
            for m in stretches(a.shape[0], engine.rows)
            for n in stretches(b.shape[1], engine.cols)
        ]
    return cut(engine, a, b, c)


def _batches(design: Design, tiles: Sequence[Tile]) -> Iterator[list[Tile]]:
    """Tiles for each run of the simulation."""
    batch: list[Tile] = []
    beats = 0
    for tile in tiles:
        batch.append(tile)
        beats += max(design.steps(tile), result_beats(design.engine, tile))
        if beats >= _BEATS_AT_ONCE:
            yield batch
            batch, beats = [], 0
    if batch:
        yield batch


def _simulate(
    model: BatchedModel, design: Design, tiles: list[Tile], run: ProductRun, stall: float, seed: int
) -> list[Integers]:
    """Rows of results of each tile, computed one after another from reset on."""
    beats = design.beats(tiles)
    count = sum(result_beats(design.engine, tile) for tile in tiles)
    began = perf_counter()
    stalls = dict.fromkeys((*beats, "o"), stall)
    outcome = model.run_streams(beats, {"o": count}, stall=stalls, seed=seed)
    run.seconds += perf_counter() - began
    cycles = outcome.cycles - min(int(when[0]) for when in outcome.when.values() if len(when))
    planned = design.moments(tiles).last[-1] + 1
    if cycles != planned and not stall:
        raise CheckFailed(
            f"{len(tiles)} tiles must take the {planned} cycles of the model, not {cycles}"
        )
    run.measured += cycles
    run.runs += 1
    return design.rows(outcome.outputs["o"], tiles)


def _assemble(
    engine: Engine, m: int, n: int, tiles: Sequence[Tile], rows: Sequence[Integers],
    run: ProductRun,
) -> Integers:
    """The matrix that the results of tiles make up; those of the same place are added."""
    total = np.zeros((m, n), np.int64)
    additions = np.zeros((m, n), np.int64)
    places = _places(engine, m, n, tiles)
    for (row, col), tile, results in zip(places, tiles, rows, strict=True):
        height, width = tile.a.shape[0], tile.b.shape[1]
        where = np.s_[row : row + height, col : col + width]
        total[where] += results[:height, :width]
        additions[where] += 1
    run.outside = max(run.outside, int(additions.max()) - 1)
    if run.outside:
        return fit(total.astype(object), engine.result_bits, Overflow.WRAP)
    return total


def _places(
    engine: Engine, m: int, n: int, tiles: Sequence[Tile]
) -> Iterator[tuple[int, int]]:
    """Row and column of the first result of each tile."""
    parts = len(tiles) // (
        -(-n // engine.cols) * (1 if engine.kind.holds_weights else -(-m // engine.rows))
    )
    for rows in [range(m)] if engine.kind.holds_weights else stretches(m, engine.rows):
        for cols in stretches(n, engine.cols):
            for _ in range(parts):
                yield rows.start, cols.start


def _compare(
    engine: Engine, run: ProductRun, a: Integers, b: Integers, c: Integers | None
) -> None:
    """Results against the golden model, and against torch where that says the same."""
    import torch

    _demand("the golden model", golden_product(engine, a, b, c), run.result)
    run.checked.append("golden model")
    product = (torch.from_numpy(a.astype(np.int64)) @ torch.from_numpy(b.astype(np.int64))).numpy()
    if c is not None:
        product = product + c
    spare = 64 - engine.result_bits
    if not engine.saturate:
        # Both are right modulo 2^64, torch's and ours in its bits.
        _demand("torch", product << spare >> spare, run.result)
        run.checked.append("torch")
    elif len(run.schedules) == 1 and _exact(engine, a, b, c):
        limit = 1 << engine.result_bits - 1
        _demand("torch", np.clip(product, -limit, limit - 1), run.result)
        run.checked.append("torch")


def _exact(engine: Engine, a: Integers, b: Integers, c: Integers | None) -> bool:
    """Whether no sum can leave the accumulators, which have at most 64 bits."""
    largest = [max(-int(each.min()), int(each.max())) for each in (a, b)]
    more = 0 if c is None else max(-int(c.min()), int(c.max()))
    bound: int = largest[0] * largest[1] * a.shape[1] + more
    return bound < 1 << engine.accumulator_bits - 1


def _demand(who: str, wanted: Integers, got: Integers) -> None:
    wrong = np.argwhere(wanted != got)
    if len(wrong):
        row, col = (int(place) for place in wrong[0])
        raise CheckFailed(
            f"C[{row}, {col}] must be {wanted[row, col]} by {who}, not {got[row, col]} "
            f"({len(wrong)} of {got.size} results differ)"
        )

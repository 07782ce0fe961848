"""The cocotb tests of the flint array: protocol, documented cycles, errors and random traffic.

Every test begins with a reset, so each also finds the sticky error cleared that the test before it
may have left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cocotb
import numpy as np

from ...generators.artifacts import Build
from ...golden.flint.types import NumberType, magnitude_bits
from ..bench import Bench, with_bench
from ..stalls import Stall
from .coverage import cover, declare
from .stimulus import Design, Format, Tile, corner_tiles, random_tile

_DEEPEST = 4096
"""The most beats of a tile here: ``max_k`` itself is met in every design that allows no more."""

_PRODUCTS = 2_000_000
"""Products that a test computes at most, so that a large array takes not much longer."""


def _illegal_tiles(design: Design, rng: np.random.Generator, depth: int) -> list[Tile]:
    tiles = []
    base = random_tile(design, rng, depth)
    ones = replace(
        base, legal=False,
        activations=np.ones_like(base.activations), weights=np.ones_like(base.weights),
    )  # fmt: skip
    activations = _unbuilt(design.activations, unsigned=True)
    tiles += [replace(ones, activation=each) for each in activations]
    tiles += [replace(ones, weight=each) for each in _unbuilt(design.weights, unsigned=False)]
    if design.results:
        nothing = np.zeros_like(base.multiplier)  # a result of 0, whose code is 0 in every type
        tiles += [
            replace(base, result=each, multiplier=nothing)
            for each in _unbuilt(design.results, unsigned=True)
        ]
    return tiles


def _unbuilt(built: Sequence[Format], *, unsigned: bool) -> list[Format]:
    """Return the formats of the same width that a select can name and the design lacks.

    Without the powers of two beyond 64 bits, of which there are no tables.
    """
    signs = (True, False) if unsigned else (True,)
    every = (Format(kind, built[0].bits, signed) for kind in NumberType for signed in signs)
    return [
        each
        for each in every
        if each not in built
        and (each.kind != NumberType.POT or magnitude_bits(each.bits, each.signed) <= 6)
    ]


def _design_has(lack: Callable[[Design], bool]) -> bool:
    """Whether the design under test has a ``lack`` that leaves a test nothing to check.

    Such a test is reported as skipped. Outside a simulation there is no design, and no lack.
    """
    folder = os.environ.get("GATEWRIGHT_BUILD")
    return folder is not None and lack(Design.of(Build.load(Path(folder)).manifest))


def _undocumented_cycles(design: Design) -> bool:
    """Queues of a chosen depth, or no tile deep enough to leave the output empty."""
    return design.manifest.config["output_depth"] is not None or (
        design.first_row + 8 > design.max_depth
    )


def _every_type_is_built(design: Design) -> bool:
    lacking = _unbuilt(design.activations, unsigned=True)
    lacking += _unbuilt(design.weights, unsigned=False)
    if design.results:
        lacking += _unbuilt(design.results, unsigned=True)
    return not lacking


def _every_depth_is_legal(design: Design) -> bool:
    return design.largest_depth == design.max_depth or design.max_depth > _DEEPEST


def _send(bench: Bench, design: Design, tiles: Sequence[Tile]) -> None:
    """Queue tiles, what they should give, and what to say if they do not."""
    outcomes = [design.outcome(tile) for tile in tiles]
    for name, beats in design.beats(tiles).items():
        bench.send(name, beats)
    bench.expect(
        "result", design.result_beats(outcomes),
        lambda beat, element: design.explain(tiles, outcomes, beat, element),
    )  # fmt: skip
    cover(bench.coverage, design, tiles, outcomes)


async def _reset(bench: Bench) -> None:
    """Reset while nothing moves."""
    assert bench.manifest.reset is not None
    reset = getattr(bench.dut, bench.manifest.reset)
    for level in (1, 0):
        reset.value = level
        await bench.step(2)


def _check_error(bench: Bench, expected: int) -> None:
    bench.check("error", expected, int(bench.dut.error.value))


def _depths(design: Design, rng: np.random.Generator, count: int) -> list[int]:
    """Return depths for random tiles: mostly short, where the flow control is busiest."""
    choices = np.array([0, 1, 1, 2, 3, 5, 8, 13, 31, 64, 150, 300])
    return [min(int(depth), design.max_depth) for depth in rng.choice(choices, count)]


@cocotb.test()
@with_bench
async def corners(bench: Bench) -> None:
    """Every pair of types, the accumulator at its bound, extreme biases and scales: no stalls."""
    design = Design.of(bench.manifest)
    declare(bench.coverage, design, deepest=_DEEPEST)
    _send(bench, design, corner_tiles(design, bench.numpy_rng, deepest=_DEEPEST))
    await bench.finish()
    _check_error(bench, 0)


@cocotb.skipif(_design_has(_undocumented_cycles), reason="cycles are documented for full queues")
@cocotb.test()
@with_bench
async def documented_cycles(bench: Bench) -> None:
    """Without stalls, tiles take the cycles that the manifest says."""
    design = Design.of(bench.manifest)
    # A tile deeper than its results are late leaves the output empty before the next one drains.
    least = design.first_row + 1
    depths = [least, least, least + 1, least + 7]
    # The first tile waits for its biases to load; the ones after it load while it drains.
    tiles = [random_tile(design, bench.numpy_rng, depth) for depth in [1, *depths]]
    beats: list[int] = []
    results: list[int] = []
    bench.sources["activation"].on_beat.append(lambda _: beats.append(bench.cycle))
    bench.sinks["result"].on_beat.append(lambda _: results.append(bench.cycle))
    _send(bench, design, tiles)
    await bench.finish()
    first_beat = 1
    for index, tile in enumerate(tiles[1:], start=1):
        begin = beats[first_beat]
        end = begin + tile.depth + design.first_row
        bench.check("cycle of the first row", end, results[index * design.rows], tile=index)
        bench.check(
            "cycle of the last row", end + design.rows - 1,
            results[(index + 1) * design.rows - 1], tile=index,
        )  # fmt: skip
        first_beat += tile.depth
        if index < len(tiles) - 1:
            bench.check(
                "first beat of the next tile", begin + tile.depth + design.overhead,
                beats[first_beat], tile=index,
            )  # fmt: skip
    _check_error(bench, 0)


@cocotb.test()
@with_bench
async def random_traffic(bench: Bench) -> None:
    """Random tiles; every stream pauses at random, each in its own way."""
    design = Design.of(bench.manifest)
    beats = _PRODUCTS // (design.rows * design.cols)
    modes = [
        dict.fromkeys(("tile", "activation", "weight", "bias", "scale", "result"), Stall(0.3)),
        {"result": Stall(0.8, 20)},
        {"bias": Stall(0.95, 40), "scale": Stall(0.95, 40), "tile": Stall(0.5, 8)},
        {"activation": Stall(0.5, 6), "weight": Stall(0.5, 6), "result": Stall(0.1)},
        {},
    ]
    for mode in modes:
        for name, source in bench.sources.items():
            source.stall = mode.get(name, Stall())
        bench.sinks["result"].stall = mode.get("result", Stall())
        depths = _depths(design, bench.numpy_rng, 24)
        while len(depths) > 8 and sum(depths) + len(depths) * design.rows > beats:
            depths.pop()
        _send(bench, design, [random_tile(design, bench.numpy_rng, depth) for depth in depths])
        await bench.finish(drain=4)
    _check_error(bench, 0)


@cocotb.skipif(_design_has(_every_type_is_built), reason="every type is built")
@cocotb.test()
@with_bench
async def unbuilt_types(bench: Bench) -> None:
    """A type that was not built in counts as 0, and the error is for ever."""
    design = Design.of(bench.manifest)
    rng = bench.numpy_rng
    illegal = list(_illegal_tiles(design, rng, min(5, design.max_depth)))
    for index in rng.permutation(len(illegal)).tolist():
        await _reset(bench)
        _check_error(bench, 0)
        _send(bench, design, [random_tile(design, rng, min(3, design.max_depth))])
        await bench.finish()
        _check_error(bench, 0)
        _send(bench, design, [illegal[index]])
        await bench.finish()
        _check_error(bench, 1)
        _send(bench, design, [random_tile(design, rng, min(4, design.max_depth))])
        await bench.finish()
        _check_error(bench, 1)


@cocotb.skipif(_design_has(_every_depth_is_legal), reason="every depth is legal, or too long")
@cocotb.test()
@with_bench
async def excess_depth(bench: Bench) -> None:
    """A depth above ``max_k`` is an error; ``max_k`` itself is none."""
    design = Design.of(bench.manifest)
    for depth, error in ((design.max_depth, 0), (design.max_depth + 1, 1), (1, 1)):
        _send(bench, design, [random_tile(design, bench.numpy_rng, depth)])
        await bench.finish()
        _check_error(bench, error)

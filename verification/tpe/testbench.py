"""The cocotb tests of tensor engines: products, documented cycles, stalls, resets.

Every test begins with a reset. Where nothing waits, results must come in the very cycles that the
cycle model says.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cocotb

from ...generators.tpe.workload import Tile, result_beats
from ..bench import Bench, with_bench
from ..packing import from_ints
from ..stalls import Stall
from .coverage import cover, declare
from .stimulus import Design, corner_tiles, depths_of, random_tile, random_tiles

_PRODUCTS = 60_000
"""Products of a test, about: a large engine gets fewer tiles, though some."""

_FEWEST, _MOST = 6, 60


@dataclass(frozen=True)
class _Once(Stall):
    """A pause in a few cycles from ``start`` on, and in no others."""

    probability: float = 0.5
    start: int = 0
    cycles_long: int = 1

    def cycles(self, rng: random.Random) -> Iterator[bool]:
        cycle = 0
        while True:
            yield self.start <= cycle < self.start + self.cycles_long
            cycle += 1


def _count(design: Design) -> int:
    """Tiles of a test."""
    engine = design.engine
    each = max(engine.rows, 4) * engine.cols * max(depths_of(engine))
    return max(_FEWEST, min(_MOST, _PRODUCTS // each))


def _send(bench: Bench, design: Design, tiles: Sequence[Tile]) -> None:
    """Queue tiles, what they should give, and what to say if they do not."""
    for name, beats in design.beats(tiles).items():
        bench.send(name, beats)
    bench.expect(
        "o", design.result_beats(tiles),
        lambda beat, element: design.explain(tiles, beat, element),
    )  # fmt: skip
    cover(bench.coverage, design, tiles)


async def _finish(bench: Bench) -> None:
    await bench.finish(watchdog=5_000)


def _pause(bench: Bench, stalls: dict[str, Stall]) -> None:
    """Set when each stream pauses: those without a word never."""
    for name, source in bench.sources.items():
        source.stall = stalls.get(name, Stall())
    for name, sink in bench.sinks.items():
        sink.stall = stalls.get(name, Stall())


@cocotb.test()
@with_bench
async def corners(bench: Bench) -> None:
    """Extreme operands, zeros, single products and ragged tiles, without stalls."""
    design = Design.of(bench.manifest)
    declare(bench.coverage, design)
    for name, tiles in corner_tiles(design, bench.numpy_rng).items():
        _send(bench, design, tiles)
        bench.coverage.hit("corners", name, len(tiles))
    await _finish(bench)


@cocotb.test()
@with_bench
async def documented_cycles(bench: Bench) -> None:
    """Each tile takes the cycles of the model, alone and one after the other."""
    design = Design.of(bench.manifest)
    taken: list[int] = []
    shown: list[int] = []
    for source in bench.sources.values():
        source.on_beat.append(lambda _: taken.append(bench.cycle))
    bench.sinks["o"].on_beat.append(lambda _: shown.append(bench.cycle))
    most = design.engine.depth if not design.engine.kind.keeps_sums else None
    choices = [k for k in depths_of(design.engine) if most is None or k <= most]
    count = _count(design)
    for group in [1, 1, 1, count, count]:
        tiles = [
            random_tile(design, bench.numpy_rng, bench.rng.choice(choices)) for _ in range(group)
        ]
        taken.clear()
        shown.clear()
        _send(bench, design, tiles)
        await _finish(bench)
        moments = design.moments(tiles)
        at = 0
        for tile, first, last in zip(tiles, moments.first, moments.last, strict=True):
            told = {"K": tile.depth, "tiles": group}
            end = at + result_beats(design.engine, tile) - 1
            bench.check("cycle of a tile's first results", first, shown[at] - taken[0], **told)
            bench.check("cycle of a tile's last results", last, shown[end] - taken[0], **told)
            at = end + 1


@cocotb.test()
@with_bench
async def random_traffic(bench: Bench) -> None:
    """Random tiles; all streams pause at random, each in its own way."""
    design = Design.of(bench.manifest)
    modes = [
        dict.fromkeys([*design.inputs, "o"], Stall(0.3)),
        {"o": Stall(0.8, 20)},
        dict.fromkeys(design.inputs, Stall(0.7, 9)) | {"o": Stall(0.1)},
        {"o": Stall(0.5)},
        {design.inputs[0]: Stall(0.5, 4)},
    ]
    for mode in modes:
        _pause(bench, mode)
        _send(bench, design, random_tiles(design, bench.numpy_rng, max(3, _count(design) // 4)))
        await _finish(bench)


@cocotb.test()
@with_bench
async def stall_at_every_cycle(bench: Bench) -> None:
    """A short run over and over, in which each stream pauses once, a cycle later each time."""
    design = Design.of(bench.manifest)
    engine = design.engine
    depth = min(2 * engine.lanes + 1, engine.most_depth or engine.rows + 2)
    tiles = [random_tile(design, bench.numpy_rng, k) for k in (depth, 1, depth)]
    cycles = design.moments(tiles).last[-1] + 2 if _plain(design, tiles) else 40
    stride = max(1, cycles // 40)
    for stream in [*design.inputs, "o"]:
        for start in range(0, cycles, stride):
            _pause(bench, {stream: _Once(start=start, cycles_long=1 + start % 3)})
            _send(bench, design, tiles)
            await _finish(bench)


def _plain(design: Design, tiles: Sequence[Tile]) -> bool:
    """Whether no tile is longer than a step of an engine that gives results in each."""
    engine = design.engine
    return engine.kind.keeps_sums or all(tile.depth <= engine.depth for tile in tiles)


@cocotb.test()
@with_bench
async def reset_mid_tile(bench: Bench) -> None:
    """A reset at any moment loses what was under way, and nothing of it comes later."""
    design = Design.of(bench.manifest)
    seen: list[int] = []
    bench.sinks["o"].on_beat.append(seen.append)
    span = 3 * (design.engine.result_latency + max(depths_of(design.engine)))
    for _ in range(8):
        lost = random_tiles(design, bench.numpy_rng, 6)
        seen.clear()
        for name, beats in design.beats(lost).items():
            bench.send(name, beats)
        _pause(bench, {"o": Stall(0.4)})
        await bench.step(bench.rng.randrange(1, span))
        right = design.result_beats(lost)[: len(seen)]
        got = from_ints(seen, bench.manifest.stream("o").width)
        bench.check("results before the reset", right.tolist(), got.tolist())
        await bench.interrupt()
    seen.clear()
    _pause(bench, {})
    kept = random_tiles(design, bench.numpy_rng, _FEWEST)
    _send(bench, design, kept)
    await _finish(bench)
    count = sum(result_beats(design.engine, tile) for tile in kept)
    bench.check("results after the reset", count, len(seen))

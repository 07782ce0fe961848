"""Tiles for a tensor engine, with the results and the cycles that the golden models say they have.

All that is known of a design comes from its manifest, so the same tiles serve the cocotb testbench
and the batched engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...generators.artifacts import Manifest
from ...generators.tpe.engine import Array, Engine
from ...generators.tpe.workload import (
    Tile,
    expected,
    result_beats,
    result_rows,
    tile_beats,
)
from ...golden.tpe.arrays import DigitSerial, Laconic
from ...golden.tpe.cycles import digit_serial_cost, laconic_cost, timeline
from ...golden.tpe.encodings import encode, nonzero_digits, operand_range
from ..packing import Words, pack_array, unpack_array

__all__ = ["Design", "Moments", "corner_tiles", "depths_of", "random_tile", "random_tiles"]

Integers = NDArray[Any]


_DEEP = 1700
"""Products of the longest sums, where there is no limit: of 8 bits each they pass 24 bits."""

_DEEP_PRODUCTS = 16_000
"""Products of a deep tile of a large engine."""


@dataclass(frozen=True)
class Moments:
    """Cycles of the first and of the last beat of results of each tile."""

    first: list[int]
    last: list[int]


@dataclass(frozen=True)
class Design:
    """A design, its engine as its manifest tells it, and what that makes of tiles."""

    manifest: Manifest
    engine: Engine

    @classmethod
    def of(cls, manifest: Manifest) -> Design:
        """Read a manifest of the tpe generator."""
        return cls(manifest, Engine.of(manifest))

    @property
    def inputs(self) -> list[str]:
        """Names of the input streams."""
        return [each.name for each in self.manifest.streams if each.direction == "in"]

    def beats(self, tiles: Sequence[Tile]) -> dict[str, Words]:
        """Beats of every input stream for tiles that follow each other."""
        return {
            name: self._pack(name, values)
            for name, values in tile_beats(self.engine, tiles).items()
        }

    def result_beats(self, tiles: Sequence[Tile]) -> Words:
        """Beats of the result stream."""
        parts = []
        for tile, rows in zip(tiles, expected(self.engine, tiles), strict=True):
            count = result_beats(self.engine, tile)
            beats = rows.reshape(count, -1)
            if self._has_last:
                beats = np.hstack([beats, (np.arange(count) == count - 1)[:, None]])
            if self.engine.kind is Array.TREE and tile.depth > self.engine.depth:
                beats[:, -1] = 1  # each row has weights of its own
            parts.append(beats)
        return self._pack("o", np.concatenate(parts))

    def rows(self, beats: Words, tiles: Sequence[Tile]) -> list[Integers]:
        """Results ``[rows, cols]`` of each tile, from the beats of the result stream."""
        values = unpack_array(self.manifest.stream("o").fields, beats)
        values = values[:, :-1] if self._has_last else values
        rows = values.reshape(-1, self.engine.cols)
        ends = np.cumsum([result_rows(self.engine, tile) for tile in tiles])
        return np.split(rows, ends[:-1])

    def steps(self, tile: Tile) -> int:
        """Cycles in which the operands of a tile go in."""
        work = self.engine.model.work
        if isinstance(work, DigitSerial):
            digits = encode(tile.a, work.encoding, work.width, work.signed)
            return digit_serial_cost(digits != 0, self.engine.cols, work).steps
        if isinstance(work, Laconic):
            a = nonzero_digits(tile.a, work.encoding, work.a_width, work.a_signed)
            b = nonzero_digits(tile.b, work.encoding, work.b_width, work.b_signed)
            return laconic_cost(a, b, work).steps
        if self.engine.kind.keeps_sums:
            return -(-tile.depth // self.engine.lanes)
        if self.engine.kind is Array.CUBE:
            return -(-tile.depth // self.engine.depth)
        return result_beats(self.engine, tile)

    def moments(self, tiles: Sequence[Tile]) -> Moments:
        """When results come, in cycles from the first beat that goes in, if nothing waits.

        Those of ``tree`` must not be deeper than it; of a deeper one of ``cube`` the first is that
        which would be if each step gave results.
        """
        model = self.engine.model
        loads = [
            -(-tile.depth // self.engine.lanes) + 1 if model.buffered else model.load_cycles
            for tile in tiles
        ]
        steps = [self.steps(tile) for tile in tiles]
        _, _, first, last = timeline(steps, model, loads)
        return Moments(first.tolist(), last.tolist())

    def explain(self, tiles: Sequence[Tile], beat: int, element: str) -> dict[str, object]:
        """Tell what one element of one result beat was computed from."""
        ends = np.cumsum([result_beats(self.engine, tile) for tile in tiles])
        index = int(np.searchsorted(ends, beat, side="right"))
        tile = tiles[index]
        beat -= int(ends[index]) - result_beats(self.engine, tile)
        told: dict[str, object] = {"tile": index, "K": tile.depth}
        place = [int(part) for part in element.split(".") if part.isdigit()]
        if not place:
            return told | {"row": beat}
        row, col = (beat, *place)[-2:]
        told |= {"row": row, "column": col}
        if row < tile.a.shape[0] and col < tile.b.shape[1]:
            told |= {"a": _shown(tile.a[row]), "b": _shown(tile.b[:, col])}
            if tile.c is not None:
                told["c"] = int(tile.c[row, col])
        if tile.goes_on:
            told["goes on"] = "with the sums of the tile before"
        return told

    @property
    def _has_last(self) -> bool:
        return any(field.name == "last" for field in self.manifest.stream("o").fields)

    def _pack(self, name: str, values: Integers) -> Words:
        stream = self.manifest.stream(name)
        return pack_array(stream.fields, stream.width, values.astype(np.int64))


def random_tile(
    design: Design, rng: np.random.Generator, depth: int, *, full: bool = False
) -> Tile:
    """Return a tile of random operands, smaller than the engine unless ``full``.

    Operands are uniform, or around 0, or mostly 0, or only extreme ones.
    """
    engine = design.engine
    rows = int(rng.integers(1, 9)) if engine.kind.holds_weights else engine.rows
    m, n = rows, engine.cols
    if not full:
        m, n = int(rng.integers(1, m, endpoint=True)), int(rng.integers(1, n, endpoint=True))
    a = _operands(rng, operand_range(engine.a_width, engine.a_signed), (m, depth))
    b = _operands(rng, operand_range(engine.b_width, engine.b_signed), (depth, n))
    c = None
    if engine.c_input:
        half = 1 << engine.accumulator_bits - 1
        c = rng.integers(-half, half - 1, (m, n), endpoint=True) * int(rng.random() < 0.7)
    return Tile(a, b, c)


def random_tiles(design: Design, rng: np.random.Generator, count: int) -> list[Tile]:
    """Return tiles to follow each other; where sums can, some go on with those before."""
    engine = design.engine
    can_go_on = engine.kind.keeps_sums and engine.most_depth is None
    choices = depths_of(engine)
    tiles = [random_tile(design, rng, int(rng.choice(choices))) for _ in range(count)]
    return [
        replace(tile, goes_on=can_go_on and index > 0 and bool(rng.random() < 0.15))
        for index, tile in enumerate(tiles)
    ]


def corner_tiles(design: Design, rng: np.random.Generator) -> dict[str, list[Tile]]:
    """Return tiles at the corners, by what they are a corner of."""
    engine = design.engine
    depth = min(engine.most_depth or 24, 64)
    affordable = min(_DEEP, _DEEP_PRODUCTS // (engine.rows * engine.cols))
    deep = engine.most_depth or max(depth, affordable)
    rows = 3 if engine.kind.holds_weights else engine.rows
    a_low, a_high = operand_range(engine.a_width, engine.a_signed)
    b_low, b_high = operand_range(engine.b_width, engine.b_signed)

    def constant(x: int, y: int, k: int = depth) -> Tile:
        tile = random_tile(design, rng, k, full=True)
        a, b = np.full((rows, k), x, np.int64), np.full((k, engine.cols), y, np.int64)
        c = tile.c
        if c is not None:
            c = np.resize(c, (rows, engine.cols))
        return Tile(a, b, c)

    pattern = np.add.outer(np.arange(rows), np.arange(depth)) % 2
    plain = constant(a_high, b_high)
    near = max(a_low, -a_high)  # as far below 0 as the largest is above it
    alternating = Tile(np.where(pattern, near, a_high), plain.b, plain.c)
    return {
        "extremes": [constant(x, y) for x in (a_low, a_high) for y in (b_low, b_high)],
        "alternating": [alternating],
        "zeros": [constant(0, b_high), constant(a_high, 0), constant(0, 0, 1)],
        "one product": [_small(design, rng, 1, 1) for _ in range(3)],
        "K = 1": [random_tile(design, rng, 1) for _ in range(4)],
        "ragged": [random_tile(design, rng, k) for k in depths_of(engine)],
        "deep": [
            constant(a_low, b_low, deep), random_tile(design, rng, deep, full=True),
            constant(a_high, b_low, deep),
            # What is taken off a sum grows with K: each of its bits below the last one changes.
            *(random_tile(design, rng, -(-deep // part), full=True) for part in (2, 3, 6)),
        ],
    }  # fmt: skip


def depths_of(engine: Engine) -> list[int]:
    """Depths around those at which an engine does something else."""
    step = engine.lanes if engine.kind.keeps_sums else engine.depth
    most = engine.most_depth
    near = [1, 2, step - 1, step, step + 1, 2 * step + 1, 3 * engine.rows, 19]
    if most is not None:
        near = [*(min(each, most) for each in near), most]
    return sorted({each for each in near if each >= 1})


def _small(design: Design, rng: np.random.Generator, m: int, n: int) -> Tile:
    tile = random_tile(design, rng, 1)
    c = None if tile.c is None else tile.c[:m, :n]
    return Tile(tile.a[:m], tile.b[:, :n], c)


def _operands(
    rng: np.random.Generator, bounds: tuple[int, int], shape: tuple[int, int]
) -> Integers:
    low, high = bounds
    drawn = rng.integers(low, high, shape, endpoint=True)
    match rng.integers(5):
        case 0:
            spread = max(1.0, (high - low) / 12)
            return np.clip(np.rint(rng.normal(0, spread, shape)), low, high).astype(np.int64)
        case 1:
            return drawn * (rng.random(shape) < 0.15)
        case 2:
            return rng.choice(np.array([low, high, 0, 1]), shape)
    return drawn


def _shown(values: Integers) -> str:
    most = 12
    texts = [str(value) for value in values[:most].tolist()]
    return f"[{', '.join([*texts, *(['...'] if len(values) > most else [])])}]"

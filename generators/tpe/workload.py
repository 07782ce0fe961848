"""Matrix products as the tiles of an engine: beats for its streams, and results back.

What lies beyond the matrices is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.tpe.encodings import encode, parse_encoding
from ...golden.tpe.gemm import Overflow, fit, gemm
from .engine import Array, Engine
from .row_stream import RowStream, row_streams

__all__ = ["Tile", "cut", "expected", "result_beats", "result_rows", "tile_beats"]

Integers = NDArray[Any]
"""int64, or Python integers where those do not fit int64."""


@dataclass(frozen=True, eq=False)
class Tile:
    """``a [m, k] b [k, n]``, and ``c [m, n]`` where there is one, at most as large as the engine.

    ``goes_on``: the sums of the tile before are kept, where sums stay and all of K can go by.
    """

    a: Integers
    b: Integers
    c: Integers | None = None
    goes_on: bool = False

    @property
    def depth(self) -> int:
        return int(self.a.shape[1])


def cut(engine: Engine, a: Integers, b: Integers, c: Integers | None = None) -> list[Tile]:
    """Cut a product into tiles, in the order of the cycle model."""
    return [
        Tile(
            a[tile.m.start : tile.m.stop, tile.k.start : tile.k.stop],
            b[tile.k.start : tile.k.stop, tile.n.start : tile.n.stop],
            None if c is None else c[tile.m.start : tile.m.stop, tile.n.start : tile.n.stop],
        )
        for tile in engine.model.tiles(a.shape[0], b.shape[1], a.shape[1])
    ]


def result_rows(engine: Engine, tile: Tile) -> int:
    """Rows of results of a tile."""
    return int(tile.a.shape[0]) if engine.kind.holds_weights else engine.rows


def result_beats(engine: Engine, tile: Tile) -> int:
    """Beats of results of a tile: rows, or for ``cube`` all of them at once."""
    return 1 if engine.kind is Array.CUBE else result_rows(engine, tile)


def tile_beats(engine: Engine, tiles: Sequence[Tile]) -> dict[str, Integers]:
    """Return what to send to each stream: ``[beats, fields]``, in the order of its fields."""
    parts: dict[str, list[Integers]] = {}
    for tile in tiles:
        for name, beats in _BEATS[engine.kind](engine, tile).items():
            parts.setdefault(name, []).append(beats)
        if engine.c_input:
            rows = result_rows(engine, tile)
            c = np.zeros((0, 0), np.int64) if tile.c is None else tile.c
            parts.setdefault("c", []).append(
                _padded(c, rows, engine.cols).reshape(result_beats(engine, tile), -1)
            )
    return {name: np.concatenate(beats) for name, beats in parts.items()}


def expected(engine: Engine, tiles: Sequence[Tile]) -> list[Integers]:
    """Return what each tile gives by the golden model, ``[rows, cols]``."""
    wrap = Overflow.WRAP
    overflow = Overflow.SATURATE if engine.saturate else wrap
    results: list[Integers] = []
    sums: Integers | None = None
    for tile in tiles:
        bits = engine.accumulator_bits
        product = gemm(tile.a, tile.b, bits=bits, overflow=wrap)
        product = _padded(product, result_rows(engine, tile), engine.cols)
        if tile.goes_on and sums is not None:
            product = fit(sums.astype(object) + product, bits, wrap)
        sums = product
        if tile.c is not None:
            product = fit(product.astype(object) + _padded(tile.c, *product.shape), bits, wrap)
        results.append(fit(product, engine.result_bits, overflow))
    return results


def _padded(matrix: Integers, rows: int, cols: int) -> Integers:
    more = [(0, rows - matrix.shape[0]), (0, cols - matrix.shape[1])]
    return np.pad(matrix, more) if any(after for _, after in more) else matrix


def _stepped(engine: Engine, tile: Tile) -> tuple[Integers, Integers]:
    """A [steps, lanes, rows] and B [steps, lanes, cols] of a tile whose sums stay."""
    count = -(-tile.depth // engine.lanes)
    depth = count * engine.lanes
    a, b = _padded(tile.a, engine.rows, depth), _padded(tile.b, depth, engine.cols)
    return a.T.reshape(count, engine.lanes, -1), b.reshape(count, engine.lanes, -1)


def _flags(count: int, *, goes_on: bool = False) -> Integers:
    """``first`` and ``last`` of the steps of a tile."""
    flags = np.zeros((count, 2), np.int64)
    flags[0, 0], flags[-1, 1] = not goes_on, 1
    return flags


def _output_stationary(engine: Engine, tile: Tile) -> dict[str, Integers]:
    a, b = (side.transpose(0, 2, 1).reshape(len(side), -1) for side in _stepped(engine, tile))
    return {"i": np.hstack([a, b, _flags(len(a), goes_on=tile.goes_on)])}


def _laconic(engine: Engine, tile: Tile) -> dict[str, Integers]:
    a, b = (side.reshape(len(side), -1) for side in _stepped(engine, tile))
    return {"i": np.hstack([a, b, _flags(len(a), goes_on=tile.goes_on)])}


def _weight_stationary(engine: Engine, tile: Tile) -> dict[str, Integers]:
    sums = [1, 1] if engine.accumulate else []
    a = _padded(tile.a, tile.a.shape[0], engine.depth)
    flags = np.tile([*sums, 0], (len(a), 1))
    flags[-1, -1] = 1
    return {"w": _weights(engine, tile.b), "i": np.hstack([a, flags])}


def _weights(engine: Engine, b: Integers) -> Integers:
    weights = _padded(b, engine.depth, engine.cols)
    return weights.T if engine.kind is Array.SYSTOLIC_WS else weights


def _tree(engine: Engine, tile: Tile) -> dict[str, Integers]:
    """Longer sums have new weights in each step, and so each row all of them again."""
    if tile.depth <= engine.depth:
        return _weight_stationary(engine, tile)
    count = -(-tile.depth // engine.depth)
    a = _padded(tile.a, tile.a.shape[0], count * engine.depth).reshape(-1, engine.depth)
    b = _padded(tile.b, count * engine.depth, engine.cols)
    flags = np.tile(np.hstack([_flags(count), np.ones((count, 1), np.int64)]), (len(tile.a), 1))
    return {"w": np.tile(b, (len(tile.a), 1)), "i": np.hstack([a, flags])}


def _cube(engine: Engine, tile: Tile) -> dict[str, Integers]:
    count = -(-tile.depth // engine.depth)
    a = _padded(tile.a, engine.rows, count * engine.depth)
    a = a.reshape(engine.rows, count, engine.depth).transpose(1, 0, 2).reshape(count, -1)
    b = _padded(tile.b, count * engine.depth, engine.cols).reshape(count, -1)
    return {"i": np.hstack([a, b, *([_flags(count)] if engine.accumulate else [])])}


def _digit_serial(engine: Engine, tile: Tile) -> dict[str, Integers]:
    a, b = (side.reshape(len(side), -1) for side in _stepped(engine, tile))
    if engine.source == "stream":
        rows = row_streams(_padded(tile.a, engine.rows, tile.depth), engine.digit_work)
        parts = [b, _flags(len(b))[:, 1:]]
        streams = {f"digits__{m}": _stream_beats(engine, row) for m, row in enumerate(rows)}
        return streams | {"i": np.hstack(parts)}
    if engine.source == "digits":
        digits = encode(a, engine.encoding, engine.a_width, engine.a_signed)
        a = _wires(engine, digits).reshape(len(a), -1)
    return {"i": np.hstack([a, b, _flags(len(b))[:, 1:]])}


def _wires(engine: Engine, digits: NDArray[np.int8]) -> Integers:
    """Digits as the wires of hardware, on a new last axis: one, two (radix 4 alone), negative."""
    magnitude = np.abs(digits)
    two = [magnitude == 2] if parse_encoding(engine.encoding).radix == 4 else []
    return np.stack([magnitude == 1, *two, digits < 0], axis=-1).astype(np.int64)


def _stream_beats(engine: Engine, row: RowStream) -> Integers:
    slots = [row.slots[..., None]] if engine.depth > engine.lanes else []
    lanes = np.concatenate([_wires(engine, row.digits), *slots], axis=-1)
    return np.hstack([lanes.reshape(len(lanes), -1), row.last[:, None]])


_BEATS = {
    Array.SYSTOLIC_OS: _output_stationary, Array.MATRIX_2D: _output_stationary,
    Array.SYSTOLIC_WS: _weight_stationary, Array.TREE: _tree, Array.CUBE: _cube,
    Array.DIGIT_SERIAL: _digit_serial, Array.LACONIC: _laconic,
}  # fmt: skip

"""Tables of a pass: constants of RQ, weights by tiles, bias, byte tables, tensors."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....golden.gnn.fixed import Multiplier
from ....golden.gnn.graph import Integers
from ....hw.gnn.instruction import ElementType, Space
from ....hw.gnn.jobs import TILE_BITS
from ....hw.gnn.parameters import GnnParameters
from ....hw.gnn.records import TENSORS
from .cells import Cell
from .ir import MatMul

__all__ = ["Tables", "tile_counts", "tiles", "weight_words"]

_CONSTANTS = 16
_MOST_TILES = (1 << TILE_BITS) - 1
_Entry = TypeVar("_Entry", Multiplier, str)


def tile_counts(k: int, n: int, p: GnnParameters) -> tuple[int, int]:
    """Return how many tiles of R rows and of C columns a matrix [k, n] has."""
    return -(-k // p.rows), -(-n // p.columns)


def weight_words(k: int, n: int, p: GnnParameters) -> int:
    """Return the words of a matrix [k, n]."""
    k_tiles, n_tiles = tile_counts(k, n, p)
    words: int = k_tiles * n_tiles * p.rows
    return words


def tiles(weights: Integers, p: GnnParameters) -> NDArray[np.uint8]:
    """Return a matrix [K, N] as words [n_tile, k_tile, R] of C bytes, padded with zeros.

    Raises
    ------
    InputError
        If it has more tiles in a direction than the engine counts.
    """
    k_tiles, n_tiles = tile_counts(weights.shape[0], weights.shape[1], p)
    if max(k_tiles, n_tiles) > _MOST_TILES:
        raise InputError(
            f"weights must have at most {_MOST_TILES} tiles of {p.rows} x {p.columns} in a "
            f"direction, not {max(k_tiles, n_tiles)}"
        )
    whole = np.zeros((k_tiles * p.rows, n_tiles * p.columns), np.int64)
    whole[: weights.shape[0], : weights.shape[1]] = weights
    by_column = whole.reshape(k_tiles * p.rows, n_tiles, p.columns).transpose(1, 0, 2)
    return by_column.reshape(-1, p.columns).astype(np.int8).view(np.uint8)


class Tables:
    """What instructions name by number; equal entries are one."""

    def __init__(self, p: GnnParameters) -> None:
        self._p = p
        self.constants: list[Multiplier] = []
        self.tensors: list[str] = []
        self._weights: dict[bytes, Cell] = {}
        self._bias: dict[bytes, int] = {}
        self._tables: dict[bytes, int] = {}
        self._weight_words: list[NDArray[np.uint8]] = []
        self._bias_words: list[NDArray[np.int32]] = []
        self._table_rows: list[NDArray[np.uint8]] = []
        self._weight_end = self._bias_end = 0

    def constant(self, by: Multiplier) -> int:
        """Return the number of a constant of RQ."""
        return _index(self.constants, by)

    def tensor(self, name: str) -> int:
        """Return the number of a tensor."""
        return _index(self.tensors, name)

    def matrix(self, value: MatMul) -> Cell:
        """Return the place of a product's weights."""
        words = tiles(value.weights, self._p)
        key = repr(value.weights.shape).encode() + words.tobytes()
        if key not in self._weights:
            cell = Cell(
                Space.WEIGHT, ElementType.I8, value.weights.shape[0], len(words),
                f"{value.name}.w", columns=value.width, offset=self._weight_end,
            )  # fmt: skip
            self._weights[key] = cell
            self._weight_words.append(words)
            self._weight_end += len(words)
        return self._weights[key]

    def bias(self, value: MatMul) -> int:
        """Return the first word of a product's bias."""
        n_tiles = -(-value.width // self._p.columns)
        words = np.zeros(n_tiles * self._p.columns, np.int32)
        words[: value.width] = value.bias
        key = words.tobytes()
        if key not in self._bias:
            self._bias[key] = self._bias_end
            self._bias_words.append(words.reshape(n_tiles, -1))
            self._bias_end += n_tiles
        return self._bias[key]

    def table(self, entries: Integers) -> int:
        """Return the number of a table of LUT8."""
        row = entries.astype(np.int8).view(np.uint8)
        if row.tobytes() not in self._tables:
            self._tables[row.tobytes()] = len(self._table_rows)
            self._table_rows.append(row)
        return self._tables[row.tobytes()]

    @property
    def weights(self) -> NDArray[np.uint8]:
        """Words of the weight memory."""
        return np.concatenate([np.zeros((0, self._p.columns), np.uint8), *self._weight_words])

    @property
    def biases(self) -> NDArray[np.int32]:
        """Words of the bias memory."""
        return np.concatenate([np.zeros((0, self._p.columns), np.int32), *self._bias_words])

    @property
    def tables(self) -> NDArray[np.uint8]:
        """Byte tables."""
        return np.concatenate([np.zeros((0, 256), np.uint8), *(r[None] for r in self._table_rows)])

    def check(self, name: str) -> None:
        """Refuse what an engine's memories cannot hold."""
        p = self._p
        for field, have, most in (
            ("weight_words", self._weight_end, p.weight_words),
            ("bias_words", self._bias_end, p.bias_words),
            ("tables", len(self._table_rows), p.tables),
        ):
            if have > most:
                raise InputError(f"{field} must be at least {have} for {name}, not {most}")
        for field, have, most in (
            ("constants of RQ", len(self.constants), _CONSTANTS),
            ("tensors", len(self.tensors), TENSORS),
        ):
            if have > most:
                raise InputError(f"{field} of {name} must be at most {most}, not {have}")


def _index(entries: list[_Entry], entry: _Entry) -> int:
    if entry not in entries:
        entries.append(entry)
    return entries.index(entry)

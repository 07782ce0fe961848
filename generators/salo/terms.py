"""The terms of a pattern: sets of allowed (query, key) pairs that can be told row by row.

A term says, for a list of queries, which pairs it allows, in any order and as often as it likes;
keys may lie outside of the sequence where it says so (a window at its ends). What they mean follows
brief section 7(f).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = [
    "Band", "Blocks", "Explicit", "GlobalColumns", "GlobalRows", "Term", "Window2d", "Windows2d",
]  # fmt: skip

Integers = NDArray[np.int64]
Pairs = tuple[Integers, Integers]
"""Places in the list of queries, and the key of each."""


class Term(Protocol):
    """A set of pairs."""

    def check(self, queries: int, keys: int) -> None:
        """Refuse to be a term of a pattern of so many queries and keys."""

    def pairs(self, queries: Integers, keys: int) -> Pairs:
        """Return the pairs of the queries listed. Keys outside of 0..keys-1 do not count."""


@dataclass(frozen=True)
class Band:
    """Query i sees keys `i + lo, i + lo + step, ...` up to `i + hi`: a window, dilated by `step`.

    Parameters
    ----------
    lo, hi
        First and last offset, `lo <= hi`.
    step
        1 for a sliding window.
    """

    lo: int
    hi: int
    step: int = 1

    def __post_init__(self) -> None:
        _whole(lo=self.lo, hi=self.hi, step=self.step)
        if self.step < 1:
            raise InputError(f"step must be at least 1, not {self.step}")
        if self.lo > self.hi:
            raise InputError(f"lo must be at most hi = {self.hi}, not {self.lo}")

    def check(self, queries: int, keys: int) -> None:
        """A window may reach beyond both ends of any sequence."""

    def pairs(self, queries: Integers, keys: int) -> Pairs:
        """Return the pairs of the queries listed."""
        if not len(queries):
            return _none()
        # Offsets that no query of the list has a key at are not worth a column of the grid.
        skip = max(0, -(-(-int(queries.max()) - self.lo) // self.step))
        last = min(self.hi, keys - 1 - int(queries.min()))
        offsets = np.arange(self.lo + skip * self.step, last + 1, self.step)
        return _inside(queries[:, None] + offsets, keys)


@dataclass(frozen=True, init=False)
class GlobalColumns:
    """Every query sees these keys."""

    tokens: tuple[int, ...]

    def __init__(self, tokens: Iterable[int]) -> None:
        object.__setattr__(self, "tokens", tuple(tokens))
        _whole(**{f"global_cols[{at}]": token for at, token in enumerate(self.tokens)})

    def check(self, queries: int, keys: int) -> None:
        """Refuse keys outside of the sequence."""
        _indices("global_cols", self.tokens, keys)

    def pairs(self, queries: Integers, keys: int) -> Pairs:
        """Return the pairs of the queries listed."""
        tokens = np.array(self.tokens, np.int64)
        return np.repeat(np.arange(len(queries)), len(tokens)), np.tile(tokens, len(queries))


@dataclass(frozen=True, init=False)
class GlobalRows:
    """These queries see every key."""

    tokens: tuple[int, ...]

    def __init__(self, tokens: Iterable[int]) -> None:
        object.__setattr__(self, "tokens", tuple(tokens))
        _whole(**{f"global_rows[{at}]": token for at, token in enumerate(self.tokens)})

    def check(self, queries: int, keys: int) -> None:
        """Refuse queries outside of the sequence."""
        _indices("global_rows", self.tokens, queries)

    def pairs(self, queries: Integers, keys: int) -> Pairs:
        """Return the pairs of the queries listed."""
        rows = np.flatnonzero(np.isin(queries, np.array(self.tokens, np.int64)))
        return np.repeat(rows, keys), np.tile(np.arange(keys), len(rows))


@dataclass(frozen=True)
class Window2d:
    """Tokens on a grid see those less than half a window away in both directions (ViL).

    Token `first + r * width + c` stands at row r and column c of the grid.

    Parameters
    ----------
    height, width
        Of the grid, in tokens.
    rows, cols
        Of the window, odd. It is cut at the edges of the grid.
    first
        Token of the upper left corner.
    """

    height: int
    width: int
    rows: int
    cols: int
    first: int = 0

    def __post_init__(self) -> None:
        _grid(self.height, self.width, self.first)
        for name, value in (("rows", self.rows), ("cols", self.cols)):
            _whole(**{name: value})
            if value < 1 or value % 2 == 0:
                raise InputError(f"{name} must be positive and odd, not {value}")

    def check(self, queries: int, keys: int) -> None:
        """Refuse a grid that goes beyond the sequence."""
        _grid_fits(self.first + self.height * self.width, queries, keys)

    def pairs(self, queries: Integers, keys: int) -> Pairs:
        """Return the pairs of the queries listed."""
        places, row, col = _on_grid(queries, self.height, self.width, self.first)
        down = np.arange(-(self.rows // 2), self.rows // 2 + 1)[:, None]
        right = np.arange(-(self.cols // 2), self.cols // 2 + 1)
        r, c = row[:, None, None] + down, col[:, None, None] + right
        inside = (r >= 0) & (r < self.height) & (c >= 0) & (c < self.width)
        tokens = self.first + r * self.width + c
        return np.repeat(places, inside.sum(axis=(1, 2))), tokens[inside]


@dataclass(frozen=True)
class Windows2d:
    """Tokens on a grid see those of their own window; windows do not overlap (Swin).

    Parameters
    ----------
    height, width
        Of the grid, in tokens.
    rows, cols
        Of a window. Windows at the lower and right edge are cut.
    shift
        By how many rows and columns the first window is cut. The shifted windows of Swin, whose
        mask keeps apart what a cyclic shift brings together, are these.
    first
        Token of the upper left corner.
    """

    height: int
    width: int
    rows: int
    cols: int
    shift: tuple[int, int] = (0, 0)
    first: int = 0

    def __post_init__(self) -> None:
        _grid(self.height, self.width, self.first)
        for name, value, shift in zip(
            ("rows", "cols"), (self.rows, self.cols), self.shift, strict=True
        ):
            _whole(**{name: value, "shift": shift})
            if value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
            if not 0 <= shift < value:
                raise InputError(f"shift must be from 0 to {name} - 1 = {value - 1}, not {shift}")

    def check(self, queries: int, keys: int) -> None:
        """Refuse a grid that goes beyond the sequence."""
        _grid_fits(self.first + self.height * self.width, queries, keys)

    def pairs(self, queries: Integers, keys: int) -> Pairs:
        """Return the pairs of the queries listed."""
        places, row, col = _on_grid(queries, self.height, self.width, self.first)
        top = _start(row, self.rows, self.shift[0])
        left = _start(col, self.cols, self.shift[1])
        r = top[:, None, None] + np.arange(self.rows)[:, None]
        c = left[:, None, None] + np.arange(self.cols)
        inside = (r >= 0) & (r < self.height) & (c >= 0) & (c < self.width)
        tokens = self.first + r * self.width + c
        return np.repeat(places, inside.sum(axis=(1, 2))), tokens[inside]


@dataclass(frozen=True, init=False)
class Blocks:
    """All pairs of some blocks of `size` queries with some blocks of `size` keys.

    Parameters
    ----------
    size
        Tokens of a block.
    blocks
        (query block, key block), numbered from 0.
    """

    size: int
    blocks: tuple[tuple[int, int], ...]

    def __init__(self, size: int, blocks: Iterable[tuple[int, int]]) -> None:
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "blocks", tuple(sorted((int(q), int(k)) for q, k in blocks)))
        _whole(size=size)
        if size < 1:
            raise InputError(f"size must be at least 1, not {size}")

    def check(self, queries: int, keys: int) -> None:
        """Refuse blocks that lie outside; the last one may be cut."""
        for which, count in enumerate((queries, keys)):
            allowed = -(-count // self.size)
            for block in self.blocks:
                if not 0 <= block[which] < allowed:
                    raise InputError(
                        f"blocks must be numbered 0 to {allowed - 1}, not {block[which]}"
                    )

    def pairs(self, queries: Integers, keys: int) -> Pairs:
        """Return the pairs of the queries listed."""
        table = np.array(self.blocks, np.int64).reshape(-1, 2)
        own = queries // self.size
        begin = np.searchsorted(table[:, 0], own)
        count = np.searchsorted(table[:, 0], own, side="right") - begin
        places = np.repeat(np.arange(len(queries)), count)
        entry = np.arange(len(places)) + np.repeat(begin - (np.cumsum(count) - count), count)
        tokens = table[entry, 1][:, None] * self.size + np.arange(self.size)
        row, token = _inside(tokens, keys)
        return places[row], token


@dataclass(frozen=True, eq=False)
class Explicit:
    """Any set: the keys of query i are `keys[indptr[i]:indptr[i + 1]]`.

    Parameters
    ----------
    indptr
        int64 [queries + 1].
    keys
        int32, increasing within a query.
    """

    indptr: Integers
    keys: NDArray[np.int32]

    def check(self, queries: int, keys: int) -> None:
        """Refuse another number of queries, and keys outside of the sequence."""
        if len(self.indptr) != queries + 1:
            raise InputError(
                f"mask must have {queries} rows as the pattern has queries, not "
                f"{len(self.indptr) - 1}"
            )
        if len(self.keys):
            for token in (int(self.keys.min()), int(self.keys.max())):
                _indices("mask keys", (token,), keys)

    def pairs(self, queries: Integers, keys: int) -> Pairs:
        """Return the pairs of the queries listed."""
        begin = self.indptr[queries]
        count = self.indptr[queries + 1] - begin
        entry = np.arange(int(count.sum())) + np.repeat(begin - (np.cumsum(count) - count), count)
        return np.repeat(np.arange(len(queries)), count), self.keys[entry].astype(np.int64)


def _whole(**values: int) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise InputError(f"{name} must be a whole number, not {value!r}")


def _indices(name: str, tokens: Iterable[int], count: int) -> None:
    for token in tokens:
        if not 0 <= token < count:
            raise InputError(f"{name} must be from 0 to {count - 1}, not {token}")


def _grid(height: int, width: int, first: int) -> None:
    _whole(height=height, width=width, first=first)
    for name, value, low in (("height", height, 1), ("width", width, 1), ("first", first, 0)):
        if value < low:
            raise InputError(f"{name} must be at least {low}, not {value}")


def _grid_fits(tokens: int, queries: int, keys: int) -> None:
    if tokens > min(queries, keys):
        raise InputError(
            f"height * width must fit {queries} queries and {keys} keys, not {tokens} tokens"
        )


def _on_grid(queries: Integers, height: int, width: int, first: int) -> tuple[Integers, ...]:
    """Places in the list of those on the grid, their rows and columns."""
    places = np.flatnonzero((queries >= first) & (queries < first + height * width))
    row, col = np.divmod(queries[places] - first, width)
    return places, row, col


def _start(place: Integers, size: int, shift: int) -> Integers:
    """First row (column) of the window of each place."""
    lead = (size - shift) % size
    return (place + lead) // size * size - lead


def _inside(tokens: Integers, keys: int) -> Pairs:
    row, col = np.nonzero((tokens >= 0) & (tokens < keys))
    return row, tokens[row, col]


def _none() -> Pairs:
    return np.zeros(0, np.int64), np.zeros(0, np.int64)

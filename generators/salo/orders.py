"""Orders: ways to cut the queries of a pattern into blocks of array rows.

An order is a matrix of queries, int32 [blocks, R], -1 for an idle row. Natural order suits windows;
residue classes suit dilated windows, whose diagonals are neighbours there; queries with the same
keys belong together (blocks, Swin windows). Queries with far more keys than their neighbours
(global rows) would make their block as long as themselves, so they are kept apart: see
:mod:`.riders`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .pattern import Pattern
from .shape import ArrayShape

__all__ = ["Order", "grouped", "heavy_queries", "orders"]

Integers = NDArray[np.int64]
Order = NDArray[np.int32]

_FEWEST_PER_CLASS = 4
"""Queries of a residue class below which it cannot fill rows worth the name."""


def orders(pattern: Pattern, shape: ArrayShape, apart: Integers) -> Iterator[tuple[str, Order]]:
    """Yield the orders worth trying, named, without the queries `apart`."""
    keep = np.ones(pattern.queries, np.bool_)
    keep[apart] = False
    yield "natural", _progressions(keep, 1, shape.rows)
    for step in _dilations(pattern):
        if pattern.queries >= step * _FEWEST_PER_CLASS:
            yield f"residues mod {step}", _progressions(keep, step, shape.rows)
    alike = _alike(pattern, keep, shape.rows)
    if alike is not None:
        yield "equal rows", alike


def heavy_queries(pattern: Pattern, shape: ArrayShape) -> Integers:
    """Queries with far more keys than most of their neighbours, those with most keys first."""
    counts = pattern.counts
    padded = np.full(-(-pattern.queries // shape.rows) * shape.rows, -1)
    padded[: len(counts)] = counts
    blocks = np.sort(padded.reshape(-1, shape.rows), axis=1)
    # A quarter of the way up: the others then are at least three to one.
    present = (blocks >= 0).sum(axis=1)
    usual = blocks[np.arange(len(blocks)), shape.rows - present + present // 4]
    far = (counts > 2 * np.repeat(usual, shape.rows)[: len(counts)]) & (
        counts > 2 * (shape.cols + shape.gather)
    )
    heavy = np.flatnonzero(far)
    return heavy[np.argsort(-counts[heavy], kind="stable")]


def grouped(queries: Integers, rows: int) -> Order:
    """Blocks of the queries listed, in that order."""
    order = np.full(-(-len(queries) // rows) * rows, -1, np.int32)
    order[: len(queries)] = queries
    return order.reshape(-1, rows)


def _progressions(keep: NDArray[np.bool_], step: int, rows: int) -> Order:
    """Blocks of queries a step apart, from the first one of each class that is kept."""
    blocks = []
    for residue in range(min(step, len(keep))):
        members = np.arange(residue, len(keep), step)
        kept = keep[members]
        start = 0
        while (left := np.flatnonzero(kept[start:])).size:
            # Holes stay within a block, so that its queries remain an arithmetic progression.
            start += int(left[0])
            block = np.where(kept[start : start + rows], members[start : start + rows], -1)
            blocks.append(np.pad(block, (0, rows - len(block)), constant_values=-1))
            start += rows
    return np.array(blocks, np.int32).reshape(-1, rows)


def _dilations(pattern: Pattern) -> list[int]:
    """Steps larger than 1 that are the usual distance between a query's keys."""
    steps = set()
    for query in np.linspace(0, pattern.queries - 1, min(pattern.queries, 9)).astype(np.int64):
        distance = np.diff(pattern.pairs(np.array([query]))[1])
        if len(distance):
            step = int(np.bincount(distance).argmax())
            if step > 1 and 2 * np.count_nonzero(distance == step) > len(distance):
                steps.add(step)
    return sorted(steps)


def _alike(pattern: Pattern, keep: NDArray[np.bool_], rows: int) -> Order | None:
    """Blocks of queries with equal keys; none if there are few such, or all stand together."""
    queries = np.flatnonzero(keep)
    if not len(queries):
        return None
    names, first, which, sizes = np.unique(
        pattern.signatures[queries], return_index=True, return_inverse=True, return_counts=True
    )
    if 4 * len(names) > len(queries):
        return None
    order = np.argsort(first[which], kind="stable")
    if (np.diff(order) == 1).all():
        return None
    blocks, start = [], 0
    for name in np.argsort(first):
        stop = start + int(sizes[name])
        blocks.append(grouped(queries[order[start:stop]], rows))
        start = stop
    return np.concatenate(blocks)

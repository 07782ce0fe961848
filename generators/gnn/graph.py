"""Graphs: directed edges from sources to the destinations where messages are reduced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...golden.gnn.graph import Graph as GoldenGraph
from ..checks import check_range

__all__ = [
    "MAX_VERTICES", "Chunks", "EdgeSource", "Graph", "Ids", "Ints", "Progress", "check_integers",
    "check_vertices", "silent",
]  # fmt: skip

Ids = NDArray[np.int32]
Ints = NDArray[np.int64]
Chunks = Iterator[tuple[NDArray[Any], NDArray[Any]]]
Progress = Callable[[str, float, float], object]
"""Told by a long job how far it is: what, how much is done, of how much."""

MAX_VERTICES = 2**31 - 1
"""Ids fit int32; then `(interval, source, destination)` packs into one int64 whatever D is."""


def silent(what: str, done: float, total: float) -> None:
    """Report nothing."""


def check_integers(field: str, array: NDArray[Any]) -> None:
    """Refuse numbers that are no integers, by their type."""
    if array.dtype.kind not in "iu":
        raise InputError(f"{field} must hold integers, not {array.dtype}")


def check_vertices(
    field: str, ids: NDArray[Any], vertices: int, *, base: int = 0, first: int = 0
) -> None:
    """Refuse the first id that is none of the `vertices` from `base` on.

    `first` is the index of `ids[0]`.
    """
    if not len(ids) or (ids.min() >= base and ids.max() < base + vertices):
        return
    at = int(np.argmax((ids < base) | (ids >= base + vertices)))
    allowed = (
        f"a vertex from {base} to {base + vertices - 1}" if vertices else "empty without vertices"
    )
    raise InputError(f"{field} must be {allowed}, not {ids[at]} at index {first + at}")


@dataclass(frozen=True, eq=False)
class Graph:
    """A directed multigraph: an edge may be there several times, and may be a loop.

    Attributes
    ----------
    vertices
        N, 0 to `MAX_VERTICES`.
    src, dst
        Ids of the M edges, int32, in any order.
    """

    vertices: int
    src: Ids
    dst: Ids

    @classmethod
    def of(cls, vertices: int, src: Any, dst: Any) -> Graph:
        """Return the graph of two arrays of integers.

        Raises
        ------
        InputError
            If they are no integers, differ in length, or name a vertex that is not there.
        """
        check_range("vertices", vertices, 0, MAX_VERTICES)
        ends = []
        for field, values in (("src", src), ("dst", dst)):
            array = np.asarray(values)
            if array.ndim != 1:
                raise InputError(f"{field} must have one dimension, not shape {list(array.shape)}")
            if array.size:
                check_integers(field, array)
            check_vertices(field, array, vertices)
            ends.append(array.astype(np.int32, copy=False))
        if len(ends[0]) != len(ends[1]):
            raise InputError(
                f"dst must have the {len(ends[0])} edges of src, not {len(ends[1])}"
            )
        return cls(vertices, ends[0], ends[1])

    @property
    def edges(self) -> int:
        """M, with multiplicity."""
        return len(self.src)

    @cached_property
    def golden(self) -> GoldenGraph:
        """The same graph for the golden models."""
        return GoldenGraph(self.vertices, self.src.astype(np.int64), self.dst.astype(np.int64))


@dataclass(frozen=True, eq=False)
class EdgeSource:
    """Edges that can be read piece by piece, and again: what a file of a graph is.

    Attributes
    ----------
    name
        What errors call it.
    vertices
        N, or None where only the largest id tells it.
    edges
        M, or about M where only reading tells it.
    chunks
        Gives, for a number of edges, an iterator over integer arrays `(src, dst)` of about so
        many.
    """

    name: str
    vertices: int | None
    edges: int
    chunks: Callable[[int], Chunks]

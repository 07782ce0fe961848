"""A directed multigraph and the reductions over its in-edges.

An edge e leads from `src[e]` to `dst[e]`; a vertex gathers over its in-edges with their
multiplicity. A vertex without in-edges has the sum 0 and the maximum that the caller names.

The code sorts the edges by destination because that is how NumPy reduces segments fastest. Integer
results cannot depend on it: sums are modulo 2^32 (or proven to fit) and a maximum is a maximum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = ["Graph", "Integers", "Reals"]

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

_BLOCK_BYTES = 1 << 25
"""Messages that are in memory at once; wider rows are gathered in blocks of columns."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Vertices 0..vertices - 1 and edges, duplicates and self loops included.

    Attributes
    ----------
    vertices
        N, at least 1.
    src, dst
        Integers [M], 0..N - 1, of any integer type; int64 afterwards.

    Raises
    ------
    InputError
        If there is no vertex, the edges are not two integer vectors of one length, or one names a
        vertex that does not exist.
    """

    vertices: int
    src: Integers
    dst: Integers

    def __post_init__(self) -> None:
        if self.vertices < 1:
            raise InputError(f"vertices must be at least 1, not {self.vertices}")
        for name in ("src", "dst"):
            given = np.asarray(getattr(self, name))
            if given.ndim != 1:
                raise InputError(f"{name} must be a vector, not of shape {list(given.shape)}")
            if given.size and given.dtype.kind not in "iu":
                raise InputError(f"{name} must hold integers, not {given.dtype}")
            wrong = (given < 0) | (given >= self.vertices)
            if wrong.any():
                index = int(wrong.argmax())
                raise InputError(
                    f"{name} must be in 0..{self.vertices - 1}, not {given[index]} at {index}"
                )
            object.__setattr__(self, name, given.astype(np.int64))
        if len(self.src) != len(self.dst):
            raise InputError(
                f"src and dst must be of one length, not {len(self.src)} and {len(self.dst)}"
            )

    @cached_property
    def degree(self) -> Integers:
        """In-edges of each vertex, int64 [N]."""
        return np.bincount(self.dst, minlength=self.vertices).astype(np.int64)

    @property
    def largest_degree(self) -> int:
        """Most in-edges of a vertex; 0 without edges."""
        return int(self.degree.max())

    @cached_property
    def looped(self) -> Graph:
        """The graph with exactly one self loop per vertex: old ones dropped, then one added."""
        kept = self.src != self.dst
        loops = np.arange(self.vertices)
        return Graph(
            self.vertices,
            np.concatenate([self.src[kept], loops]),
            np.concatenate([self.dst[kept], loops]),
        )

    def gather(
        self, values: NDArray[Any], how: Literal["sum", "max"], empty: int = 0
    ) -> NDArray[Any]:
        """Return the reduction of one row per edge at its destination.

        Parameters
        ----------
        values
            Numbers [M, F], row e of edge e.
        how
            The reduction.
        empty
            Result of a vertex without in-edges.

        Returns
        -------
        array [N, F] of the type of `values`
        """
        order, starts, targets = self._runs
        result = np.full((self.vertices, values.shape[1]), empty, values.dtype)
        if len(starts):
            reduce = np.add if how == "sum" else np.maximum
            result[targets] = reduce.reduceat(values[order], starts, axis=0)
        return result

    def gather_rows(
        self, rows: NDArray[Any], how: Literal["sum", "max"], empty: int = 0
    ) -> NDArray[Any]:
        """Return the reduction of the sources' rows [N, F] over the in-edges, as `gather`."""
        width = max(1, _BLOCK_BYTES // (8 * max(1, len(self.src))))
        blocks = [
            self.gather(rows[:, start : start + width][self.src], how, empty)
            for start in range(0, rows.shape[1], width)
        ]
        return np.concatenate(blocks, axis=1)

    @cached_property
    def _runs(self) -> tuple[Integers, Integers, Integers]:
        """Edges by destination, where each destination's run starts, and the destinations."""
        order = np.argsort(self.dst, kind="stable")
        targets, starts = np.unique(self.dst[order], return_index=True)
        return order, starts, targets

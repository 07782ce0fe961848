"""Sizes of a pass's intervals, chunks and shards, and its partitions; brief section 4.

The accumulators hold `halves` intervals, local memory a chunk or a shard's sources, edge memory
what is on a shard's edges. Intervals are of equal length as far as may be, and so are chunks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....golden.gnn.graph import Graph as GoldenGraph
from ....hw.gnn.parameters import GnnParameters
from ..graph import Graph, Ids
from ..limits import Limits
from ..partition import Partition, partition
from ..program import Pass
from .code import PassCode

__all__ = ["Sizer"]

_MOST_ROWS = (1 << 16) - 1
_CHUNK_ROWS = 32
"""Enough for a matrix unit to be busy, and for the time between tasks not to matter."""


class Sizer:
    """Sizes passes for a graph and an engine; partitions are made once.

    Parameters
    ----------
    graph
        The graph.
    p
        The engine.
    rank
        Place of each vertex, or None.
    """

    def __init__(self, graph: GoldenGraph, p: GnnParameters, rank: Ids | None) -> None:
        self._graph, self._p, self._rank = graph, p, rank
        self._graphs: dict[bool, Graph] = {}
        self._partitions: dict[tuple[bool, Limits], Partition] = {}

    def passes(
        self, code: PassCode, name: str, halves: tuple[int, ...], *, thorough: bool
    ) -> Iterator[Pass]:
        """Return the pass in each of the sizes that may be good.

        Parameters
        ----------
        code, name
            The pass.
        halves
            Intervals under way at a time, all that are allowed.
        thorough
            Try more sizes than the most plain ones.

        Raises
        ------
        InputError
            If a row is larger than a memory.
        """
        self._check_rows(code, name, min(halves))
        for count in halves if code.accumulator_stride else halves[:1]:
            sizes = self._sizes(code, count)
            for interval, rows in sizes if thorough else sizes[:1]:
                yield self._made(code, interval, rows, count)

    def _sizes(self, code: PassCode, halves: int) -> list[tuple[int, int]]:
        """Return lengths of intervals and of chunks, without the same twice."""
        p, vertices = self._p, self._graph.vertices
        stride = code.accumulator_stride
        room = min(p.accumulator_words // halves // stride if stride else _MOST_ROWS, _MOST_ROWS)
        if not room:
            return []
        fits = p.local_words // code.chunk_stride if code.chunk_stride else _MOST_ROWS
        wanted = [min(fits, each) for each in (max(p.rows, _CHUNK_ROWS), p.rows)]
        whole = _even(vertices, room)
        share = min(fits, max(p.rows, -(-whole // p.threads)), 2 * _CHUNK_ROWS)
        found = [(whole, _even(whole, min(whole, rows))) for rows in (*wanted, share)]
        if any(code.gathers):
            # A thread is left for the shards of the next interval while these have their chunks.
            found += [
                (rows * (p.threads - 1), rows) for rows in wanted
                if 0 < rows * (p.threads - 1) < whole
            ]  # fmt: skip
        return list(dict.fromkeys(found))

    def _check_rows(self, code: PassCode, name: str, halves: int) -> None:
        """Refuse rows that are larger than a memory."""
        p = self._p
        accumulators = code.accumulator_stride * halves
        for field, have, most, what in (
            ("accumulator_words", accumulators, p.accumulator_words, "destination"),
            ("local_words", code.chunk_stride, p.local_words, "vertex"),
            ("local_words", max(code.source_stride), p.local_words, "source"),
            ("edge_words", max(code.edge_stride), p.edge_words, "edge"),
        ):
            if have > most:
                raise InputError(
                    f"{field} must be at least {have}, what a {what} needs in {name}, not {most}"
                )

    def _made(self, code: PassCode, interval: int, rows: int, halves: int) -> Pass:
        tables = code.tables
        first, second = (
            self._partition(code, round_, interval) if gathers else None
            for round_, gathers in enumerate(code.gathers)
        )
        scalars_0, scalars_1 = (
            None if each is None else self._placed(each.values) for each in code.scalars
        )
        return Pass(
            phases=code.phases, slots=code.slots, slot_names=code.slot_names,
            constants=tuple(tables.constants), tensors=tuple(tables.tensors),
            weights=tables.weights, bias=tables.biases, tables=tables.tables,
            exp_bits=code.exp_bits, interval=interval, chunk_rows=rows,
            accumulator_stride=code.accumulator_stride, chunk_stride=code.chunk_stride,
            source_stride=code.source_stride, edge_stride=code.edge_stride, halves=halves,
            partitions=(first, second), scalars=(scalars_0, scalars_1),
        )  # fmt: skip

    def _placed(self, values: NDArray[np.int16]) -> NDArray[np.int16]:
        if self._rank is None:
            return values
        result = np.empty_like(values)
        result[self._rank] = values
        return result

    def _partition(self, code: PassCode, round_: int, interval: int) -> Partition:
        p = self._p
        source = max(1, code.source_stride[round_]) * p.lanes
        edge = code.edge_stride[round_]
        limits = Limits(
            interval=interval, source_bytes=source, capacity=p.local_words * p.lanes,
            max_edges=min(p.max_edges, p.edge_words // edge) if edge else p.max_edges,
            max_sources=p.max_sources,
        )  # fmt: skip
        looped = code.gathers[round_][0].looped
        key = (looped, limits)
        if key not in self._partitions:
            graph = self._variant(looped=looped)
            self._partitions[key] = partition(graph, limits, rank=self._rank)
        return self._partitions[key]

    def _variant(self, *, looped: bool) -> Graph:
        if looped not in self._graphs:
            graph = self._graph.looped if looped else self._graph
            self._graphs[looped] = Graph.of(graph.vertices, graph.src, graph.dst)
        return self._graphs[looped]


def _even(total: int, most: int) -> int:
    """Return the length of equal parts of at most `most`."""
    parts = -(-total // most)
    return -(-total // parts)

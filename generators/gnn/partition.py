"""Partitions of a graph: intervals of destinations, and the shards of each; brief section 4."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .graph import Graph, Ids, Ints, Progress, silent
from .keys import blocks, edge_keys, pinned_rows, slots_of
from .limits import Limits
from .shards import Block, Method, block_shards, distinct

__all__ = ["Collector", "Counts", "Partition", "Sink", "check_method", "cut", "partition"]

Words = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Counts:
    """The shards of a partition by their sizes.

    Attributes
    ----------
    limits, method
        What they were made for, and how.
    vertices, edges
        N and M.
    shard_interval, shard_sources, shard_edges, shard_used
        Interval (ascending), rows, edges, and rows that have an edge, of each shard.
    resident
        Rows that are loaded once for the whole pass.
    bound
        LB: for each interval, its sources that are not resident.
    cuts
        Rows that are loaded again because a shard cannot hold all edges of one source.
    """

    limits: Limits
    method: Method
    vertices: int
    edges: int
    shard_interval: Ints
    shard_sources: Ints
    shard_edges: Ints
    shard_used: Ints
    resident: int
    bound: int
    cuts: int

    @property
    def loads(self) -> int:
        """Rows loaded in a pass, resident ones included."""
        return int(self.shard_sources.sum()) + self.resident

    @property
    def shards(self) -> int:
        """Number of shards."""
        return len(self.shard_edges)

    @property
    def intervals(self) -> int:
        """P; an interval may have no shard."""
        return self.limits.intervals(self.vertices)


@dataclass(frozen=True, eq=False)
class Partition:
    """A whole partition.

    Ids are places in the vertex order: vertex `order[i]` of the graph is i here. The rows of shard
    s are `sources[source_start[s] : source_start[s + 1]]` and its edges are `words` likewise, each
    `dst_local << 16 | src_local`, ascending. A `src_local` with bit 15 is a row of `pinned`.

    Attributes
    ----------
    counts
        Its shards by their sizes.
    sources, words
        Rows and edges of all shards.
    pinned
        Ids of the resident rows, ascending.
    order
        The vertex at each place, or None if they kept their places.
    """

    counts: Counts
    sources: Words
    words: Words
    pinned: Ids
    order: Ids | None = None

    @property
    def source_start(self) -> Ints:
        """First row of each shard, and the end."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.counts.shard_sources)])

    @property
    def edge_start(self) -> Ints:
        """First edge of each shard, and the end."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.counts.shard_edges)])

    @property
    def shard_start(self) -> Ints:
        """First shard of each interval, and the end."""
        at = np.arange(self.counts.intervals + 1)
        return np.searchsorted(self.counts.shard_interval, at)

    def edge_list(self) -> tuple[Ints, Ints]:
        """Return `(src, dst)` of all edges, in the order of shards, by their places."""
        shard = np.repeat(np.arange(self.counts.shards), self.counts.shard_edges)
        local = (self.words & 0xFFFF).astype(np.int64)
        interval = self.counts.shard_interval[shard]
        dst = interval * self.counts.limits.interval + (self.words >> 16).astype(np.int64)
        # Resident rows stand behind the others, at the places where bit 15 leads to.
        table = np.concatenate([self.sources.astype(np.int64), self.pinned.astype(np.int64)])
        place = self.source_start[shard] + local
        if len(self.pinned):
            slot = local - (1 << 15)
            place = np.where(slot >= 0, len(self.sources) + slot, place)
        return table[place], dst


class Sink(Protocol):
    """What takes the blocks of a partition as they are made."""

    def add(self, block: Block) -> None: ...


class Collector:
    """Keeps blocks in memory; with `lists`, their sources and edges too."""

    def __init__(self, *, lists: bool = True) -> None:
        self._lists = lists
        self._sizes: list[tuple[Ints, Ints, Ints, Ints]] = []
        self._sources: list[Words] = []
        self._words: list[Words] = []
        self._bound = self._cuts = 0

    def add(self, block: Block) -> None:
        """Take a block."""
        self._sizes.append(
            (block.shard_interval, block.shard_sources, block.shard_edges, block.shard_used)
        )
        self._bound += block.bound
        self._cuts += block.cuts
        if self._lists:
            self._sources.append(block.sources)
            self._words.append(block.words)

    def counts(self, limits: Limits, method: Method, vertices: int, resident: int) -> Counts:
        """Return the sizes of all shards."""
        empty = np.zeros(0, np.int64)
        interval, sources, edges, used = (
            np.concatenate([empty, *(sizes[kind] for sizes in self._sizes)]) for kind in range(4)
        )
        return Counts(
            limits, method, vertices, int(edges.sum()), interval, sources, edges, used, resident,
            self._bound, self._cuts,
        )  # fmt: skip

    def lists(self) -> tuple[Words, Words]:
        """Return the sources and the edges of all shards."""
        empty = np.zeros(0, np.uint32)
        return np.concatenate([empty, *self._sources]), np.concatenate([empty, *self._words])


def check_method(limits: Limits, method: Method) -> None:
    """Refuse resident rows for a method that loads rows without an edge, or one for each."""
    if limits.pinned and method is not Method.FGGP:
        raise InputError(f"pinned must be 0 for method {method.value}, not {limits.pinned}")


def cut(
    parts: Iterable[Ints], sinks: Iterable[Sink], vertices: int, limits: Limits, method: Method,
    pinned: Ids, *, lists: bool = True,
) -> None:  # fmt: skip
    """Give the shards of blocks of sorted keys to sinks."""
    slots = slots_of(pinned, vertices)
    for keys in parts:
        block = block_shards(keys, vertices, limits, method, slots, lists=lists)
        for sink in sinks:
            sink.add(block)


def partition(
    graph: Graph, limits: Limits, method: Method = Method.FGGP, rank: Ids | None = None, *,
    coalesce: bool = False, lists: bool = True, watch: Iterable[Sink] = (),
    progress: Progress = silent,
) -> Partition:  # fmt: skip
    """Partition a graph in memory.

    Parameters
    ----------
    graph
        The graph.
    limits
        What intervals and shards must fit into.
    method
        How sources are gathered into shards.
    rank
        Place of each vertex in the order; None keeps them.
    coalesce
        Whether equal edges become one.
    lists
        Whether rows and edges are wanted, or counts alone.
    watch
        Given the blocks as well.
    progress
        Told about the edges done.

    Returns
    -------
    Partition
        The same for the same edges, in whatever order they are given. About 24 B an edge beside
        the graph.
    """
    check_method(limits, method)
    keys = edge_keys(graph, limits.interval, rank, progress)
    if coalesce:
        keys = keys[distinct(keys)]
    pinned = np.zeros(0, np.int32)
    if limits.pinned:
        needed = np.zeros(graph.vertices, np.int64)
        for part in blocks(keys, graph.vertices, limits.interval):
            needed += interval_counts(part, graph.vertices, limits.interval)
        pinned = pinned_rows(needed, limits)
    sink = Collector(lists=lists)
    parts = _told(blocks(keys, graph.vertices, limits.interval), len(keys), progress)
    cut(parts, (sink, *watch), graph.vertices, limits, method, pinned, lists=lists)
    counts = sink.counts(limits, method, graph.vertices, len(pinned))
    sources, words = sink.lists()
    order = None
    if rank is not None:
        order = np.empty(graph.vertices, np.int32)
        order[rank] = np.arange(graph.vertices, dtype=np.int32)
    return Partition(counts, sources, words, pinned, order)


def interval_counts(keys: Ints, vertices: int, interval: int) -> Ints:
    """Return in how many of the intervals of sorted keys each source has an edge."""
    pairs = keys // interval
    return np.bincount(pairs[distinct(pairs)] % max(1, vertices), minlength=vertices)


def _told(parts: Iterable[Ints], total: int, progress: Progress) -> Iterable[Ints]:
    done = 0
    for keys in parts:
        yield keys
        done += len(keys)
        progress("shards", done, total)

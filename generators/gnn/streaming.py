"""Partitioning in bounded memory: edges go to disk, sorted roughly, and come back in blocks.

The edges are read twice. The first time tells how many go into each interval, from which blocks of
intervals follow that fit the memory; the second time each edge is written, as its key, where its
block is. Then a block is read, sorted and cut at a time. In memory are a few bytes a vertex, one
block, and the sizes of the shards.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from .graph import EdgeSource, Ids, Ints, Progress, silent
from .keys import pack, pinned_rows
from .limits import Limits
from .orders import Order, degree_order, rank_of
from .partition import Counts, check_method, cut, interval_counts
from .partition_file import PartitionWriter
from .raster import Raster
from .shards import Method, distinct

__all__ = ["MEMORY_PER_EDGE", "MEMORY_PER_VERTEX", "Streamed", "memory_in_use", "stream_partition"]

MEMORY_PER_EDGE = 96
"""Most bytes that a graph needs in memory for each of its edges."""

MEMORY_PER_VERTEX = 32

_BLOCK_BYTES = 200
"""Bytes an edge of a block needs while the block is cut, at most."""

_CHUNK_BYTES = 120
"""Bytes an edge of a chunk needs while it is read and packed, at most."""

_TEXT_BYTES = 40 << 20  # of a piece of text while it is parsed
_LEAST_CHUNK, _MOST_CHUNK = 1 << 12, 1 << 20
_KEY_BYTES = 8


def memory_in_use() -> int:
    """Return the bytes that this process has in memory; where that is not told, had at most."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@dataclass(frozen=True, eq=False)
class Streamed:
    """What is known of a partition that went to a file.

    Attributes
    ----------
    counts
        Its shards by their sizes.
    sources
        Vertices with an out-edge.
    raster
        Its rows by interval and source.
    """

    counts: Counts
    sources: int
    raster: Raster


@dataclass(frozen=True, eq=False)
class _Scan:
    """What the first reading finds: in- and out-degree of each vertex."""

    into: Ints
    out_of: Ints


def stream_partition(
    source: EdgeSource, path: Path, limits: Limits, memory: int,
    method: Method = Method.FGGP, order: Order = Order.NATURAL, *, coalesce: bool = False,
    progress: Progress = silent,
) -> Streamed:  # fmt: skip
    """Partition the edges of a source into a file; the bytes are those of a partition in memory.

    Parameters
    ----------
    source
        The edges.
    path
        The file; its folder also holds the keys, 8 bytes an edge, until this ends.
    limits, method, coalesce
        As for `partition`.
    memory
        Bytes that the process may have in memory, with what it has already.
    order
        `natural` or `degree`.
    progress
        Told about the edges read and cut.

    Raises
    ------
    InputError
        If the memory is too small, or the order needs the whole graph.
    """
    check_method(limits, method)
    if order not in (Order.NATURAL, Order.DEGREE):
        raise InputError(
            f"order must be natural or degree for a graph that is streamed, not {order.value}"
        )
    room = memory - memory_in_use() - _TEXT_BYTES
    chunk = min(_MOST_CHUNK, max(_LEAST_CHUNK, room // 4 // _CHUNK_BYTES))
    scan = _scan(source, chunk, memory, progress)
    vertices = len(scan.into)
    places: Ids | None = None
    into = scan.into
    if order is Order.DEGREE:
        places = degree_order(scan.into + scan.out_of)
        into = into[places]
    rank = None if places is None else rank_of(places)
    per_interval = np.add.reduceat(into, np.arange(0, vertices, limits.interval)) if vertices else (
        np.zeros(1, np.int64)
    )
    sources = int(np.count_nonzero(scan.out_of))
    del scan, into
    room = memory - memory_in_use()
    starts = _blocks(per_interval, max(0, room) // _BLOCK_BYTES, memory)
    at = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.add.reduceat(per_interval, starts))])
    keys_path = path.with_suffix(".keys")
    with keys_path.open("w+b") as keys, PartitionWriter(path) as writer:
        total = int(at[-1])
        firsts = starts * vertices * limits.interval
        here = at[:-1].copy()
        done = 0
        for src, dst in source.chunks(chunk):
            if rank is not None:
                src, dst = rank[src], rank[dst]
            part = pack(src, dst, vertices, limits.interval)
            part.sort()
            cuts = np.append(np.searchsorted(part, firsts), len(part))
            for block in np.flatnonzero(np.diff(cuts)).tolist():
                keys.seek(int(here[block]) * _KEY_BYTES)
                piece = part[cuts[block] : cuts[block + 1]]
                keys.write(piece.data)
                here[block] += len(piece)
            done += len(part)
            progress("sort", done, total)

        def parts(told: Progress) -> Iterator[Ints]:
            for block in range(len(starts)):
                keys.seek(int(at[block]) * _KEY_BYTES)
                part = np.fromfile(keys, np.int64, int(at[block + 1] - at[block]))
                part.sort()
                yield part[distinct(part)] if coalesce else part
                told("shards", int(at[block + 1]), total)

        pinned = np.zeros(0, np.int32)
        if limits.pinned:
            needed = np.zeros(vertices, np.int64)
            for part in parts(silent):
                needed += interval_counts(part, vertices, limits.interval)
            pinned = pinned_rows(needed, limits)
        raster = Raster(vertices, limits.intervals(vertices))
        cut(parts(progress), (writer, raster), vertices, limits, method, pinned)
        counts = writer.finish(limits, method, vertices, pinned, places)
    keys_path.unlink()
    return Streamed(counts, sources, raster)


def _scan(source: EdgeSource, chunk: int, memory: int, progress: Progress) -> _Scan:
    into = np.zeros(source.vertices or 0, np.int64)
    out_of = into.copy()
    edges = 0
    for src, dst in source.chunks(chunk):
        if source.vertices is None and len(src):
            most = max(int(src.max()), int(dst.max())) + 1
            _check_vertices(most, memory)
            if most > len(into):
                # Twice as large, so that it grows seldom.
                size = max(most, 2 * len(into))
                into, out_of = (np.append(a, np.zeros(size - len(a), np.int64))
                                for a in (into, out_of))  # fmt: skip
        np.add.at(into, dst, np.int64(1))
        np.add.at(out_of, src, np.int64(1))
        edges += len(src)
        progress("count", edges, max(edges, source.edges))
    if source.vertices is None:
        used = np.flatnonzero(into + out_of)
        vertices = int(used[-1]) + 1 if len(used) else 0
        into, out_of = into[:vertices].copy(), out_of[:vertices].copy()
    return _Scan(into, out_of)


def _check_vertices(vertices: int, memory: int) -> None:
    least = memory_in_use() + 2 * MEMORY_PER_VERTEX * vertices
    if least > memory:
        raise InputError(
            f"max-mem must be at least {_megabytes(least)} MB for {vertices} vertices, not "
            f"{memory // 10**6}"
        )


def _blocks(per_interval: Ints, most: int, memory: int) -> Ints:
    """Return the first interval of each block of at most so many edges."""
    largest = int(per_interval.max())
    if largest > most:
        short = (largest - most) * _BLOCK_BYTES
        raise InputError(
            f"max-mem must be at least {_megabytes(memory + short)} MB, as interval "
            f"{int(per_interval.argmax())} has {largest} edges, not {memory // 10**6}"
        )
    total = np.cumsum(per_interval)
    starts, before = [0], 0
    while total[-1] - before > most:
        # An interval without edges may stand at the end of a block: the next one begins behind it.
        start = int(np.searchsorted(total, before + most, "right"))
        before = int(total[start - 1])
        starts.append(start)
    return np.array(starts, np.int64)


def _megabytes(size: int) -> int:
    return -(-size // 10**6)

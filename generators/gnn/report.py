"""What there is to tell of a partition."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from heapq import heapify, heapreplace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .graph import Ints
from .partition import Counts

__all__ = ["BINS", "Traffic", "balance", "occupancy", "report", "traffic"]

BINS = 10
"""Bins of the histogram of occupancy, each of a tenth."""

_SHARD_RECORD, _INTERVAL_RECORD, _WORD = 16, 32, 4  # brief section 6, memory image


@dataclass(frozen=True)
class Traffic:
    """Bytes of one pass over the graph with one round; brief section 8.

    Attributes
    ----------
    rows
        Source rows, each rounded up to bursts.
    destinations
        Rows that are loaded and stored for the destinations.
    graph
        Edges, source ids, and the records of shards and intervals.
    """

    rows: int
    destinations: int
    graph: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.rows + self.destinations + self.graph


def traffic(counts: Counts, load_bytes: int, store_bytes: int, burst: int) -> Traffic:
    """Return the traffic of a pass that loads and stores so many bytes for each destination."""
    row = -(-counts.limits.source_bytes // burst) * burst
    listed = int(counts.shard_sources.sum()) + counts.resident
    return Traffic(
        counts.loads * row,
        counts.vertices * (load_bytes + store_bytes),
        _WORD * (counts.edges + listed) + _SHARD_RECORD * counts.shards
        + _INTERVAL_RECORD * counts.intervals,
    )  # fmt: skip


def occupancy(counts: Counts, *, useful: bool = False) -> NDArray[np.float64]:
    """Return the part of a shard's memory that is filled, for each shard.

    With `useful`, rows without an edge count as empty.
    """
    limits = counts.limits
    rows = counts.shard_used if useful else counts.shard_sources
    filled = limits.source_bytes * rows + limits.edge_bytes * counts.shard_edges
    share: NDArray[np.float64] = filled / limits.capacity
    return share


def balance(counts: Counts, engines: int, threads: int) -> dict[str, float]:
    """Return how uneven the work is: that of the busiest over the mean, 1 at best.

    The work of an interval or shard is its edges, one a cycle in the edge engine. Intervals go to
    engines in contiguous blocks of equal number, round robin, or the heaviest first to the least
    loaded (LPT); shards of an interval go to threads in their order, each to the one that is free
    first, all intervals by themselves.
    """
    work = np.bincount(
        counts.shard_interval, counts.shard_edges, minlength=counts.intervals
    ).astype(np.int64)
    place = np.arange(len(work))
    block = place * engines // len(work)
    heaviest = np.sort(work)[::-1]
    return {
        "contiguous": _uneven(np.bincount(block, work, engines)),
        "round_robin": _uneven(np.bincount(place % engines, work, engines)),
        "lpt": _uneven(_listed(heaviest.tolist(), engines)),
        "threads": _threads(counts, work, threads),
    }


def _uneven(loads: NDArray[Any]) -> float:
    return float(loads.max() / loads.mean()) if loads.any() else 1.0


def _listed(jobs: list[int], workers: int) -> Ints:
    loads = [0] * workers
    heapify(loads)
    for job in jobs:
        heapreplace(loads, loads[0] + job)
    return np.array(loads, np.int64)


def _threads(counts: Counts, work: Ints, threads: int) -> float:
    starts = np.searchsorted(counts.shard_interval, np.arange(counts.intervals + 1)).tolist()
    edges = counts.shard_edges.tolist()
    longest = 0
    for start, end in pairwise(starts):
        longest += int(_listed(edges[start:end], threads).max())
    total = int(work.sum())
    return longest * threads / total if total else 1.0


def report(
    counts: Counts, sources: int, load_bytes: int, store_bytes: int, burst: int, engines: int,
    threads: int,
) -> dict[str, Any]:  # fmt: skip
    """Return the figures of a partition whose graph has `sources` vertices with an out-edge."""
    moved = traffic(counts, load_bytes, store_bytes, burst)
    share, useful = occupancy(counts), occupancy(counts, useful=True)
    bins = np.minimum((share * BINS).astype(np.int64), BINS - 1)
    return {
        "method": counts.method.value,
        "limits": asdict(counts.limits),
        "vertices": counts.vertices,
        "edges": counts.edges,
        "sources": sources,
        "intervals": counts.intervals,
        "shards": counts.shards,
        "loads": counts.loads,
        "lower_bound": counts.bound,
        "cuts": counts.cuts,
        "resident": counts.resident,
        "replication": counts.loads / sources if sources else 0.0,
        "occupancy": float(share.mean()) if len(share) else 0.0,
        "useful_occupancy": float(useful.mean()) if len(useful) else 0.0,
        "occupancy_histogram": np.bincount(bins, minlength=BINS).tolist(),
        "traffic": asdict(moved) | {"total": moved.total},
        "engines": engines,
        "threads": threads,
        "balance": balance(counts, engines, threads),
    }

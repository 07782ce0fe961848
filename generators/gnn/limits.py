"""What a shard and an interval must fit into."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ..checks import check_range

__all__ = ["MAX_LOCAL", "PINNED_BIT", "Limits"]

MAX_LOCAL = 1 << 16
"""Local ids have 16 bits each in an edge word."""

PINNED_BIT = 1 << 15
"""The bit of a local source id that selects the resident rows; brief section 4."""

_MAX_BYTES = 1 << 31


@dataclass(frozen=True)
class Limits:
    """Sizes of a partition, in the letters of brief section 4.

    Where edges have a memory of their own, of Ce bytes, `edge_bytes` is 0 and `max_edges` at most
    `Ce // Be`: the two limits are then those of section 6.

    Parameters
    ----------
    interval
        D, destinations of an interval, 1 to 65536.
    source_bytes
        Bs, bytes of a source row in a shard's memory.
    edge_bytes
        Be, bytes of an edge in the same memory; may be 0.
    capacity
        C, bytes of that memory, at least Bs + Be.
    max_edges
        Emax, edges of a shard.
    max_sources
        Smax, rows of a shard, at most 65536.
    pinned
        Source rows that stay resident for the whole pass, those that most intervals need. Where
        there are any, bit 15 of a local source id selects them, and Smax is at most 32768.
    """

    interval: int = 112
    source_bytes: int = 128
    edge_bytes: int = 0
    capacity: int = 16384
    max_edges: int = 2048
    max_sources: int = MAX_LOCAL
    pinned: int = 0

    def __post_init__(self) -> None:
        check_range("interval", self.interval, 1, MAX_LOCAL)
        check_range("source_bytes", self.source_bytes, 1, _MAX_BYTES)
        check_range("edge_bytes", self.edge_bytes, 0, _MAX_BYTES)
        check_range("capacity", self.capacity, 1, _MAX_BYTES)
        check_range("max_edges", self.max_edges, 1, _MAX_BYTES)
        check_range("max_sources", self.max_sources, 1, MAX_LOCAL)
        check_range("pinned", self.pinned, 0, PINNED_BIT)
        if self.source_bytes + self.edge_bytes > self.capacity:
            raise InputError(
                f"capacity must be at least source_bytes + edge_bytes = {self.source_bytes} + "
                f"{self.edge_bytes}, not {self.capacity}"
            )

    @property
    def rows(self) -> int:
        """Most rows of a shard, by the width of a local source id."""
        return min(self.max_sources, PINNED_BIT) if self.pinned else self.max_sources

    @property
    def cap(self) -> int:
        """Most edges of a shard that has one source."""
        if self.edge_bytes == 0:
            return self.max_edges
        return min(self.max_edges, (self.capacity - self.source_bytes) // self.edge_bytes)

    @property
    def window(self) -> int:
        """H, rows of an aligned window of method grid: edges, if they count, get half of C."""
        share = self.capacity // 2 if self.edge_bytes else self.capacity
        # One row and one edge always fit, and a window that leaves no room for an edge never does.
        fits = (self.capacity - self.edge_bytes) // self.source_bytes
        return max(1, min(share // self.source_bytes, fits, self.rows))

    @property
    def window_cap(self) -> int:
        """Most edges of a shard that is a whole window."""
        if self.edge_bytes == 0:
            return self.max_edges
        room = self.capacity - self.window * self.source_bytes
        return min(self.max_edges, room // self.edge_bytes)

    def intervals(self, vertices: int) -> int:
        """P, at least 1 even without vertices."""
        return max(1, -(-vertices // self.interval))

"""Figures of a schedule: cycles, utilisation, bytes moved.

Each tile takes `dk + dv + 2` cycles (scores, exponential, sum, outputs), the next one follows
without a bubble, and `C + X - 1` cycles fill the array once (brief section 5.3). No schedule can
take fewer cycles than `allowed pairs * (dk + dv) / multipliers`; utilisation is that bound over the
cycles.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .block import CIRCULANT
from .pattern import Pattern
from .shape import ArrayShape
from .tiles import Tiles

__all__ = ["Bytes", "ScheduleReport", "cycles", "lower_bound", "report"]

TILES_AT_ONCE = 4096


@dataclass(frozen=True)
class Bytes:
    """Bytes moved, with operands of a byte each and outputs of two.

    Attributes
    ----------
    queries
        Queries of blocks and riders, once each.
    feeds
        Keys and values that enter segments, one for each port with a token (a torus: each token).
    gather
        Keys and values of gather columns.
    riders
        Keys and values of private feeds.
    outputs
        Outputs, once each.
    """

    queries: int
    feeds: int
    gather: int
    riders: int
    outputs: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.queries + self.feeds + self.gather + self.riders + self.outputs


@dataclass(frozen=True)
class ScheduleReport:
    """Figures of a schedule for one head.

    Attributes
    ----------
    allowed
        Allowed pairs (nnz).
    density
        Their share of all pairs.
    tiles, blocks
        Tiles and blocks of queries.
    cycles
        Cycles of all tiles and of filling the array.
    bound
        The fewest cycles that the multipliers allow.
    utilisation
        `bound / cycles`.
    gathered, ridden
        Pairs in gather columns, and in rider rows.
    explicit_masks
        Units that need a mask bit for each element.
    bytes_moved
        Bytes moved.
    """

    allowed: int
    density: float
    tiles: int
    blocks: int
    cycles: int
    bound: int
    utilisation: float
    gathered: int
    ridden: int
    explicit_masks: int
    bytes_moved: Bytes

    def table(self) -> dict[str, Any]:
        """Return the figures for a report."""
        table = asdict(self)
        table["bytes_moved"]["total"] = self.bytes_moved.total
        return table


def cycles(tiles: int, shape: ArrayShape, dk: int, dv: int) -> int:
    """Cycles of so many tiles."""
    return tiles * (dk + dv + 2) + shape.fill


def lower_bound(allowed: int, shape: ArrayShape, dk: int, dv: int) -> int:
    """The fewest cycles in which the multipliers can do so many pairs."""
    return -(-allowed * (dk + dv) // shape.multipliers)


def report(pattern: Pattern, tiles: Tiles, dk: int, dv: int) -> ScheduleReport:
    """Return the figures of tiles."""
    shape = tiles.shape
    taken = cycles(len(tiles), shape, dk, dv)
    bound = lower_bound(pattern.allowed, shape, dk, dv)
    gathered = int((tiles.gather >= 0).sum())
    ridden = int((tiles.rider_tokens >= 0).sum())
    head = dk + dv
    moved = Bytes(
        queries=pattern.queries * dk,
        feeds=_fed(tiles) * head,
        gather=gathered * head,
        riders=ridden * head if shape.global_row_kv == "private" else 0,
        outputs=pattern.queries * dv * 2,
    )
    return ScheduleReport(
        allowed=pattern.allowed,
        density=pattern.density,
        tiles=len(tiles),
        blocks=len(tiles.queries),
        cycles=taken,
        bound=bound,
        utilisation=bound / taken,
        gathered=gathered,
        ridden=ridden,
        explicit_masks=int((tiles.mask >= 0).sum()),
        bytes_moved=moved,
    )


def _fed(tiles: Tiles) -> int:
    """Tokens that enter at ports. In a torus those of a circulant enter once."""
    fed = 0
    for start in range(0, len(tiles), TILES_AT_ONCE):
        stop = min(len(tiles), start + TILES_AT_ONCE)
        given = (tiles.port_tokens(start, stop) >= 0).sum(axis=2)
        if tiles.shape.torus:
            once = tiles.kind[start:stop] == CIRCULANT
            given = np.where(once, tiles.step[start:stop], given)
        fed += int(given.sum())
    return fed

"""The scheduler: from a pattern and the shape of an array to tiles, certified.

Orders of the queries and ways to treat global rows are tried in full, and the one that takes the
fewest tiles is kept. Blocks are planned one by one in :mod:`.block`; what they need of the pattern
is told as it is needed, so that memory does not grow with queries times keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..checks import check_range
from .certificate import Certificate, certify
from .orders import Order, grouped, heavy_queries, orders
from .pattern import Pattern, Progress
from .planner import BlockPlanner
from .report import ScheduleReport, report
from .riders import check_riders, with_riders
from .shape import MAX_HEAD, ArrayShape
from .tiles import Tiles, assemble

__all__ = ["Candidate", "Schedule", "candidates", "make_schedule"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Schedule:
    """Tiles of a pattern.

    Attributes
    ----------
    pattern
        What is computed.
    shape
        The array.
    dk, dv
        Elements of a query or key, and of a value.
    order
        Name of the order of the queries.
    tiles
        The tiles, in order.
    certificate
        What was checked.
    report
        Figures.
    """

    pattern: Pattern
    shape: ArrayShape
    dk: int
    dv: int
    order: str
    tiles: Tiles
    certificate: Certificate
    report: ScheduleReport


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to go about it.

    Attributes
    ----------
    name
        Of the order.
    order
        Blocks of queries.
    riders
        Queries that ride.
    """

    name: str
    order: Order
    riders: Integers


def make_schedule(
    pattern: Pattern,
    shape: ArrayShape,
    *,
    dk: int = 64,
    dv: int | None = None,
    progress: Progress | None = None,
) -> Schedule:
    """Schedule a pattern, and check the result against it.

    Parameters
    ----------
    pattern
        What is computed.
    shape
        The array.
    dk, dv
        Elements of a query or key, and of a value; `dv` is `dk` if left out.
    progress
        Told what is done.

    Raises
    ------
    InputError
        If the array cannot do it.
    CheckFailed
        If the tiles do not pass their certificate.
    """
    dv = dk if dv is None else dv
    check_range("dk", dk, 1, MAX_HEAD)
    check_range("dv", dv, 1, MAX_HEAD)
    check_riders(pattern, shape)
    planner = BlockPlanner(pattern, shape)
    chosen: tuple[Candidate, Tiles] | None = None
    for candidate in candidates(pattern, shape):
        step = f"schedule: {candidate.name}"
        tell = None if progress is None else (lambda part, name=step: progress(name, part))
        plans = planner.plans(candidate.order, tell)
        tiles = assemble(shape, pattern.keys, candidate.order, plans)
        tiles = with_riders(tiles, pattern, candidate.riders)
        if chosen is None or len(tiles) < len(chosen[1]):
            chosen = candidate, tiles
    assert chosen is not None, "natural order is always there"
    candidate, tiles = chosen
    certificate = certify(tiles, pattern, progress)
    figures = report(pattern, tiles, dk, dv)
    return Schedule(pattern, shape, dk, dv, candidate.name, tiles, certificate, figures)


def candidates(pattern: Pattern, shape: ArrayShape) -> Iterator[Candidate]:
    """Yield the ways to try.

    Global rows of private projections ride, all of them. Of shared ones as many ride as pays, the
    longest first; the others stay among their neighbours, or make blocks of their own.
    """
    none = np.zeros(0, np.int64)
    if shape.global_row_kv == "private":
        riders = np.array(pattern.global_queries, np.int64)
        for name, order in orders(pattern, shape, riders):
            yield Candidate(name, order, riders)
        return
    heavy = heavy_queries(pattern, shape)
    ways = [(none, none)]
    if len(heavy):
        ways.append((none, heavy))
    count = shape.global_rows
    if count and len(heavy):
        ways.append((heavy[:count], none))
    while count and len(heavy) and count <= 2 * len(heavy):
        ways.append((heavy[:count], heavy[count:]))
        count *= 2
    for riders, apart in ways:
        own = grouped(np.sort(apart), shape.rows)
        for name, order in orders(pattern, shape, np.concatenate([riders, apart])):
            yield Candidate(name, np.concatenate([order, own]), riders)

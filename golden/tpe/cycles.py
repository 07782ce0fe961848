"""Cycle model in closed form: when each tile starts and ends, and where the cycles go.

Digits: with `n(m, k, w)` 1 where operand k of row m has a digit other than 0 at weight w, and z the
minimum, a row takes

- in groups g of G operands: `sum over w, g of max(z, sum over k in g of n(m, k, w))`;
- operand by operand: `sum over k of max(z, sum over w of n(m, k, w))`;
- with lanes, the maximum over them each time that they meet; rows likewise;
- with Horner's rule, at least one cycle for each weight.

Time: tile t starts when tile t-1 ends and its own weights are there, and ends after its steps, or
when the results of tile t-1 have left if that is later. A tile takes at least one cycle.

Source: the project's brief, sections 4 and 5. `walk` is the same without formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .arrays import ArrayDescription, DigitSerial, Laconic, Tile, stretches
from .encodings import encode, nonzero_digits

__all__ = [
    "Schedule",
    "TileCost",
    "digit_serial_cost",
    "laconic_cost",
    "lane_cycles",
    "schedule",
    "timeline",
]

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TileCost:
    """What the operands of a tile cost.

    Attributes
    ----------
    steps
        Cycles in which operands go in.
    busy
        int64 [rows of the tile]: of these, the cycles in which a row is not waiting for another.
    work
        Units of work done: products, digits of A times numbers of B, or pairs of digits.
    """

    steps: int
    busy: Integers
    work: int


@dataclass(frozen=True, eq=False)
class Schedule:
    """When an array does what for one product. Cycle 0 is the first that takes anything in.

    Attributes
    ----------
    array
        The array.
    tiles
        The tiles in order.
    costs
        What each costs.
    start, end
        int64 [tiles]: cycle of the first step; cycle after the last one (or after the tile is no
        longer held).
    first_result, last_result
        int64 [tiles]: cycles of the first and the last beat of results.
    """

    array: ArrayDescription
    tiles: list[Tile]
    costs: list[TileCost]
    start: Integers
    end: Integers
    first_result: Integers
    last_result: Integers

    @cached_property
    def steps(self) -> Integers:
        """int64 [tiles]: cycles in which operands of each tile went in."""
        return np.array([cost.steps for cost in self.costs], np.int64)

    @property
    def cycles(self) -> int:
        """All cycles, to the last result."""
        return int(self.last_result[-1]) + 1

    @property
    def work(self) -> int:
        """All units of work."""
        return sum(cost.work for cost in self.costs)

    @property
    def utilisation(self) -> float:
        """Share of all cycles and units of the array that did work, 0..1."""
        return self.work / (self.cycles * self.array.capacity)

    @property
    def occupation(self) -> float:
        """The same of the cycles in which operands went in: no fill, drain or hold."""
        return self.work / (int(self.steps.sum()) * self.array.capacity)

    @property
    def held(self) -> int:
        """Cycles in which nothing went in between the first start and the last end."""
        return int(self.end[-1] - self.start[0] - self.steps.sum())

    @property
    def row_busy(self) -> Integers:
        """int64 [rows]: cycles in which each row was not waiting for another."""
        total = np.zeros(self.array.rows, np.int64)
        for cost in self.costs:
            total[: len(cost.busy)] += cost.busy
        return total

    @property
    def imbalance(self) -> NDArray[np.float64]:
        """float64 [rows]: share of all steps that each row waited for others, 0..1."""
        return 1 - self.row_busy / int(self.steps.sum())

    @property
    def barrier_cost(self) -> float:
        """Cycles that rows waited for the slowest, on average over the rows of each tile."""
        return float(sum(cost.steps - cost.busy.mean() for cost in self.costs))


def lane_cycles(
    nonzero: NDArray[np.bool_], lanes: int, group: int | None, minimum: int
) -> Integers:
    """Return the cycles of each lane between two meetings of it.

    Parameters
    ----------
    nonzero
        bool [..., K, D]: where a digit is other than 0.
    lanes, group, minimum
        See `arrays.DigitSerial`.

    Returns
    -------
    int64 array
        [..., D, lanes] with groups, [..., 1, lanes] without.
    """
    *outer, depth, _ = nonzero.shape
    size = 1 if group is None else group
    count = -(-depth // (lanes * size))
    pad = [(0, 0)] * len(outer) + [(0, count * lanes * size - depth), (0, 0)]
    # Operand k = (q size + g) lanes + l is number g of group q of lane l.
    grouped = np.pad(nonzero, pad).reshape(*outer, count, size, lanes, -1)
    digits = grouped.sum(axis=(-3, -1) if group is None else -3, dtype=np.int64)
    if group is None:
        digits = digits[..., None]
    first = np.arange(count)[:, None] * size * lanes + np.arange(lanes)
    least = np.where(first < depth, minimum, 0)
    cycles: Integers = np.maximum(digits, least[..., None]).sum(axis=-3)
    return np.swapaxes(cycles, -1, -2)


def digit_serial_cost(nonzero: NDArray[np.bool_], cols: int, work: DigitSerial) -> TileCost:
    """Return the cost of a tile from bool [rows, K, D], where digits of A are other than 0."""
    steps = 0
    busy = np.zeros(len(nonzero), np.int64)
    digits = int(np.count_nonzero(nonzero))
    if work.horner:
        nonzero = np.pad(nonzero, [(0, 0), (0, -nonzero.shape[1] % work.lanes), (0, 0)])
    for stretch in stretches(nonzero.shape[1], work.barrier):
        part = nonzero[:, stretch.start : stretch.stop]
        lanes = lane_cycles(part, work.lanes, work.group, work.minimum)
        weights = lanes.max(axis=2)
        rows = (np.maximum(weights, 1) if work.horner else weights).sum(axis=1)
        steps += int(rows.max())
        busy += rows
    return TileCost(max(1, steps), busy, digits * cols)


def laconic_cost(a_digits: Integers, b_digits: Integers, work: Laconic) -> TileCost:
    """Return the cost of a tile from the digits other than 0 of A [rows, K] and B [K, cols]."""
    depth = a_digits.shape[1]
    count = -(-depth // work.lanes)
    pad = count * work.lanes - depth
    a = np.pad(a_digits, [(0, 0), (0, pad)]).reshape(len(a_digits), 1, count, work.lanes)
    b = np.pad(b_digits.T, [(0, 0), (0, pad)]).reshape(1, -1, count, work.lanes)
    groups = np.maximum(1, (a * b).max(axis=3))
    # A row is busy while the slowest of its elements is.
    if work.lock_step:
        rows = groups.max(axis=1).sum(axis=1)
        steps = int(groups.max(axis=(0, 1)).sum())
    else:
        rows = groups.sum(axis=2).max(axis=1)
        steps = int(rows.max())
    return TileCost(steps, rows, int((a_digits.sum(axis=0) * b_digits.sum(axis=1)).sum()))


def schedule(
    a: NDArray[Any], b: NDArray[Any], array: ArrayDescription
) -> Schedule:
    """Return when `array` does what for `a [M, K]` times `b [K, N]`.

    Raises
    ------
    InputError
        If the matrices do not fit each other, or are not of the format that the array takes.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or 0 in (*a.shape, *b.shape):
        raise InputError(
            f"a and b must be [M, K] and [K, N] of at least 1, not {list(a.shape)} and "
            f"{list(b.shape)}"
        )
    (m, k), n = a.shape, b.shape[1]
    tiles = list(array.tiles(m, n, k))
    work = array.work
    costs: list[TileCost] = []
    if isinstance(work, DigitSerial):
        known: dict[tuple[range, range], TileCost] = {}
        for tile in tiles:
            # Digits of A alone decide: the tiles beside each other take the same cycles.
            key = tile.m, tile.k
            if key not in known:
                part = a[tile.m.start : tile.m.stop, tile.k.start : tile.k.stop]
                digits = encode(part, work.encoding, work.width, work.signed)
                known[key] = digit_serial_cost(digits != 0, 1, work)
            cost = known[key]
            costs.append(TileCost(cost.steps, cost.busy, cost.work * len(tile.n)))
    elif isinstance(work, Laconic):
        a_digits = nonzero_digits(a, work.encoding, work.a_width, work.a_signed)
        b_digits = nonzero_digits(b, work.encoding, work.b_width, work.b_signed)
        costs = [
            laconic_cost(
                a_digits[tile.m.start : tile.m.stop, tile.k.start : tile.k.stop],
                b_digits[tile.k.start : tile.k.stop, tile.n.start : tile.n.stop],
                work,
            )
            for tile in tiles
        ]
    else:
        costs = [_dense_cost(array, tile) for tile in tiles]
    times = timeline([cost.steps for cost in costs], array, [array.loads(tile) for tile in tiles])
    return Schedule(array, tiles, costs, *times)


def timeline(
    steps: list[int], array: ArrayDescription, loads: list[int] | None = None
) -> tuple[Integers, Integers, Integers, Integers]:
    """Return start, end, first and last result of tiles that take `steps` each, in order.

    `loads` are the cycles to load each; those of the array if None.
    """
    times = np.zeros((len(steps), 4), np.int64)
    loaded = end = 0
    started = free = 0
    for index, count in enumerate(steps):
        # The weights of a tile replace those of the one before last, once the last has begun.
        room = started + array.release if index else 0
        loaded = max(loaded, room) + (array.load_cycles if loads is None else loads[index])
        start = max(end, loaded)
        if array.result_buffers == 1:
            start = max(start, free)
        end = start + count
        if array.dataflow.streams:
            first, last = start + array.latency, end - 1 + array.latency
        else:
            # `free` is the first cycle in which the results before have left.
            if index:
                end = max(end, free + 1 - array.latency + array.clearance)
            first = end - 1 + array.latency
            last = first + array.drain_beats - 1
        times[index] = start, end, first, last
        started, free = start, last + 1
    start_, end_, first_, last_ = times.T
    return start_, end_, first_, last_


def _dense_cost(array: ArrayDescription, tile: Tile) -> TileCost:
    products = len(tile.m) * len(tile.n) * len(tile.k)
    if array.dataflow.holds_weights:
        return TileCost(len(tile.m), np.full(1, len(tile.m)), products)
    steps = -(-len(tile.k) // array.depth)
    return TileCost(steps, np.full(len(tile.m), steps), products)

"""Plans of compressor trees: which counters reduce a heap of bits to two rows, as pure integers.

A heap is a set of bits, each of a weight ``2^column``. A counter replaces bits of one column by
their count in binary: a full adder is a (3,2) counter, a half adder a (2,2) counter. Because every
counter keeps the weighted sum, any network of counters does; what leaves the top column is a
multiple of ``2^width``. :meth:`CounterNetwork.check` verifies just that, on the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["ONE", "STRATEGIES", "Counter", "CounterNetwork", "arrival", "dadda", "plan"]

ONE = -1
"""The constant bit 1, as an input of a counter or in a column that is left."""

DROPPED = -2
"""The carry out of the top column, which no bit takes."""

# Delays in half an exclusive-or. The third input of a full adder passes one exclusive-or alone.
_FULL_SUM, _FULL_CARRY = (4, 4, 2), (3, 3, 2)
_HALF_SUM, _HALF_CARRY = 2, 1


class Counter(NamedTuple):
    """A (3,2) or (2,2) counter: ``sum(inputs) == total + 2 * carry``.

    ``inputs`` are bits of ``column``, of which one may be :data:`ONE`. Counters of neighbouring
    columns with equal ``level``, ``slot`` and number of inputs take their inputs from the same
    words wherever they can, and so make up one carry-save adder; ``level`` is larger than that of
    all counters that the inputs come from.
    """

    column: int
    inputs: tuple[int, ...]
    total: int
    carry: int
    level: int
    slot: int


@dataclass(frozen=True)
class CounterNetwork:
    """Counters that reduce a heap to at most two bits a column.

    Attributes
    ----------
    columns : tuple of tuple of int
        Bits of the heap by column; bits are numbered from 0, and :data:`ONE` is a constant.
    counters : tuple of Counter
        In an order in which each bit is made before it is used.
    outputs : tuple of tuple of int
        What is left in each column: two bits or fewer.
    delay : int
        Time of the latest output, in half the delay of an exclusive-or.
    """

    columns: tuple[tuple[int, ...], ...]
    counters: tuple[Counter, ...]
    outputs: tuple[tuple[int, ...], ...]
    delay: int

    @property
    def full_adders(self) -> int:
        """Number of (3,2) counters of three variable bits."""
        return sum(len(c.inputs) == 3 and ONE not in c.inputs for c in self.counters)

    @property
    def half_adders(self) -> int:
        """Number of counters that add two variable bits, with or without a constant 1."""
        return sum(len(c.inputs) - (ONE in c.inputs) == 2 for c in self.counters)

    @property
    def levels(self) -> int:
        """Most counters in series."""
        return max((counter.level for counter in self.counters), default=0)

    def check(self) -> None:
        """Verify on the graph that ``outputs`` add up to the heap, modulo ``2^width``.

        Raises
        ------
        ValueError
            A bit is used twice, in another column than its own or before it is made, or is lost.
        """
        live = [list(column) for column in self.columns]
        level = {bit: 0 for column in self.columns for bit in column}
        top = len(live) - 1
        for counter in self.counters:
            if len(counter.inputs) not in (2, 3):
                raise ValueError(f"inputs must be two or three bits, not {counter.inputs}")
            for bit in counter.inputs:
                if bit not in live[counter.column]:
                    raise ValueError(f"bit {bit} must be live in column {counter.column}")
                if level[bit] >= counter.level:
                    raise ValueError(f"bit {bit} must come from below level {counter.level}")
                live[counter.column].remove(bit)
            made = [(counter.column, counter.total)]
            if counter.column < top:
                made.append((counter.column + 1, counter.carry))
            elif counter.carry != DROPPED:
                raise ValueError(f"carry of column {top} must be dropped, not bit {counter.carry}")
            for column, bit in made:
                if bit in level:
                    raise ValueError(f"bit {bit} must be made once")
                level[bit] = counter.level
                live[column].append(bit)
        for column, (left, told) in enumerate(zip(live, self.outputs, strict=True)):
            if len(told) > 2 or sorted(left) != sorted(told):
                raise ValueError(f"outputs of column {column} must be {left}, not {told}")


class _Heap:
    """A heap under reduction. A track is a word of which a bit is: a row, a sum or a carry."""

    def __init__(self, columns: Sequence[Sequence[int]], tracks: Sequence[int]) -> None:
        self.columns = tuple(tuple(column) for column in columns)
        self.top = len(columns) - 1
        self.track = dict(enumerate(tracks))
        self.track[ONE] = -1
        self.tracks = 1 + max(self.track.values())
        self.counters: list[Counter] = []
        self._bits = len(tracks)

    def count(
        self, column: int, inputs: Sequence[int], level: int, slot: int, tracks: tuple[int, int]
    ) -> tuple[int, int]:
        """Add a counter; its sum and its carry."""
        total, carry = self._bits, self._bits + 1
        self._bits += 2
        self.track[total], self.track[carry] = tracks
        if column == self.top:
            carry = DROPPED
        self.counters.append(Counter(column, tuple(inputs), total, carry, level, slot))
        return total, carry


def dadda(
    columns: Sequence[Sequence[int]], tracks: Sequence[int], times: Sequence[int]
) -> CounterNetwork:
    """Reduce stage by stage to the heights 2, 3, 4, 6, 9, 13 …, with as few counters as that takes.

    Parameters
    ----------
    columns
        Bits by column, numbered from 0, at most one :data:`ONE` in each.
    tracks
        The row of each bit.
    times
        When each bit comes, in half the delay of an exclusive-or; only the delay that is told
        depends on it.

    Notes
    -----
    Fewest levels of all orders if all bits come together. L. Dadda, "Some schemes for parallel
    multipliers", Alta Frequenza 34 (1965).
    """
    heap = _Heap(columns, tracks)
    heights = [2]
    while heights[-1] < max(map(len, columns), default=0):
        heights.append(heights[-1] * 3 // 2)
    state = [list(column) for column in columns]
    for level, target in enumerate(reversed(heights[:-1]), 1):
        state = _stage(heap, state, target, level)
    return _finish(heap, state, times)


def _stage(heap: _Heap, state: list[list[int]], target: int, level: int) -> list[list[int]]:
    """One stage: every column ends with at most ``target`` bits; no counter feeds another."""
    base = heap.tracks
    fulls: list[list[int]] = []
    halves: list[list[int]] = []
    after: list[list[int]] = []
    incoming: list[int] = []
    for column, bits in enumerate(state):
        excess = max(len(bits) + len(incoming) - target, 0)
        by_track = {heap.track[bit]: bit for bit in bits}
        one = by_track.pop(-1, None) is not None
        # A constant in a half adder costs an inverter, in a full adder half of one: best used soon.
        whole, half = excess // 2, excess % 2
        with_one = min(1, excess) if one else 0
        halves = _choose(halves, half, 2, by_track, with_one if half else 0)
        fulls = _choose(fulls, whole, 3, by_track, 0 if half else with_one)
        made: list[int] = []
        carries: list[int] = []
        for kind, slots in enumerate((fulls, halves)):
            for slot, chosen in enumerate(slots):
                first = base + 2 * (2 * slot + kind)
                inputs = [ONE if track < 0 else by_track.pop(track) for track in chosen]
                total, carry = heap.count(column, inputs, level, slot, (first, first + 1))
                made.append(total)
                carries.append(carry)
        left = [ONE] if one and not with_one else []
        after.append([*left, *by_track.values(), *made, *incoming])
        incoming = carries
    heap.tracks = 1 + max(heap.track.values())
    return after


def _choose(
    before: list[list[int]], count: int, size: int, available: dict[int, int], ones: int
) -> list[list[int]]:
    """Tracks for ``count`` counters: those of the column before, as far as they are there.

    The first ``ones`` counters have a constant 1 as first input, as track -1. Tracks chosen leave
    ``available`` only later; hence the set of those taken.
    """
    chosen: list[list[int | None]] = []
    taken: set[int] = set(_TAKEN.get(id(available), ()))
    raise NotImplementedError

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

__all__ = ["DROPPED", "ONE", "STRATEGIES", "Counter", "CounterNetwork", "arrival", "dadda"]

ONE = -1
"""The constant bit 1, as an input of a counter or in what is left of a column."""

DROPPED = -2
"""The carry out of the top column, which no bit takes."""

# Delay from each input, earliest first, in half an exclusive-or: the third input of a full adder
# passes one exclusive-or alone.
_SUM = {2: (2, 2), 3: (4, 4, 2)}
_CARRY = {2: (1, 1), 3: (3, 3, 2)}


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
            if len(counter.inputs) not in _SUM:
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


class _Reduction:
    """A heap that is being reduced.

    A track is the word that a bit is of: a row, or the sums or the carries of one slot. Bits of
    the same track in neighbouring columns are best used together.
    """

    def __init__(
        self, columns: Sequence[Sequence[int]], tracks: Sequence[int], times: Sequence[int]
    ) -> None:
        self.heap = tuple(tuple(column) for column in columns)
        self.columns = [list(column) for column in columns]
        self.counters: list[Counter] = []
        self.track = {ONE: -1, **dict(enumerate(tracks))}
        self.time = {ONE: 0, **dict(enumerate(times))}
        self.level = dict.fromkeys(self.track, 0)
        self._bits = len(tracks)

    def count(
        self, column: int, inputs: Sequence[int], level: int, slot: int, base: int
    ) -> tuple[int, list[int]]:
        """Add a counter, with tracks from ``base`` on; its sum, and its carry if it is kept."""
        size = len(inputs)
        order = tuple(sorted(inputs, key=lambda bit: self.time[bit]))
        total, carry = self._bits, self._bits + 1
        kept = [carry] if column < len(self.columns) - 1 else []
        self._bits += 1 + len(kept)
        times = [self.time[bit] for bit in order]
        for bit, delays in zip((total, *kept), (_SUM[size], _CARRY[size]), strict=False):
            self.time[bit] = max(time + wait for time, wait in zip(times, delays, strict=True))
            self.level[bit] = level
            self.track[bit] = base + 4 * slot + 2 * (size - 2) + (bit == carry)
        carried = carry if kept else DROPPED
        self.counters.append(Counter(column, order, total, carried, level, slot))
        return total, kept

    def network(self) -> CounterNetwork:
        """The finished network: each column keeps at most two bits."""
        left = tuple(tuple(column) for column in self.columns)
        delay = max((self.time[bit] for column in left for bit in column), default=0)
        return CounterNetwork(self.heap, tuple(self.counters), left, delay)


def dadda(
    columns: Sequence[Sequence[int]], tracks: Sequence[int], times: Sequence[int]
) -> CounterNetwork:
    """Reduce stage by stage to heights … 13, 9, 6, 4, 3, 2, with as few counters as that takes.

    Parameters
    ----------
    columns
        Bits by column, numbered from 0, at most one :data:`ONE` in each.
    tracks
        The row of each bit.
    times
        When each bit comes, in half the delay of an exclusive-or. A stage takes all bits alike;
        times decide only which input of a counter each bit goes to.

    Notes
    -----
    The fewest levels that there are if all bits come together. L. Dadda, "Some schemes for
    parallel multipliers", Alta Frequenza 34 (1965).
    """
    reduction = _Reduction(columns, tracks, times)
    heights = [2]
    while heights[-1] < max(map(len, columns), default=0):
        heights.append(heights[-1] * 3 // 2)
    for level, target in enumerate(reversed(heights[:-1]), 1):
        _stage(reduction, target, level)
    return reduction.network()


def _stage(reduction: _Reduction, target: int, level: int) -> None:
    """One stage: every column ends with at most ``target`` bits; no counter feeds another."""
    base = 1 + max(reduction.track.values())
    before: dict[tuple[int, int], list[int]] = {}
    received: list[int] = []
    for column, bits in enumerate(reduction.columns):
        excess = max(len(bits) + len(received) - target, 0)
        slots = [(2, 0)] * (excess % 2) + [(3, slot) for slot in range(excess // 2)]
        free = {reduction.track[bit]: bit for bit in bits}
        made, carries = [], []
        for (_, slot), inputs in zip(slots, _choose(before, slots, free), strict=True):
            total, carry = reduction.count(column, inputs, level, slot, base)
            made.append(total)
            carries += carry
        reduction.columns[column] = [*free.values(), *made, *received]
        received = carries


def _choose(
    before: dict[tuple[int, int], list[int]], slots: list[tuple[int, int]], free: dict[int, int]
) -> list[list[int]]:
    """Bits for each slot ``(size, number)``, taken out of ``free``, which maps tracks to bits.

    A slot has the tracks that it had ``before``, as far as they are there. A constant goes to the
    first slot: in a half adder it leaves an inverter, in a full adder no more than a half adder.
    """
    constant = free.pop(-1, None) if slots else None
    chosen: list[list[int | None]] = []
    for slot in slots:
        wanted = before.setdefault(slot, [])
        chosen.append([free.pop(track, None) for track in wanted])
        chosen[-1] += [None] * (slot[0] - len(wanted))
        if constant is not None:
            instead = chosen[-1][0]
            if instead is not None:
                free[wanted[0]] = instead
            chosen[-1][0], constant = constant, None
    result: list[list[int]] = []
    for slot, ports in zip(slots, chosen, strict=True):
        tracks = before[slot]
        tracks += [-1] * (slot[0] - len(tracks))
        filled: list[int] = []
        for port, bit in enumerate(ports):
            if bit is None:
                tracks[port] = next(iter(free))
                bit = free.pop(tracks[port])
            filled.append(bit)
        result.append(filled)
    return result


def arrival(
    columns: Sequence[Sequence[int]],
    tracks: Sequence[int],
    times: Sequence[int],
    heights: Sequence[int] = (),
) -> CounterNetwork:
    """Reduce column by column, lowest first, always adding the bits that come earliest.

    A column of an odd number of bits has one half adder, at its two earliest bits: were a full
    adder to reduce three bits to one instead, a carry that has just come would be among them in
    every column of a thin heap, and carries would ripple. Parameters are those of :func:`dadda`,
    and ``heights``: how many bits are left in each column, 1 or 2, two in each if empty.

    Notes
    -----
    Carries of the column below count as bits of this one, whenever they come. Less delay than
    stages, since the short paths of a counter get the late bits; more half adders. V. Oklobdzija,
    D. Villeger, S. Liu, "A method for speed optimized partial product reduction …", IEEE Trans.
    Computers 45 (1996); P. Stelling et al., "Optimal circuits for parallel multipliers", ibid. 47
    (1998).
    """
    reduction = _Reduction(columns, tracks, times)
    base = 1 + max(reduction.track.values())
    time, level, track = reduction.time, reduction.level, reduction.track
    before: dict[tuple[int, int], set[int]] = {}
    received: list[int] = []
    for column, bits in enumerate(reduction.columns):
        queue = [*bits, *received]
        received = []
        slot = 0
        height = heights[column] if heights else 2
        while len(queue) > height:
            size = 2 if (len(queue) - height) % 2 else 3
            usual = before.get((size, slot), ())
            # Of bits that come together, those of the words that this slot has had before.
            inputs = sorted(queue, key=lambda bit: (time[bit], track[bit] not in usual))[:size]
            before[size, slot] = {track[bit] for bit in inputs}
            for bit in inputs:
                queue.remove(bit)
            deepest = 1 + max(level[bit] for bit in inputs)
            total, carry = reduction.count(column, inputs, deepest, slot, base)
            queue.append(total)
            received += carry
            slot += size == 3
        reduction.columns[column] = queue
    return reduction.network()


STRATEGIES: dict[
    str, Callable[[Sequence[Sequence[int]], Sequence[int], Sequence[int]], CounterNetwork]
] = {"dadda": dadda, "arrival": arrival}

"""Compressor trees: many rows of any shift and width reduced to a sum row and a carry row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .counter_network import DROPPED, ONE, STRATEGIES, Counter, CounterNetwork

__all__ = ["LARGEST", "CompressorTree", "CompressorTreeParameters"]

LARGEST = 65_534
"""Bits of all rows of a tree: Amaranth numbers the bits of a module's inputs in 16 bits."""


@dataclass(frozen=True, kw_only=True)
class CompressorTreeParameters:
    """Parameters of a compressor tree.

    Parameters
    ----------
    rows
        ``(shift, width)`` of each row; what lies above the tree's width is not used.
    width
        Bits of the two rows that are left, at least 1.
    constant
        An integer of any size and sign that is added, modulo ``2^width``. Negative rows come as
        their complement with one constant for all of them.
    strategy
        A key of :data:`~.counter_network.STRATEGIES`: ``dadda`` for stages, ``arrival`` for the
        earliest bits first.
    times
        When each row comes, in half the delay of an exclusive-or; all at 0 if empty.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    rows: tuple[tuple[int, int], ...]
    width: int
    constant: int = 0
    strategy: str = "dadda"
    times: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        for shift, width in self.rows:
            if shift < 0 or width < 1:
                raise ValueError(
                    f"rows must have shifts from 0 and widths from 1, not {(shift, width)}"
                )
        if sum(width for _, width in self.rows) > LARGEST:
            raise ValueError(
                f"rows must hold at most {LARGEST} bits in all, not "
                f"{sum(width for _, width in self.rows)}"
            )
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy must be {' or '.join(STRATEGIES)}, not {self.strategy!r}")
        if self.times and (len(self.times) != len(self.rows) or min(self.times) < 0):
            raise ValueError(f"times must be one from 0 for each row, not {self.times}")

    def used(self, row: int) -> int:
        """Bits of a row that lie below ``width``."""
        shift, width = self.rows[row]
        return max(0, min(width, self.width - shift))

    @cached_property
    def network(self) -> CounterNetwork:
        """The counters of the tree, checked. Bits are numbered row by row."""
        columns: list[list[int]] = [[] for _ in range(self.width)]
        tracks: list[int] = []
        for row, (shift, _) in enumerate(self.rows):
            for column in range(shift, shift + self.used(row)):
                columns[column].append(len(tracks))
                tracks.append(row)
        for column in range(self.width):
            if self.constant >> column & 1:
                columns[column].append(ONE)
        times = [self.times[row] if self.times else 0 for row in tracks]
        network = STRATEGIES[self.strategy](columns, tracks, times)
        network.check()
        return network


class CompressorTree(Unit):
    """``sum + carry == constant + Σ row_k * 2^shift_k`` modulo ``2^width``, without a carry chain.

    Full adders of one level are written as carry-save adders, words of as many columns as they
    reach; a flow may map them to the full-adder cells of its library.

    Members
    -------
    row_0, row_1, … : In(width of the row)
    sum, carry : Out(width)

    Purely combinational; ``p.network.levels`` counters deep.

    Notes
    -----
    Only where no row stands for a negative number is ``sum + carry`` exact, if the largest total
    fits ``width``: then no carry leaves the top column, and any upper part of the two rows alone
    bounds that part of the total. With complemented rows and their constant, multiples of
    ``2^width`` are lost on the way.
    """

    p: CompressorTreeParameters

    def __init__(self, p: CompressorTreeParameters) -> None:
        rows = {f"row_{index}": In(width) for index, (_, width) in enumerate(p.rows)}
        super().__init__(p, {**rows, "sum": Out(p.width), "carry": Out(p.width)})

    def body(self) -> Module:
        m = Module()
        place: dict[int, tuple[Value, int]] = {}
        for index in range(len(self.p.rows)):
            row = getattr(self, f"row_{index}")
            for bit in range(self.p.used(index)):
                place[len(place)] = row, bit
        lower, upper = add_counters(m, self.p.network, place)
        m.d.comb += [self.sum.eq(lower), self.carry.eq(upper)]
        return m


def add_counters(
    m: Module, network: CounterNetwork, place: dict[int, tuple[Value, int]]
) -> tuple[Value, Value]:
    """Write the counters of a network into ``m``; the two words of what is left.

    Parameters
    ----------
    network
        A checked network.
    place
        Word and index in it of each bit of the heap; the bits that counters make are added.
    """
    for adder in _carry_save_adders(network.counters):
        _emit(m, adder, place)
    upper: list[int | None] = []
    lower: list[int | None] = []
    for bits in network.outputs:
        pair: list[int | None] = [*bits, None, None][:2]
        # A word that goes on as a row keeps to one row: fewer slices to read.
        if lower and _follows(place, lower[-1], pair[1]):
            pair.reverse()
        lower.append(pair[0])
        upper.append(pair[1])
    return _word(lower, place), _word(upper, place)


def _carry_save_adders(counters: Iterable[Counter]) -> list[list[Counter]]:
    """Counters of equal level, size and slot, from low columns to high, by level."""
    groups: dict[tuple[int, int, int], list[Counter]] = {}
    for counter in counters:
        groups.setdefault((counter.level, len(counter.inputs), counter.slot), []).append(counter)
    return [groups[key] for key in sorted(groups)]


def _emit(m: Module, adder: list[Counter], place: dict[int, tuple[Value, int]]) -> None:
    """One word of full or half adders; ``place`` tells where each bit is, and gets the new ones."""
    first = adder[0]
    size = len(first.inputs)
    name = f"level{first.level}_{'half' if size == 2 else 'full'}{first.slot}"
    words = [_word([c.inputs[port] for c in adder], place) for port in range(size)]
    total = Signal(len(adder), name=f"{name}_sum")
    carry = Signal(sum(c.carry != DROPPED for c in adder), name=f"{name}_carry")
    if size == 2:
        a, b = words
        m.d.comb += [total.eq(a ^ b), carry.eq(a & b)]
    else:
        a, b, c = words
        propagate = Signal(len(adder), name=f"{name}_propagate")
        m.d.comb += propagate.eq(a ^ b)
        m.d.comb += [total.eq(propagate ^ c), carry.eq((a & b) | (propagate & c))]
    for index, counter in enumerate(adder):
        place[counter.total] = total, index
        if counter.carry != DROPPED:
            place[counter.carry] = carry, index


def _follows(place: dict[int, tuple[Value, int]], before: int | None, bit: int | None) -> bool:
    """Whether ``bit`` stands next above ``before`` in the same word."""
    if before not in place or bit not in place:
        return False
    (word, index), (other, position) = place[before], place[bit]
    return word is other and index + 1 == position


def _word(bits: list[int | None], place: dict[int, tuple[Value, int]]) -> Value:
    """Bits side by side, as slices as long as can be; None is 0."""
    parts: list[Value] = []
    index = 0
    while index < len(bits):
        start, bit = index, bits[index]
        index += 1
        if bit is None or bit == ONE:
            while index < len(bits) and (bits[index] is None or bits[index] == ONE):
                index += 1
            ones = sum(1 << k for k, each in enumerate(bits[start:index]) if each == ONE)
            parts.append(Const(ones, index - start))
            continue
        while index < len(bits) and _follows(place, bits[index - 1], bits[index]):
            index += 1
        word, low = place[bit]
        parts.append(word[low : low + index - start])
    return Cat(*parts)

"""Accumulators in carry-save form: a sum and a carry word that are never added up.

With the split form, only the columns below ``split`` are a pair of words; above, where no partial
product reaches, a plain counter takes the carry out of those columns one step later:

    value = sum + carry = (s + c) + 2^split * (upper + late)       modulo 2^width

so that no carry runs through the whole width in one step, and the upper columns need one register
each instead of two.

With a scale, the pair can be shifted left before a step adds to it, by Horner's rule: sums of
digits of one weight after another, the highest first, become a sum of products without a shifter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from ..arith.compressors import add_counters
from ..arith.counter_network import ONE, CounterNetwork, arrival
from .parameters import check_accumulator_width
from .partial_product import Row

__all__ = ["BIT_TIME", "ROW_TIME", "CarrySaveAccumulator", "plan_step"]

# Rows wait for the encoder and the selection of a multiple, and the single bits of negative digits
# for the encoder alone, while the pair comes from registers: half exclusive-ors.
ROW_TIME, BIT_TIME = 6, 4

# Columns above the rows, and columns of a single bit below a split, that are tried.
_SPLITS_TRIED, _SINGLE_TRIED = 4, 5


@dataclass(frozen=True)
class CarrySaveAccumulator:
    """``(sum, carry) <= (first ? 0 : sum + carry) + Σ words + constant``, modulo ``2^width``.

    Attributes
    ----------
    width : int
        Bits of the value, at least 1.
    words : tuple of (int, int)
        Shift and width of each word that is added in a step.
    times : tuple of int
        When each word comes, in half the delay of an exclusive-or after the registers' outputs.
    constant : int
        Added in each step; other than 0 only without a split, since the counter cannot go down.
    split : int or None
        First column of the counter; ``width`` (or more) for none; None for the lowest that works.
    compact : bool
        Keep a single bit wherever a column can be added up without delay in the model of
        :mod:`..arith.counter_network`: fewer registers and less area, for somewhat more delay.
    scale : int
        A step may multiply the sum by ``2^scale`` before it adds; 0 if none ever does. The columns
        are then all kept as a pair, since a shift would bring a second bit above any split.
    """

    width: int
    words: tuple[tuple[int, int], ...]
    times: tuple[int, ...]
    constant: int = 0
    split: int | None = None
    compact: bool = True
    scale: int = 0

    def check(self) -> None:
        """Refuse what cannot be built.

        Raises
        ------
        ValueError
            The width is below 1, several carries leave the columns below the split, or there is a
            split where the pair is shifted.
        """
        check_accumulator_width(self.width)
        if self.scale and self.split is not None and self.split < self.width:
            raise ValueError(f"split must be None where sums are shifted, not {self.split!r}")
        if self.split is not None and self.split < self.width and not self._splits_at(self.split):
            lowest = replace(self, split=None).columns
            raise ValueError(f"split must be None or at least {lowest}, not {self.split!r}")

    @classmethod
    def of(
        cls, width: int, rows: tuple[Row, ...], *, exact: bool, split: int | None, compact: bool,
        scale: int = 0,
    ) -> CarrySaveAccumulator:
        """An accumulator of partial products.

        If ``exact``, the words after the rows are the ``negative`` wires of those digits that can
        be negative, and the bias of the rows is taken off.
        """
        words = [(row.shift, row.width) for row in rows]
        times = [ROW_TIME] * len(words)
        bias = 0
        if exact:
            words += [(row.shift, 1) for row in rows if row.negative]
            times += [BIT_TIME] * (len(words) - len(rows))
            bias = sum(row.bias for row in rows)
        return cls(width, tuple(words), tuple(times), -bias, split, compact, scale)

    @cached_property
    def columns(self) -> int:
        """Columns that are kept as a pair of words: ``split``, or ``width`` without a split."""
        if self.scale:
            return self.width
        if self.split is not None:
            return min(self.split, self.width)
        top = max(shift + width for shift, width in self.words)
        candidates = range(top, min(top + _SPLITS_TRIED, self.width))
        return next((split for split in candidates if self._splits_at(split)), self.width)

    def _splits_at(self, split: int) -> bool:
        top = max(shift + width for shift, width in self.words)
        return top <= split and not self.constant and self._start(split) is not None

    def _start(self, columns: int) -> tuple[int, ...] | None:
        """Two bits in all columns, but for so many at the top that one carry leaves a split."""
        for single in range(min(_SINGLE_TRIED, columns)):
            heights = (2,) * (columns - single) + (1,) * single
            if columns >= self.width or len(self._plan(columns, heights).outputs[columns]) == 1:
                return heights
        return None

    def _plan(self, columns: int, heights: tuple[int, ...]) -> CounterNetwork:
        """The counters, if column k of the pair has ``heights[k]`` bits.

        With a split there is a column more, that takes the carry.
        """
        left = (*heights, 2)[: min(columns + 1, self.width)]
        return plan_step(
            self.words, self.times, self._coming(heights), left, self.constant % (1 << columns),
            columns,
        )  # fmt: skip

    def _coming(self, heights: tuple[int, ...]) -> tuple[int, ...]:
        """Bits that the pair brings to each column, unmoved or shifted."""
        moved = (*(0,) * self.scale, *heights)
        return tuple(max(pair) for pair in zip(heights, moved, strict=False))

    @cached_property
    def heights(self) -> tuple[int, ...]:
        """Bits of the pair in each column."""
        columns = self.columns
        heights = self._start(columns)
        assert heights is not None, "checked"
        network = self._plan(columns, heights)
        delay = network.delay
        for column in range(columns):
            if not self.compact and len(network.outputs[column]) == 2:
                continue
            trial = (*heights[:column], 1, *heights[column + 1 :])
            tried = self._plan(columns, trial)
            carries = tried.outputs[columns] if columns < self.width else ()
            if tried.delay <= delay and len(carries) <= 1:
                heights, network = trial, tried
        return heights

    @cached_property
    def network(self) -> CounterNetwork:
        """The counters of one step, checked."""
        return self._plan(self.columns, self.heights)

    @property
    def carry_mask(self) -> int:
        """Bits of the carry word that are ever 1: what a copy of it has to hold."""
        mask = sum(1 << k for k, height in enumerate(self.heights) if height == 2)
        return mask | (1 << self.columns if self.columns < self.width else 0)

    def build(
        self, m: Module, words: list[Value], first: Value, enable: Value | None,
        shift: Value | None = None,
    ) -> tuple[Value, Value]:
        """Add the registers and counters to ``m``; sum and carry, ``width`` bits each.

        ``enable`` None: every cycle is a step. With a scale, ``shift`` multiplies in this step.
        """
        columns = self.columns
        doubled = [column for column in range(columns) if self.heights[column] == 2]
        low = Signal(columns, name="low", reset_less=True)
        high = Signal(len(doubled), name="high", reset_less=True)
        taken = [k for k, height in enumerate(self._coming(self.heights)) if height == 2]
        kept, carried = Signal(columns, name="kept"), Signal(len(taken), name="carried")
        bits = {column: high[index] for index, column in enumerate(doubled)}
        below, above = low, Cat(bits.get(column, Const(0, 1)) for column in taken)
        if shift is not None:
            moved = Cat(bits.get(column - self.scale, Const(0, 1)) for column in taken)
            below = Mux(shift, Cat(Const(0, self.scale), low)[:columns], below)
            above = Mux(shift, moved, above)
        m.d.comb += [kept.eq(Mux(first, 0, below)), carried.eq(Mux(first, 0, above))]
        place: dict[int, tuple[Value, int]] = {}
        for (lowest, _), word in zip(self.words, words, strict=True):
            for bit in range(min(len(word), columns - lowest)):
                place[len(place)] = word, bit
        for column in range(columns):
            place[len(place)] = kept, column
        for index in range(len(taken)):
            place[len(place)] = carried, index
        total, carry = add_counters(m, self.network, place)
        step = [low.eq(total[:columns]), high.eq(Cat(carry[column] for column in doubled))]
        carries: dict[int, Value] = {column: high[k] for k, column in enumerate(doubled)}
        sum_word: Value = low
        if columns < self.width:
            carries[columns], upper, more = self._upper(m, total[columns], first)
            step += more
            sum_word = Cat(low, upper)
        if enable is None:
            m.d.sync += step
        else:
            with m.If(enable):
                m.d.sync += step
        return sum_word, Cat(carries.get(k, Const(0, 1)) for k in range(self.width))

    def _upper(self, m: Module, carry: Value, first: Value) -> tuple[Signal, Signal, list]:
        """The late carry and the counter above the split, and their assignments."""
        width = self.width - self.columns
        late = Signal(name="late_carry", reset_less=True)
        upper = Signal(width, name="upper", reset_less=True)
        start = Signal(width, name="upper_start")
        m.d.comb += start.eq(Mux(first, 0, upper))
        return late, upper, [late.eq(carry), upper.eq(start + (late & ~first))]


def plan_step(
    words: Sequence[tuple[int, int]],
    times: Sequence[int],
    heights: Sequence[int],
    left: Sequence[int],
    constant: int = 0,
    top: int | None = None,
) -> CounterNetwork:
    """The counters that add words and a constant to a pair, checked.

    Parameters
    ----------
    words, times, constant
        As of :class:`CarrySaveAccumulator`; the constant is not below 0.
    heights
        Bits of the pair in each column, 0 to 2.
    left
        Bits that may be left in each column; one for each column of the network.
    top
        Words reach below this column alone; None for all columns.

    Notes
    -----
    Bits of the heap are numbered word by word, then the first bits of the pair from low columns to
    high, then the second ones.
    """
    columns = len(left) if top is None else top
    heap: list[list[int]] = [[] for _ in left]
    tracks: list[int] = []
    arrivals: list[int] = []

    def add(column: int, track: int, time: int) -> None:
        heap[column].append(len(tracks))
        tracks.append(track)
        arrivals.append(time)

    for track, ((shift, width), time) in enumerate(zip(words, times, strict=True)):
        for column in range(shift, min(shift + width, columns)):
            add(column, track, time)
    for word in (0, 1):
        for column, height in enumerate(heights):
            if height > word:
                add(column, len(words) + word, 0)
    for column in range(columns):
        if constant >> column & 1:
            heap[column].append(ONE)
    network = arrival(heap, tracks, arrivals, left)
    network.check()
    return network

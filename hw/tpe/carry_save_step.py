"""One step of a carry-save sum: from a pair, or from nothing, to the next pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Cat, Const, Module, Signal, Value

from ..arith.compressors import add_counters
from ..arith.counter_network import CounterNetwork
from .carry_save import plan_step
from .parameters import check_accumulator_width

__all__ = ["CarrySaveStep"]


@dataclass(frozen=True)
class CarrySaveStep:
    """``after = before + Σ words + constant`` modulo ``2^columns``, of carry-save pairs.

    A pair is a vector of bits: the first bit of each column that has any, and then the second bit
    of each column that has two.

    Attributes
    ----------
    words : tuple of (int, int)
        Shift and width of each word.
    times : tuple of int
        When each word comes, in half the delay of an exclusive-or; the pair comes at 0.
    heights : tuple of int
        Bits of the pair before, 0 to 2 in each column.
    columns : int
        Columns of the pair after, at least 1.
    constant : int
        From 0.
    pace : tuple of int
        Heights of another pair that a step may take the time of, if that is longer.
    """

    words: tuple[tuple[int, int], ...]
    times: tuple[int, ...]
    heights: tuple[int, ...]
    columns: int
    constant: int = 0
    pace: tuple[int, ...] = ()

    def check(self) -> None:
        """Refuse a pair without columns with :class:`ValueError`."""
        check_accumulator_width(self.columns)

    @cached_property
    def network(self) -> CounterNetwork:
        """Counters that leave one bit wherever that does not make the step longer."""
        left = (2,) * self.columns
        network = self._plan(left)
        delay = network.delay
        if self.pace:
            paced = plan_step(self.words, self.times, self.pace, left)
            delay = max(delay, paced.delay)
        for column in range(self.columns):
            trial = (*left[:column], 1, *left[column + 1 :])
            tried = self._plan(trial)
            if tried.delay <= delay:
                left, network = trial, tried
        return network

    def _plan(self, left: tuple[int, ...]) -> CounterNetwork:
        return plan_step(self.words, self.times, self.heights, left, self.constant)

    @cached_property
    def after(self) -> tuple[int, ...]:
        """Bits of the pair after, in each column."""
        return tuple(len(bits) for bits in self.network.outputs)

    @cached_property
    def carry_mask(self) -> int:
        """Columns of the pair after that have two bits."""
        return sum(1 << k for k, height in enumerate(self.after) if height == 2)

    @cached_property
    def parts(self) -> tuple[tuple[int, int], ...]:
        """Shift and width of the words that the pair after consists of, in the order of its bits.

        A word ends where a column has no bit for it.
        """
        return tuple(self._runs(1)) + tuple(self._runs(2))

    def _runs(self, least: int) -> Iterator[tuple[int, int]]:
        start = None
        for column, height in enumerate((*self.after, 0)):
            if height >= least:
                start = column if start is None else start
            elif start is not None:
                yield start, column - start
                start = None

    def add(self, m: Module, before: Value, words: list[Value]) -> Value:
        """The pair after, combinational."""
        place: dict[int, tuple[Value, int]] = {}
        for (shift, _), word in zip(self.words, words, strict=True):
            for bit in range(max(0, min(len(word), self.columns - shift))):
                place[len(place)] = word, bit
        for bit in range(len(before)):
            place[len(place)] = before, bit
        low, high = add_counters(m, self.network, place)
        return Cat(
            *(low[k] for k, height in enumerate(self.after) if height),
            *(high[k] for k, height in enumerate(self.after) if height == 2),
        )

    def pair(self, after: Value) -> tuple[Value, Value]:
        """The pair after as two words of ``columns`` bits."""
        bits = iter(after)
        low = [next(bits) if height else Const(0, 1) for height in self.after]
        high = [next(bits) if height == 2 else Const(0, 1) for height in self.after]
        return Cat(*low), Cat(*high)

    def split(self, after: Value) -> list[Value]:
        """The pair after as the words :attr:`parts`."""
        words, low = [], 0
        for _, width in self.parts:
            words.append(after[low : low + width])
            low += width
        return words

    def registered(
        self, m: Module, words: list[Value], name: str, enable: Value | None
    ) -> Signal:
        """The pair that words add up to, with nothing before, a cycle later."""
        total = self.add(m, Const(0, 0), words)
        register = Signal(len(total), name=name, reset_less=True)
        with m.If(1 if enable is None else enable):
            m.d.sync += register.eq(total)
        return register

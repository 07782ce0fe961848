"""Resolve units: the number that a carry-save pair stands for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ..arith.compressors import add_counters
from ..arith.counter_network import CounterNetwork, arrival
from ..unit import Unit
from .parameters import check_accumulator_width

__all__ = ["Resolve", "ResolveParameters"]


@dataclass(frozen=True, kw_only=True)
class ResolveParameters:
    """Parameters of a resolve unit.

    Parameters
    ----------
    width
        A, bits of the pair.
    words
        Further words of A bits that are added, such as a correction or an input C.
    stages
        Parts that the carry chain is cut into, a cycle each, 1 to A.
    result_width
        Bits of the result, 1 to A; None for A.
    saturate
        Bring a sum that the result cannot hold to the nearest number that it can, both being two's
        complement; otherwise the sum wraps.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    width: int
    words: int = 0
    stages: int = 1
    result_width: int | None = None
    saturate: bool = False

    def __post_init__(self) -> None:
        check_accumulator_width(self.width)
        if self.words < 0:
            raise ValueError(f"words must be at least 0, not {self.words!r}")
        for name, value in (("stages", self.stages), ("result_width", self.result_bits)):
            if not 1 <= value <= self.width:
                raise ValueError(f"{name} must be in 1..{self.width}, not {value!r}")

    @property
    def result_bits(self) -> int:
        return self.width if self.result_width is None else self.result_width

    @property
    def latency(self) -> int:
        """Cycles from a pair to its result."""
        return self.stages

    @property
    def cuts(self) -> tuple[tuple[int, int], ...]:
        """First column of each part of the carry chain, and the first above it."""
        bounds = [self.width * stage // self.stages for stage in range(self.stages + 1)]
        return tuple(pairwise(bounds))

    @cached_property
    def network(self) -> CounterNetwork:
        """Counters that bring all words to two."""
        count = 2 + self.words
        columns = [range(column, count * self.width, self.width) for column in range(self.width)]
        tracks = [bit // self.width for bit in range(count * self.width)]
        network = arrival(columns, tracks, [0] * len(tracks))
        network.check()
        return network


class Resolve(Unit):
    """``result = sum + carry + Σ word_k`` modulo ``2^A``, saturated or cut to the result's width.

    Members
    -------
    sum, carry : In(A)
    word_0, … : In(A)
    enable : In(1)
        Nothing changes while it is 0.
    result : Out(result_width)
        Latency ``p.stages`` cycles of those enabled; a pair each cycle.

    The first stage adds the lowest columns, and each other the next ones with the carry of the one
    before.
    """

    p: ResolveParameters

    def __init__(self, p: ResolveParameters) -> None:
        super().__init__(p, {
            "sum": In(p.width), "carry": In(p.width),
            **{f"word_{index}": In(p.width) for index in range(p.words)},
            "enable": In(1), "result": Out(p.result_bits),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        words = [self.sum, self.carry]
        words += [getattr(self, f"word_{index}") for index in range(self.p.words)]
        place = {
            index * self.p.width + bit: (word, bit)
            for index, word in enumerate(words)
            for bit in range(self.p.width)
        }
        left, right = add_counters(m, self.p.network, place)
        done: Value = Cat()
        carry: Value = Cat()
        for stage, (low, high) in enumerate(self.p.cuts):
            total = Signal(high - low + 1, name=f"part_{stage}")
            m.d.comb += total.eq(left[: high - low] + right[: high - low] + carry)
            value = Cat(done, total[:-1])
            if stage == self.p.stages - 1:
                result = Signal(self.p.result_bits, name="resolved", reset_less=True)
                with m.If(self.enable):
                    m.d.sync += result.eq(self._cut(value))
                m.d.comb += self.result.eq(result)
                break
            kept = [
                self._kept(m, word, f"{name}_{stage}")
                for name, word in (
                    ("done", value), ("carry_out", total[-1]),
                    ("left", left[high - low :]), ("right", right[high - low :]),
                )
            ]  # fmt: skip
            done, carry, left, right = kept
        return m

    def _kept(self, m: Module, word: Value, name: str) -> Signal:
        register = Signal(len(word), name=name, reset_less=True)
        with m.If(self.enable):
            m.d.sync += register.eq(word)
        return register

    def _cut(self, value: Value) -> Value:
        """The low bits; with saturation, the largest or least number if the others are no signs."""
        bits = self.p.result_bits
        low = value[:bits]
        if not self.p.saturate or bits == self.p.width:
            return low
        above, sign = value[bits - 1 :], value[-1]
        return Mux(above.all() | ~above.any(), low, Cat((~sign).replicate(bits - 1), sign))

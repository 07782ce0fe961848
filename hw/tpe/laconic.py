"""Laconic-style element: both operands as signed powers of two, one term of each at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.compressors import CompressorTree, CompressorTreeParameters
from ..unit import Unit
from .delay import delayed
from .parameters import check_accumulator_width

__all__ = ["LATENCY", "Laconic", "LaconicParameters"]

LATENCY = 4
"""Cycles from terms to the sum that has them: products, histogram, total, sum."""


@dataclass(frozen=True, kw_only=True)
class LaconicParameters:
    """Parameters of a Laconic-style element.

    Parameters
    ----------
    lanes
        Pairs of terms of a step, at least 1.
    a_exponents, b_exponents
        Exponents of a term are below these, 1 to 33: of an operand of W bits W as bits of its
        magnitude or, if signed, in non-adjacent form, and W + 1 unsigned in non-adjacent form.
    accumulator_width
        Bits of the sum, at least 1; arithmetic is modulo ``2^accumulator_width``.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    accumulator_width: int
    lanes: int = 16
    a_exponents: int = 8
    b_exponents: int = 8

    def __post_init__(self) -> None:
        check_accumulator_width(self.accumulator_width)
        if self.lanes < 1:
            raise ValueError(f"lanes must be at least 1, not {self.lanes!r}")
        for name in ("a_exponents", "b_exponents"):
            if not 1 <= getattr(self, name) <= 33:
                raise ValueError(f"{name} must be in 1..33, not {getattr(self, name)!r}")

    @property
    def a_term(self) -> data.StructLayout:
        return _term(self.a_exponents)

    @property
    def b_term(self) -> data.StructLayout:
        return _term(self.b_exponents)

    @property
    def exponents(self) -> int:
        """Number of exponents that a product of terms may have."""
        return self.a_exponents + self.b_exponents - 1

    @property
    def count_width(self) -> int:
        """Bits of a count, which is 0 to twice the lanes: 1 for each lane, and 1 more or less."""
        return (2 * self.lanes).bit_length()

    @cached_property
    def counter(self) -> CompressorTreeParameters:
        """A number 0 to 2 of each lane."""
        rows = ((0, 2),) * self.lanes
        return CompressorTreeParameters(rows=rows, width=self.count_width, strategy="arrival")

    @cached_property
    def total(self) -> CompressorTreeParameters:
        """Counts, each shifted by its exponent; the 1 for each lane is taken off.

        The total is at most ``lanes * 2^(exponents - 1)`` in magnitude, as each lane has at most
        one product, and so it fits ``count_width + exponents - 1`` bits of two's complement.
        """
        return CompressorTreeParameters(
            rows=tuple((exponent, self.count_width) for exponent in range(self.exponents)),
            width=self.count_width + self.exponents - 1,
            constant=-self.lanes * ((1 << self.exponents) - 1),
            strategy="arrival",
        )


def _term(exponents: int) -> data.StructLayout:
    return data.StructLayout(
        {"one": 1, "negative": 1, "exponent": unsigned(max(1, (exponents - 1).bit_length()))}
    )


class Laconic(Unit):
    """``accumulator <= (first ? 0 : accumulator) + Σ_lane term_a * term_b``, modulo ``2^A``.

    A term is ``one * (-1)^negative * 2^exponent``. Exponents are added and signs multiplied; for
    each exponent the products are counted, those below 0 as -1; the counts are shifted and added.

    Members
    -------
    a : In(ArrayLayout(p.a_term, lanes))
    b : In(ArrayLayout(p.b_term, lanes))
    first : In(1)
        This step starts a new sum.
    enable : In(1)
        Take the step. One that is not enabled leaves the sum alone; steps under way are finished
        regardless.
    accumulator : Out(A)
        Latency :data:`LATENCY` cycles; a step each cycle.

    Notes
    -----
    S. Sharify et al., "Laconic deep learning inference acceleration" (ISCA 2019), from memory: the
    stages are ours.
    """

    p: LaconicParameters

    def __init__(self, p: LaconicParameters) -> None:
        super().__init__(p, {
            "a": In(data.ArrayLayout(p.a_term, p.lanes)),
            "b": In(data.ArrayLayout(p.b_term, p.lanes)),
            "first": In(1), "enable": In(1), "accumulator": Out(p.accumulator_width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        products = [self._product(m, lane) for lane in range(p.lanes)]
        m.submodules.adder = adder = CompressorTree(p.total)
        for exponent in range(p.exponents):
            m.submodules[f"counter_{exponent}"] = counter = CompressorTree(p.counter)
            for lane, (one, negative, which) in enumerate(products):
                hit = Signal(name=f"hit_{exponent}_{lane}")
                m.d.comb += [
                    hit.eq(one & (which == exponent)),
                    getattr(counter, f"row_{lane}").eq(Cat(~hit, hit & ~negative)),
                ]
            count = Signal(p.count_width, name=f"count_{exponent}", reset_less=True)
            m.d.sync += count.eq(counter.sum + counter.carry)
            m.d.comb += getattr(adder, f"row_{exponent}").eq(count)
        total = Signal(signed(p.total.width), name="total", reset_less=True)
        accumulator = Signal(p.accumulator_width, name="accumulated", reset_less=True)
        first = delayed(m, self.first, "first", LATENCY - 1)
        m.d.sync += total.eq(adder.sum + adder.carry)
        with m.If(delayed(m, self.enable, "enable", LATENCY - 1, reset=True)):
            m.d.sync += accumulator.eq(Mux(first, 0, accumulator) + total)
        m.d.comb += self.accumulator.eq(accumulator)
        return m

    def _product(self, m: Module, lane: int) -> tuple[Signal, Signal, Signal]:
        """Whether a lane has a product, its sign and its exponent; registered."""
        a, b = self.a[lane], self.b[lane]
        one = Signal(name=f"one_{lane}", reset_less=True)
        negative = Signal(name=f"negative_{lane}", reset_less=True)
        exponent = Signal(range(self.p.exponents), name=f"exponent_{lane}", reset_less=True)
        m.d.sync += [
            one.eq(a.one & b.one),
            negative.eq(a.negative ^ b.negative),
            exponent.eq(a.exponent + b.exponent),
        ]
        return one, negative, exponent

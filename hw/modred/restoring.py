"""Restoring division that keeps only the remainder: compare, subtract, shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value, ValueLike

from ..fabric.elastic import ElasticPipeline
from .digit_table import check_odd
from .iteration import Iteration, cut_digits
from .reducer import Bound, Reducer, ReducerParameters

__all__ = ["Restoring", "RestoringParameters", "RestoringPipeline", "restoring_step"]


@dataclass(frozen=True, kw_only=True)
class RestoringParameters(ReducerParameters):
    """Parameters of :class:`Restoring`.

    Parameters
    ----------
    bits_per_cycle
        r, bits of the operand per cycle, 1 to 64: subtractors one after the other.
    unrolled
        A rank of registers for each r bits and one residue per cycle, instead of one rank for all.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    bits_per_cycle: int = 1
    unrolled: bool = False

    architecture: ClassVar[str] = "restoring"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_odd(self)
        if not 1 <= self.bits_per_cycle <= 64:
            raise ValueError(f"bits_per_cycle must be 1 to 64, not {self.bits_per_cycle}")

    @property
    def steps(self) -> int:
        """Cycles of r bits each: for all bits but n - 1 at most, which are less than M."""
        return -(-(self.width - self.modulus_bits + 1) // self.bits_per_cycle)

    @property
    def bounds(self) -> tuple[Bound, ...]:
        n, modulus = self.modulus_bits, self.modulus
        return (
            Bound("first remainder", (1 << (n - 1)) - 1, "n - 1 bits of the operand", modulus - 1),
            Bound("shifted remainder", 2 * modulus - 1, "2 (M - 1) + 1", 2 * modulus - 1),
            Bound("remainder", modulus - 1, "less M where it is not below M", modulus - 1),
        )

    @property
    def latency(self) -> int:
        return self.steps + (not self.unrolled)

    @property
    def interval(self) -> int:
        return 1 if self.unrolled else self.latency

    def create(self) -> Reducer:
        return RestoringPipeline(self) if self.unrolled else Restoring(self)


def restoring_step(m: Module, shifted: Value, addend: ValueLike, name: str) -> Value:
    """Return ``shifted + addend``, or ``shifted`` where that is negative.

    ``shifted`` has b bits, and ``addend`` is signed, from ``-2^b`` so that the sum is, too.
    """
    difference = Signal(len(shifted) + 1, name=name)
    m.d.comb += difference.eq(shifted + addend)
    return Mux(difference[-1], shifted, difference[: len(shifted)])


def _digits(m: Module, reducer: Reducer, p: RestoringParameters) -> tuple[Value, list[Value]]:
    """Return the first n - 1 bits of the operand, and r bits for each step, in their order."""
    rest = p.steps * p.bits_per_cycle
    x = Cat(reducer.i.payload.x, C(0, p.modulus_bits + rest))
    return x[rest : rest + p.modulus_bits - 1], cut_digits(m, x[:rest], p.bits_per_cycle)[::-1]


class Restoring(Reducer):
    """``r = x mod M``, r bits of x per cycle, most significant first.

    A remainder below M takes in one bit and gives M back if it can. r of these steps follow each
    other in a cycle, so the clock period grows with r. The first n - 1 bits come through the last
    subtractor, whose remainder is zero then.

    Cycles: ``steps + 1`` for latency and interval, whatever the operand.
    """

    p: RestoringParameters

    def body(self) -> Module:
        m = Module()
        p = self.p
        first, digits = _digits(m, self, p)
        walk = Iteration(m, self.i, self.o, p.steps)
        _, digit = walk.digits(digits)
        # Zero between operands, so that the first bits can come through the adder; hence reset.
        remainder = Signal(p.modulus_bits)
        following: Value = remainder
        for step in range(p.bits_per_cycle):
            addend: ValueLike = -p.modulus
            if step == p.bits_per_cycle - 1:
                addend = Mux(walk.idle, Cat(first, C(0, 2)).as_signed(), -p.modulus)
            bit = digit[p.bits_per_cycle - 1 - step]
            following = restoring_step(m, Cat(bit, following), addend, f"difference_{step}")
            following = following[: p.modulus_bits]
        with m.If(walk.last):
            m.d.sync += remainder.eq(0)
        with m.Elif(walk.advance):
            m.d.sync += remainder.eq(following)
        walk.finish(r=following)
        return m


class RestoringPipeline(Reducer):
    """:class:`Restoring` with a rank of registers for each r bits.

    Cycles: latency ``steps``, interval 1.
    """

    p: RestoringParameters

    def body(self) -> Module:
        m = Module()
        p = self.p
        remainder, digits = _digits(m, self, p)
        rest = Cat(*digits[::-1])
        tag = {"tag": self.i.payload.tag} if p.tag_bits else {}
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        for step in range(p.steps):
            left = (p.steps - 1 - step) * p.bits_per_cycle
            for low in range(p.bits_per_cycle - 1, -1, -1):
                name = f"difference_{step}_{p.bits_per_cycle - 1 - low}"
                shifted = Cat(rest[left + low], remainder)
                remainder = restoring_step(m, shifted, -p.modulus, name)
                remainder = remainder[: p.modulus_bits]
            more = {"rest": rest[:left]} if left else {}
            at = pipe.cut(f"rank_{step}", remainder=remainder, **more, **tag)
            remainder, rest = at.remainder, getattr(at, "rest", rest)
            tag = {"tag": at.tag} if tag else {}
        pipe.finish(valid=self.o.valid, ready=self.o.ready)
        m.d.comb += self.o.payload.r.eq(remainder)
        if tag:
            m.d.comb += self.o.payload.tag.eq(tag["tag"])
        return m

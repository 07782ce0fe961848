"""Reciprocal of a sum, a bit of it in each cycle."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..arith.leading_one import leading_zeros
from ..unit import Unit

__all__ = ["FRACTION_BITS", "Reciprocal", "ReciprocalParameters"]

FRACTION_BITS = 15
"""Fraction bits of a reciprocal of 1 to 2."""


@dataclass(frozen=True)
class ReciprocalParameters:
    """``width`` bits of the number, at least 2.

    Raises
    ------
    ValueError
        ``width`` is out of its range.
    """

    width: int

    def __post_init__(self) -> None:
        if self.width < 2:
            raise ValueError(f"width must be at least 2, not {self.width}")

    @property
    def latency(self) -> int:
        """Cycles from start to the result: one to normalise, one for each bit of the quotient."""
        return 1 + FRACTION_BITS + 2


class Reciprocal(Unit):
    """``r = 2^(b + 15) / L`` to nearest, with b the bit length of L; restoring division.

    That is ``(Q + 1) >> 1`` of ``Q = floor(2^(b + 16) / L)``, whose 17 bits come out one in each
    cycle, or ``2^17 - 1`` where it would be ``2^17``, with the same r.

    Members
    -------
    start : In(1), number : In(width)
        Take L. Whatever was at work is dropped. For L = 0 the result is anything.
    busy : Out(1)
        From the cycle after ``start`` to the one before the result.
    reciprocal : Out(17)
        ``2^15`` to ``2^16``, there ``p.latency`` cycles after ``start`` and until the next one.
    zeros : Out(range(width + 1))
        ``width - b``, likewise.

    Source: brief `salo`, section 4.3: 15 fraction bits on a normalised mantissa, serial.
    """

    p: ReciprocalParameters

    def __init__(self, p: ReciprocalParameters) -> None:
        super().__init__(p, {
            "start": In(1), "number": In(p.width), "busy": Out(1),
            "reciprocal": Out(FRACTION_BITS + 2), "zeros": Out(range(p.width + 1)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        width, steps = self.p.width, FRACTION_BITS + 2
        zeros = leading_zeros(m, self.number)
        normal = Signal(width)
        m.d.comb += normal.eq(self.number << zeros)

        divisor = Signal(width, reset_less=True)
        # Below twice the divisor, always: 2^width at first, since the divisor has its top bit set.
        remainder = Signal(width + 1, reset_less=True)
        quotient = Signal(steps, reset_less=True)
        left = Signal(range(steps + 1))
        trial = Signal(width + 2)
        fits = Signal()
        m.d.comb += [
            trial.eq(remainder - divisor), fits.eq(~trial[-1]),
            self.busy.eq(left.any()), self.reciprocal.eq(quotient[1:] + quotient[0]),
        ]  # fmt: skip
        with m.If(self.start):
            m.d.sync += [
                divisor.eq(normal), remainder.eq(Cat(Const(0, width), Const(1, 1))),
                self.zeros.eq(zeros), left.eq(steps),
            ]  # fmt: skip
        with m.Elif(self.busy):
            m.d.sync += [
                remainder.eq(Cat(Const(0, 1), Mux(fits, trial[:width], remainder[:width]))),
                quotient.eq(Cat(fits, quotient)), left.eq(left - 1),
            ]  # fmt: skip
        return m

"""Reciprocal of a sum, a bit of it in each cycle."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..arith.leading_one import leading_zeros
from ..unit import Unit

__all__ = ["Reciprocal", "ReciprocalParameters"]


@dataclass(frozen=True)
class ReciprocalParameters:
    """Parameters of a divider.

    Parameters
    ----------
    width
        Bits of the number, at least 2.
    fraction_bits
        Fraction bits of the reciprocal, which is 1 to 2; 1 to 31.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    width: int
    fraction_bits: int = 15

    def __post_init__(self) -> None:
        if self.width < 2:
            raise ValueError(f"width must be at least 2, not {self.width}")
        if not 1 <= self.fraction_bits <= 31:
            raise ValueError(f"fraction_bits must be in 1 to 31, not {self.fraction_bits}")

    @property
    def latency(self) -> int:
        """Cycles from start to the result: one to normalise, one for each bit of the quotient."""
        return 1 + self.fraction_bits + 2


class Reciprocal(Unit):
    """``r = 2^(b + F) / L`` to nearest, with b the bit length of L; restoring division.

    That is ``(Q + 1) >> 1`` of ``Q = floor(2^(b + F + 1) / L)``, whose F + 2 bits come out one in
    each cycle, or ``2^(F + 2) - 1`` where it would be ``2^(F + 2)``, with the same r; ``F =
    p.fraction_bits``.

    Members
    -------
    start : In(1), number : In(width)
        Take L. Whatever was at work is dropped. For L = 0 the result is anything.
    busy : Out(1)
        From the cycle after ``start`` to the one before the result.
    reciprocal : Out(F + 2)
        ``2^F`` to ``2^(F + 1)``, there ``p.latency`` cycles after ``start`` and until the next one.
    zeros : Out(range(width + 1))
        ``width - b``, likewise.

    Source: brief `salo`, section 4.3: 15 fraction bits on a normalised mantissa, serial; more where
    an output has more than 16 bits.
    """

    p: ReciprocalParameters

    def __init__(self, p: ReciprocalParameters) -> None:
        super().__init__(p, {
            "start": In(1), "number": In(p.width), "busy": Out(1),
            "reciprocal": Out(p.fraction_bits + 2), "zeros": Out(range(p.width + 1)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        width, steps = self.p.width, self.p.fraction_bits + 2
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

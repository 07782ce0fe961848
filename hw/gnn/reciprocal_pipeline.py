"""Pipelined reciprocals as constants of RQ, one in each cycle."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from ..arith.leading_one import leading_zeros
from ..tpe.delay import delayed
from ..unit import Unit
from .jobs import CONSTANT

__all__ = ["ReciprocalPipeline", "ReciprocalPipelineParameters"]

_FRACTION = 15
_STEPS = _FRACTION + 1
_BITS = 31


@dataclass(frozen=True)
class ReciprocalPipelineParameters:
    """The pipeline has no parameters.

    Attributes
    ----------
    latency
        Cycles from a number to its constant: count zeros, align, a bit of the quotient in each,
        round.
    """

    latency: int = 2 + _STEPS + 1


class ReciprocalPipeline(Unit):
    """``m = (2^(k + 15) + a / 2) / a``, ``s = k + 15``, ``k = floor(log2 a)``; 0 for ``a <= 0``.

    With a aligned to ``A = a * 2^(30 - k)``, m is ``(Q + 1) >> 1`` of ``Q = floor(2^46 / A)``. Q
    has 16 bits, but for ``A = 2^30``, where restoring division gives ``2^16 - 1`` instead of
    ``2^16`` and so the same m.

    Members
    -------
    number : In(signed(32))
        a.
    constant : Out(CONSTANT)
        ``p.latency`` cycles later.

    Source: brief `gnn`, section 7, NDIV.
    """

    p: ReciprocalPipelineParameters

    def __init__(self, p: ReciprocalPipelineParameters) -> None:
        super().__init__(p, {"number": In(signed(32)), "constant": Out(CONSTANT)})

    def body(self) -> Module:
        m = Module()
        magnitude = self.number[:_BITS]
        zeros = Signal(5, reset_less=True)
        held = Signal(_BITS, reset_less=True)
        positive = Signal(reset_less=True)
        m.d.sync += [
            zeros.eq(leading_zeros(m, magnitude)), held.eq(magnitude),
            positive.eq(~self.number[-1] & magnitude.any()),
        ]  # fmt: skip
        divisor: Value = Signal(_BITS, name="aligned", reset_less=True)
        m.d.sync += divisor.eq(held << zeros)
        # Below the divisor, or equal to it; twice of it is tried.
        remainder: Value = Const(1 << _BITS - 1, _BITS)
        quotient: Value = Const(0, 0)
        for step in range(_STEPS):
            trial = Signal(_BITS + 2, name=f"trial_{step}")
            fits = Signal(name=f"fits_{step}")
            m.d.comb += [
                trial.eq(Cat(Const(0, 1), remainder) - divisor), fits.eq(~trial[-1])
            ]
            after = Signal(_BITS, name=f"remainder_{step}", reset_less=True)
            bits = Signal(step + 1, name=f"quotient_{step}", reset_less=True)
            m.d.sync += [
                after.eq(Mux(fits, trial, Cat(Const(0, 1), remainder))),
                bits.eq(Cat(fits, quotient)),
            ]
            divisor = delayed(m, divisor, f"divisor_{step}", 1)
            remainder, quotient = after, bits
        present = delayed(m, positive, "present", _STEPS + 1)
        shift = delayed(m, _BITS - 1 + _FRACTION - zeros, "shift", _STEPS + 1)
        with m.If(present):
            m.d.sync += [
                self.constant.m.eq((quotient + 1) >> 1), self.constant.s.eq(shift[:6])
            ]
        with m.Else():
            m.d.sync += [self.constant.m.eq(0), self.constant.s.eq(0)]
        return m

"""OPT4E: lanes of one digit and one operand each, on one accumulator."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .digit_serial import DigitSerialParameters

__all__ = ["Opt4e"]


class Opt4e(Unit):
    """``(sum, carry) <= (first ? 0 : sum + carry) + Σ_lane digit * b``, as a carry-save pair.

    A lane that has nothing to add in a step has a digit 0.

    Parameters
    ----------
    p
        With any number of lanes.

    Members
    -------
    digits : In(ArrayLayout(p.digit_layout, lanes))
    b : In(ArrayLayout(p.b_shape, lanes))
    first : In(1)
        This step starts a new sum.
    shift : In(1)
        This step multiplies the sum by the radix before it adds. Only where ``weighted``.
    enable : In(1)
        Nothing changes while it is 0. There is no such port where ``free_running``.
    sum, carry : Out(A)
        Latency 1 cycle; a step each cycle. Less the row's correction, if there is one.

    Notes
    -----
    HPCA 2025, level OPT4E: four lanes and a 6:2 compressor there.
    """

    p: DigitSerialParameters

    def __init__(self, p: DigitSerialParameters) -> None:
        super().__init__(p, {
            "digits": In(data.ArrayLayout(p.digit_layout, p.lanes)),
            "b": In(data.ArrayLayout(p.b_shape, p.lanes)),
            **p.control_ports,
            "sum": Out(p.accumulator_width), "carry": Out(p.accumulator_width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        lanes = range(self.p.lanes)
        digits, operands = [self.digits[k] for k in lanes], [self.b[k] for k in lanes]
        enable = None if self.p.free_running else self.enable
        shift = self.shift if self.p.weighted else None
        total, carry = self.p.build(m, digits, operands, self.first, enable, shift)
        m.d.comb += [self.sum.eq(total), self.carry.eq(carry)]
        return m

"""OPT4C: one digit times one operand per cycle, the digit shared by all elements of a row."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .digit_serial import DigitSerialParameters

__all__ = ["Opt4c"]


class Opt4c(Unit):
    """``(sum, carry) <= (first ? 0 : sum + carry) + digit * b``, as a carry-save pair.

    Parameters
    ----------
    p
        With one lane.

    Members
    -------
    digit : In(p.digit_layout)
    b : In(p.b_shape)
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
    HPCA 2025, level OPT4C: encoder and selection of digits leave the element.
    """

    p: DigitSerialParameters

    def __init__(self, p: DigitSerialParameters) -> None:
        if p.lanes != 1:
            raise ValueError(f"lanes must be 1, not {p.lanes!r}")
        super().__init__(p, {
            "digit": In(p.digit_layout), "b": In(p.b_shape), **p.control_ports,
            "sum": Out(p.accumulator_width), "carry": Out(p.accumulator_width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        enable = None if self.p.free_running else self.enable
        shift = self.shift if self.p.weighted else None
        total, carry = self.p.build(m, [self.digit], [self.b], self.first, enable, shift)
        m.d.comb += [self.sum.eq(total), self.carry.eq(carry)]
        return m

"""Digit selector: the digits of a group that are not 0, one after another."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.digit_encoder import Encoding
from ..unit import Unit

__all__ = ["DigitSelector", "DigitSelectorParameters"]


@dataclass(frozen=True, kw_only=True)
class DigitSelectorParameters:
    """Parameters of a digit selector.

    Parameters
    ----------
    group
        G, digits of a group, at least 1.
    encoding
        Of the digits: only the radix matters.

    Raises
    ------
    ValueError
        The group is empty.
    """

    group: int = 4
    encoding: Encoding = Encoding.BOOTH

    def __post_init__(self) -> None:
        if self.group < 1:
            raise ValueError(f"group must be at least 1, not {self.group!r}")


class DigitSelector(Unit):
    """Go through the digits of a group that are not 0, first to last, one per step.

    A group without any takes one step, with a digit 0: ``max(1, digits other than 0)`` steps.

    Members
    -------
    digits : In(G digits)
        A group; to stay until ``last``.
    enable : In(1)
        Take the step. The state stays while it is 0.
    digit : Out
        The digit of this step; combinational.
    index : Out(range(G))
        Which of the group it is; the first of those left, 0 in a step without one.
    start, last : Out(1)
        The step is the first, the last of its group.
    """

    p: DigitSelectorParameters

    def __init__(self, p: DigitSelectorParameters) -> None:
        digit = p.encoding.layout
        super().__init__(p, {
            "digits": In(data.ArrayLayout(digit, p.group)), "enable": In(1),
            "digit": Out(digit), "index": Out(range(p.group)), "start": Out(1), "last": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        group = self.p.group
        done = Signal(group, name="done")
        pending, chosen, left = (Signal(group, name=n) for n in ("pending", "chosen", "left"))
        digits = [self.digits[k] for k in range(group)]
        for k, digit in enumerate(digits):
            m.d.comb += pending[k].eq(digit.as_value()[:-1].any() & ~done[k])
        m.d.comb += [
            chosen.eq(pending & (~pending + 1)),
            left.eq(pending & ~chosen),
            self.last.eq(~left.any()),
            self.start.eq(~done.any()),
        ]
        for k, digit in enumerate(digits):
            with m.If(chosen[k]):
                m.d.comb += [self.digit.eq(digit), self.index.eq(k)]
        with m.If(self.enable):
            m.d.sync += done.eq(Mux(self.last, 0, done | chosen))
        return m

"""OPT3: a digit-serial element that finds the digits other than 0 by itself."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .correction import Correction
from .digit_selector import DigitSelector, DigitSelectorParameters
from .digit_serial import DigitSerialParameters
from .opt4c import Opt4c

__all__ = ["LATENCY", "Opt3", "Opt3Parameters"]

LATENCY = 2
"""Cycles from a step to the sum that has its digit: operand registers, sum."""


@dataclass(frozen=True, kw_only=True)
class Opt3Parameters:
    """Parameters of an OPT3 element.

    Parameters
    ----------
    serial
        The element behind the selector: one lane, and exact, since steps are of its own.
    group
        G, digits of one weight that come together, at least 1.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    serial: DigitSerialParameters
    group: int = 4

    def __post_init__(self) -> None:
        serial = self.serial
        if serial.lanes != 1 or serial.correction is not Correction.EXACT or serial.free_running:
            raise ValueError(
                "serial must have one lane, exact correction and an enable: steps are its own"
            )
        # Refuses a wrong group.
        DigitSelectorParameters(group=self.group)

    @property
    def selector(self) -> DigitSelectorParameters:
        return DigitSelectorParameters(group=self.group, encoding=self.serial.encoding)


class Opt3(Unit):
    """``(sum, carry) <= (first ? 0 : sum + carry) + Σ_k digit_k * b_k``, digits 0 left out.

    Members
    -------
    digits : In(ArrayLayout(digit, G))
        One digit each of G operands, all of one weight; to stay until ``last``.
    first : In(1)
        The group starts a new sum.
    index : Out(range(G))
        Whose ``b`` this step wants; combinational.
    b : In(b_shape)
        That operand, in the same cycle.
    enable : In(1)
        Take the step; steps under way are finished regardless.
    last : Out(1)
        The step is the last of its group: ``max(1, digits other than 0)`` steps a group.
    sum, carry : Out(A)
        Latency :data:`LATENCY` cycles.

    Notes
    -----
    HPCA 2025, level OPT3. The peer's element does the same with a group of 4.
    """

    p: Opt3Parameters

    def __init__(self, p: Opt3Parameters) -> None:
        serial = p.serial
        super().__init__(p, {
            "digits": In(data.ArrayLayout(serial.digit_layout, p.group)), "first": In(1),
            "index": Out(range(p.group)), "b": In(serial.b_shape), "enable": In(1),
            "last": Out(1),
            "sum": Out(serial.accumulator_width), "carry": Out(serial.accumulator_width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        m.submodules.selector = selector = DigitSelector(self.p.selector)
        m.submodules.element = element = Opt4c(self.p.serial)
        digit = Signal(self.p.serial.digit_layout, reset_less=True)
        b = Signal(self.p.serial.b_shape, name="b_register", reset_less=True)
        first = Signal(name="first_register", reset_less=True)
        step = Signal()
        m.d.sync += step.eq(self.enable)
        with m.If(self.enable):
            m.d.sync += [
                digit.eq(selector.digit), b.eq(self.b), first.eq(self.first & selector.start),
            ]  # fmt: skip
        m.d.comb += [
            selector.digits.eq(self.digits),
            selector.enable.eq(self.enable),
            self.index.eq(selector.index),
            self.last.eq(selector.last),
            element.digit.eq(digit),
            element.b.eq(b),
            element.first.eq(first),
            element.enable.eq(step),
            self.sum.eq(element.sum),
            self.carry.eq(element.carry),
        ]
        return m

"""Multiply and accumulate as the operators say: what every other element is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .parameters import OperandParameters, check_accumulator_width

__all__ = ["Behavioural", "MacParameters", "mac_ports"]


@dataclass(frozen=True, kw_only=True)
class MacParameters:
    """Parameters of elements that add up each sum at once.

    Parameters
    ----------
    operands
        ``a`` and ``b``.
    accumulator_width
        Bits of the sum, at least 1; arithmetic is modulo ``2^accumulator_width``.
    free_running
        Each cycle is a step, and there is no ``enable``: a bubble is a step with ``a = 0``.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    operands: OperandParameters
    accumulator_width: int
    free_running: bool = False

    def __post_init__(self) -> None:
        check_accumulator_width(self.accumulator_width)


def mac_ports(p: MacParameters) -> dict[str, In | Out]:
    """Ports of an element whose parameters these are."""
    return {
        "a": In(p.operands.a_shape), "b": In(p.operands.b_shape), "first": In(1),
        **({} if p.free_running else {"enable": In(1)}),
        "accumulator": Out(p.accumulator_width),
    }  # fmt: skip


class Behavioural(Unit):
    """``accumulator <= (first ? 0 : accumulator) + a * b``, modulo ``2^A``.

    Members
    -------
    a : In(a_shape)
    b : In(b_shape)
    first : In(1)
        This step starts a new sum.
    enable : In(1)
        Nothing changes while it is 0. There is no such port where ``free_running``.
    accumulator : Out(A)
        Latency 1 cycle; a step each cycle.
    """

    p: MacParameters

    def __init__(self, p: MacParameters) -> None:
        super().__init__(p, mac_ports(p))

    def body(self) -> Module:
        m = Module()
        accumulator = Signal(self.p.accumulator_width, name="total", reset_less=True)
        step = accumulator.eq(Mux(self.first, 0, accumulator) + self.a * self.b)
        if self.p.free_running:
            m.d.sync += step
        else:
            with m.If(self.enable):
                m.d.sync += step
        m.d.comb += self.accumulator.eq(accumulator)
        return m

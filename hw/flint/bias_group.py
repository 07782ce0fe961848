"""The bottom of a column group: the values that enter the columns while they drain."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .parameters import ArrayParameters

__all__ = ["BiasGroup", "BiasGroupParameters"]


@dataclass(frozen=True)
class BiasGroupParameters:
    """The bottom of ``cols`` neighbouring columns of an array."""

    array: ArrayParameters
    cols: int


class BiasGroup(Unit):
    """Give each column ``bias + offsets * 2^q`` to load; combinational.

    An accumulator gains an offset ``2^q`` in every cycle that does not drain it. With ``offsets``
    the running count of those cycles, what an accumulator holds is always its true value plus
    ``offsets * 2^q``, if it starts so; :class:`~.result_group.ResultGroup` takes the count off.

    Members
    -------
    command : In
        Command of this cycle.
    biases : In
        Biases of the columns; absent without biases.
    below : Out
        What enters each column from below.
    """

    def __init__(self, p: BiasGroupParameters) -> None:
        ports = {"command": In(p.array.command_layout)}
        if p.array.bias_bits:
            ports["biases"] = In(p.array.bias_bits * p.cols)
        ports["below"] = Out(p.array.accumulator_bits * p.cols)
        super().__init__(p, ports)

    def body(self) -> Module:
        m = Module()
        p = self.p.array
        offset = Signal(p.accumulator_bits)
        if p.offset_bits:
            m.d.comb += offset[p.datapath.product_bits :].eq(self.command.offsets)
        for col in range(self.p.cols):
            below: Value = offset
            if p.bias_bits:
                bias = Signal(signed(p.bias_bits), name=f"bias_{col}")
                own = self.biases.word_select(col, p.bias_bits)
                m.d.comb += bias.eq(Mux(self.command.load, own, 0))
                below = bias + offset
            m.d.comb += self.below.word_select(col, p.accumulator_bits).eq(below)
        return m

"""A cluster: neighbouring processing elements that share one set of operand registers."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .pe import PEParameters, ProcessingElement

__all__ = ["Cluster", "ClusterParameters"]


@dataclass(frozen=True)
class ClusterParameters:
    """``rows`` x ``cols`` processing elements."""

    pe: PEParameters
    rows: int
    cols: int


class Cluster(Unit):
    """``rows`` x ``cols`` processing elements that see the same beat in the same cycle.

    Sharing operand registers among the elements saves ``(rows * cols - rows)`` activation words
    and ``(rows * cols - cols)`` weight words of flip-flops against one set in each element; the
    skew of the array is then one cycle per cluster.

    Ports of several lanes are plain vectors, the first lane in the low bits.

    Members
    -------
    activations, weights : In
        Words of ``rows`` activations and ``cols`` weights.
    drain : In(1)
        Shift every column up by one element.
    below : In
        Accumulators of the row below the cluster.
    accumulators : Out
        Accumulators of the top row.
    """

    def __init__(self, p: ClusterParameters) -> None:
        super().__init__(
            p,
            {
                "activations": In(p.pe.datapath.activation_word.size * p.rows),
                "weights": In(p.pe.datapath.weight_word.size * p.cols),
                "drain": In(1),
                "below": In(p.pe.accumulator_bits * p.cols),
                "accumulators": Out(p.pe.accumulator_bits * p.cols),
            },
        )

    def body(self) -> Module:
        m = Module()
        datapath, bits = self.p.pe.datapath, self.p.pe.accumulator_bits
        below = [self.below.word_select(col, bits) for col in range(self.p.cols)]
        for row in reversed(range(self.p.rows)):
            for col in range(self.p.cols):
                pe = ProcessingElement(self.p.pe)
                m.submodules[f"pe_{row}_{col}"] = pe
                activation = self.activations.word_select(row, datapath.activation_word.size)
                m.d.comb += [
                    pe.activation.as_value().eq(activation),
                    pe.weight.as_value().eq(
                        self.weights.word_select(col, datapath.weight_word.size)
                    ),
                    pe.drain.eq(self.drain),
                    pe.below.eq(below[col]),
                ]
                below[col] = pe.accumulator
        m.d.comb += self.accumulators.eq(Cat(below))
        return m

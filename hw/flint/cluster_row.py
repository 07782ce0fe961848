"""A row of clusters, with the registers through which activations and drain travel."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .cluster import Cluster, ClusterParameters
from .pe import PEParameters

__all__ = ["ClusterRow", "ClusterRowParameters"]


@dataclass(frozen=True)
class ClusterRowParameters:
    """``rows`` rows of elements, ``cols`` columns in clusters of ``share``."""

    pe: PEParameters
    rows: int
    cols: int
    share: int


class ClusterRow(Unit):
    """Pass activations and the drain command along the row.

    Cluster ``j`` sees activations and drain ``j + 1`` cycles after they enter; no net reaches more
    than one cluster.

    Members
    -------
    activations : In
        Words that enter from the left.
    weights : In
        Words of all columns, those of cluster ``j`` as it sees them.
    drain : In(1)
        Enters from the left.
    below : In
        Accumulators of the row below, for each column.
    accumulators : Out
        Accumulators of the top elements, for each column.
    """

    def __init__(self, p: ClusterRowParameters) -> None:
        datapath = p.pe.datapath
        accumulators = p.pe.accumulator_bits * p.cols
        super().__init__(
            p,
            {
                "activations": In(datapath.activation_word.size * p.rows),
                "weights": In(datapath.weight_word.size * p.cols),
                "drain": In(1),
                "below": In(accumulators),
                "accumulators": Out(accumulators),
            },
        )

    def body(self) -> Module:
        m = Module()
        p = self.p
        word_bits = p.pe.datapath.weight_word.size
        bits = p.pe.accumulator_bits
        groups = -(-p.cols // p.share)
        passing = Signal(groups * len(self.activations), reset_less=True)
        draining = Signal(groups)
        m.d.sync += [
            passing.eq(Cat(self.activations, passing)),
            draining.eq(Cat(self.drain, draining)),
        ]
        for group, first in enumerate(range(0, p.cols, p.share)):
            count = min(p.share, p.cols - first)
            cluster = Cluster(ClusterParameters(p.pe, p.rows, count))
            m.submodules[f"cluster_{group}"] = cluster
            columns = slice(first * bits, (first + count) * bits)
            m.d.comb += [
                cluster.activations.eq(passing.word_select(group, len(self.activations))),
                cluster.weights.eq(self.weights[first * word_bits : (first + count) * word_bits]),
                cluster.drain.eq(draining[group]),
                cluster.below.eq(self.below[columns]),
                self.accumulators[columns].eq(cluster.accumulators),
            ]
        return m

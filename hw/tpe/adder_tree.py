"""Multiplier-adder trees: a row of A goes to all trees at once, weights stay."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In

from ..unit import Unit
from .delay import delayed
from .engine import engine_members, weight_control
from .product_array import ProductArrayParameters, add_products, edge_register
from .result_drain import ResultDrain
from .streaming import connect_drain
from .weight_control import WeightControl

__all__ = ["AdderTree", "AdderTreeParameters"]


@dataclass(frozen=True, kw_only=True)
class AdderTreeParameters(ProductArrayParameters):
    """Parameters of multiplier-adder trees: N ``cols`` of them, of K ``depth`` multipliers each.

    They are those of :class:`~.product_array.ProductArrayParameters`.
    """

    @property
    def step_layout(self) -> data.StructLayout:
        """Payload of the operands: a row of A."""
        row = data.ArrayLayout(self.operands.a_shape, self.depth)
        sums = {"first": 1, "final": 1} if self.accumulate else {}
        return data.StructLayout({"a": row, **sums, "last": 1})

    @property
    def weight_layout(self) -> data.ArrayLayout:
        """Payload of the weights: a row of them."""
        return data.ArrayLayout(self.operands.b_shape, self.cols)

    @property
    def load_cycles(self) -> int:
        """Cycles of the weights of a tile."""
        return self.depth

    def tile_cycles(self, rows: int) -> int:
        """Cycles from a tile of so many rows of A to the next, if nothing has to wait."""
        return max(rows, self.load_cycles)


class AdderTree(Unit):
    """``c[m, n] = Σ_k a[m, k] w[k, n] (+ c_input[m, n])``, a row of results from a row of A.

    Members
    -------
    w : In(stream of p.weight_layout)
        Rows k = 0 to K - 1 of the weights of a tile, a row in each transfer. They go in while the
        tile before is at work.
    i : In(stream of p.step_layout)
        Rows of A, with ``last`` on the last one of a tile: the next row belongs to the next
        weights, and waits until all of them are there. Where sums ``accumulate``, ``first`` starts
        new ones, and those with ``final`` are results.
    c : In(stream of p.c_layout)
        A row for each row of results; only with a C input.
    o : Out(stream of p.output_layout)
        Rows of results, each with the ``last`` of its (final) row of A.

    Notes
    -----
    Cycles: a row in each; its results leave ``p.latency`` cycles later; tiles of R rows take
    ``p.tile_cycles(R)``. ``i.ready`` depends on ``o.ready`` alone in the same cycle, ``w.ready``
    also on ``i.valid``, for the first row of a tile frees the weights.
    """

    p: AdderTreeParameters

    def __init__(self, p: AdderTreeParameters) -> None:
        weights = In(stream.Signature(p.weight_layout))
        super().__init__(p, engine_members(p, p.output_layout, w=weights))

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.drain = drain = ResultDrain(p.drain)
        control = weight_control(m, self, drain, p.depth)
        advance = drain.advance if p.back_pressure else None
        row, taken = self.i.payload, control.taken
        operands = [
            edge_register(m, p, row.a[k], f"{k}", taken, advance) for k in range(p.depth)
        ]
        first = final = None
        if p.accumulate:
            first = delayed(m, row.first & taken, "first", 1, enable=advance)
            final = row.final
        valid = delayed(m, taken, "valid", 1, reset=True, enable=advance)
        products = add_products(
            m, p, "", operands, self._weights(m, control), first, valid, advance
        )
        beat = taken if final is None else taken & final
        latency = 1 + p.product.latency
        m.d.comb += [
            drain.beat.eq(delayed(m, beat, "row", latency, reset=True, enable=advance)),
            drain.last.eq(delayed(m, row.last, "last", latency, enable=advance)),
        ]
        for n, product in enumerate(products):
            m.d.comb += drain.sum[n].eq(product.sum)
            if p.carry_mask:
                m.d.comb += drain.carry[n].eq(product.carry)
        connect_drain(m, drain, self.o, self.c if p.c_input else None)
        return m

    def _weights(self, m: Module, control: WeightControl) -> list[list[Value]]:
        """The weights in use, a list for each column; others are kept for the next tile."""
        p = self.p
        columns: list[list[Value]] = [[] for _ in range(p.cols)]
        for k in range(p.depth):
            row = Signal(p.weight_layout, name=f"weights_{k}", reset_less=True)
            spare = Signal(p.weight_layout, name=f"spare_{k}", reset_less=True)
            with m.If(control.write[k]):
                m.d.sync += spare.eq(self.w.payload)
            with m.If(control.swap):
                m.d.sync += row.eq(spare)
            for n in range(p.cols):
                columns[n].append(row[n])
        return columns

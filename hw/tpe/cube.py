"""3D cube: the product of two small matrices in each step."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Shape, Value
from amaranth.lib import data

from ..unit import Unit
from .array_parameters import check_counts
from .delay import delayed
from .engine import engine_members
from .product_array import ProductArrayParameters, add_products, edge_register
from .result_drain import ResultDrain
from .streaming import connect_drain

__all__ = ["Cube", "CubeParameters"]


@dataclass(frozen=True, kw_only=True)
class CubeParameters(ProductArrayParameters):
    """Parameters of a cube of M ``rows`` x N ``cols`` x K ``depth`` multipliers.

    Parameters
    ----------
    rows
        M, rows of A in a step, at least 1.

    The others are those of :class:`~.product_array.ProductArrayParameters`.
    """

    rows: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "rows")

    @property
    def results(self) -> int:
        return self.rows * self.cols

    @property
    def step_layout(self) -> data.StructLayout:
        """Payload of the operands: M rows of A, and K rows of B."""
        a = data.ArrayLayout(self.operands.a_shape, self.depth)
        b = data.ArrayLayout(self.operands.b_shape, self.cols)
        return data.StructLayout({
            "a": data.ArrayLayout(a, self.rows), "b": data.ArrayLayout(b, self.depth),
            **({"first": 1, "last": 1} if self.accumulate else {}),
        })  # fmt: skip

    @property
    def c_layout(self) -> data.ArrayLayout:
        """M rows of C."""
        row = data.ArrayLayout(Shape(self.accumulator_width, True), self.cols)
        return data.ArrayLayout(row, self.rows)

    @property
    def output_layout(self) -> data.StructLayout:
        """Payload of the results: M rows of them."""
        return data.StructLayout({"c": data.ArrayLayout(self.result_layout, self.rows)})


class Cube(Unit):
    """``c = a b (+ c_input)``, a product of M x K by K x N numbers in each step.

    Members
    -------
    i : In(stream of p.step_layout)
        Both matrices. Where sums ``accumulate``, ``first`` starts new ones, and those with
        ``last`` are results.
    c : In(stream of p.c_layout)
        A matrix for each of the results; only with a C input.
    o : Out(stream of p.output_layout)

    Notes
    -----
    Cycles: a product in each; its results leave ``p.latency`` cycles later. ``i.ready`` depends on
    ``o.ready`` alone in the same cycle. A row of A goes to N sums of products at once, a column of
    B to M; the published cube passes them from one to another, which takes a register more for
    each operand in each sum, and M + N + K cycles.
    """

    p: CubeParameters

    def __init__(self, p: CubeParameters) -> None:
        super().__init__(p, engine_members(p, p.output_layout))

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.drain = drain = ResultDrain(p.drain)
        advance = drain.advance if p.back_pressure else None
        step = self.i.payload
        taken = self.i.valid & drain.advance
        m.d.comb += self.i.ready.eq(drain.advance)
        valid = delayed(m, taken, "valid", 1, reset=True, enable=advance)
        first = beat = None
        if p.accumulate:
            first = delayed(m, step.first & taken, "first", 1, enable=advance)
            beat = taken & step.last
        columns: list[list[Value]] = [
            [
                delayed(m, step.b[k][n], f"b_{k}_{n}", 1, enable=advance)
                for k in range(p.depth)
            ]
            for n in range(p.cols)
        ]
        for row in range(p.rows):
            operands = [
                edge_register(m, p, step.a[row][k], f"{k}_{row}", taken, advance)
                for k in range(p.depth)
            ]
            products = add_products(
                m, p, f"_{row}", operands, columns, first, valid, advance
            )
            for n, product in enumerate(products):
                m.d.comb += drain.sum[row * p.cols + n].eq(product.sum)
                if p.carry_mask:
                    m.d.comb += drain.carry[row * p.cols + n].eq(product.carry)
        beat = taken if beat is None else beat
        late = delayed(m, beat, "step", 1 + p.product.latency, reset=True, enable=advance)
        m.d.comb += drain.beat.eq(late)
        connect_drain(m, drain, self.o, self.c if p.c_input else None)
        return m

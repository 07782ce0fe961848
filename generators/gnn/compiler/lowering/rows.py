"""What layers are lowered with: rows with their places, products, hops, activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .....golden.gnn.activations import Finish
from .....golden.gnn.dense import Product
from .....golden.gnn.fixed import Multiplier, multipliers
from .....golden.gnn.graph import Graph, Integers, Reals
from .....golden.gnn.hop import Hop, source_scalars
from .....hw.gnn.instruction import ElementType, Opcode
from .....hw.gnn.parameters import GnnParameters
from ..constants import weight_words
from ..ir import (
    Concat,
    Elementwise,
    Gather,
    MatMul,
    PerVertex,
    Reduce,
    RowScale,
    SourceScalar,
    Value,
)

__all__ = ["TYPES", "Context", "Layout", "Rows", "align"]

TYPES = {8: ElementType.I8, 16: ElementType.I16, 32: ElementType.I32}


@dataclass(frozen=True)
class Layout:
    """Where columns are: their places, and the width of a row with all that is between them."""

    places: tuple[int, ...]
    width: int

    @classmethod
    def plain(cls, width: int) -> Layout:
        """Return columns side by side."""
        return cls(tuple(range(width)), width)

    def spread(self, rows: Integers) -> Integers:
        """Return an array with its last axis by place, and zeros between."""
        result = np.zeros((*rows.shape[:-1], self.width), rows.dtype)
        result[..., list(self.places)] = rows
        return result


@dataclass(frozen=True, eq=False)
class Rows:
    """A value and the places of its columns."""

    value: Value
    layout: Layout

    def with_value(self, value: Value) -> Rows:
        """Return another value of the same layout."""
        return Rows(value, self.layout)


def align(width: int, p: GnnParameters) -> int:
    """Return the first whole word of i8 behind a width."""
    words: int = -(-width // p.lanes)
    return words * int(p.lanes)


class Context:
    """The graph and the engine, and what layers share.

    Attributes
    ----------
    graph, p
        The graph and the engine's parameters.
    """

    def __init__(self, graph: Graph, p: GnnParameters) -> None:
        self.graph, self.p = graph, p
        self._scalars: dict[int, SourceScalar] = {}
        self._factors: dict[bytes, PerVertex] = {}

    def product(
        self, operands: Sequence[Rows], product: Product, name: str, *,
        layout: Layout | None = None, relu: bool = False,
    ) -> Rows:  # fmt: skip
        """Return the product of values side by side.

        Weights that the engine cannot hold at once become products side by side.
        """
        p = self.p
        layout = layout or Layout.plain(len(product.bias))
        a = operands[0].value
        starts: tuple[int, ...] = (0,)
        if len(operands) > 1:
            joined = Concat.of(f"{name}.in", tuple(each.value for each in operands), p.lanes)
            a, starts = joined, joined.starts
        weights = np.zeros((a.width, layout.width), np.int64)
        for each, start, part in zip(operands, starts, product.weights, strict=True):
            rows = [start + place for place in each.layout.places[: len(part)]]
            weights[rows] = layout.spread(part)
        bias = layout.spread(product.bias)
        type_ = TYPES[product.bits]
        width = self._columns_at_once(a.width, layout.width)
        parts = tuple(
            MatMul(
                name=name if width >= layout.width else f"{name}.{start}", type=type_,
                width=len(bias[start : start + width]), a=a,
                weights=weights[:, start : start + width], bias=bias[start : start + width],
                by=product.by, relu=relu,
            )
            for start in range(0, layout.width, width)
        )  # fmt: skip
        value = parts[0] if len(parts) == 1 else Concat.of(name, parts, p.lanes)
        return Rows(value, layout)

    def _columns_at_once(self, k: int, n: int) -> int:
        """Return the columns whose weights the engine holds: all, or whole words of them."""
        p = self.p
        least = weight_words(k, p.lanes, p)
        if weight_words(k, n, p) <= p.weight_words or least > p.weight_words:
            return n
        columns: int = p.weight_words // least * p.lanes
        return columns

    def move(self, rows: Rows, layout: Layout, name: str) -> Rows:
        """Return the same columns, followed by zeros, at other places."""
        count = len(rows.layout.places)
        unit = np.eye(count, len(layout.places), dtype=np.int64)
        product = Product((unit,), np.zeros(len(layout.places), np.int64), Multiplier(1, 0))
        return self.product([rows], product, name, layout=layout)

    def finish(self, rows: Rows, finish: Finish, name: str) -> Rows:
        """Return the activation, if it has a table; ReLU goes along with what is before it."""
        if finish.table is None:
            return rows
        return rows.with_value(Elementwise(
            name=name, type=ElementType.I8, width=rows.layout.width, op=Opcode.LUT8, a=rows.value,
            table=finish.table,
        ))  # fmt: skip

    def requantized(
        self, value: Value, by: Multiplier, name: str, *, relu: bool = False
    ) -> Elementwise:
        """Return RQ to i8."""
        return Elementwise(
            name=name, type=ElementType.I8, width=value.width, op=Opcode.RQ, a=value, by=by,
            relu=relu,
        )  # fmt: skip

    def sum_of(
        self, rows: Rows, name: str, *, looped: bool, scale: SourceScalar | None = None
    ) -> Gather:
        """Return the sum of the neighbours' rows."""
        return Gather(
            name=name, type=ElementType.I32, width=rows.layout.width, how=Reduce.SUM, a=rows.value,
            scale=scale, looped=looped,
        )  # fmt: skip

    def factors(self, factors: Reals, name: str) -> PerVertex:
        """Return packed multipliers, one for each vertex."""
        m, s = multipliers(factors)
        packed = (m | s << 16)[:, None]
        key = packed.tobytes()
        if key not in self._factors:
            self._factors[key] = PerVertex(
                name=name, type=ElementType.I32, width=1, values=packed
            )
        return self._factors[key]

    def hop(self, rows: Rows, hop: Hop, name: str, *, relu: bool = False) -> Rows:
        """Return a hop over the normalised adjacency."""
        looped = self.graph.looped
        bits = hop.fraction_bits
        if bits not in self._scalars:
            self._scalars[bits] = SourceScalar(source_scalars(looped, bits).astype(np.int16))
        total = self.sum_of(rows, f"{name}.sum", looped=True, scale=self._scalars[bits])
        return rows.with_value(RowScale(
            name=name, type=TYPES[hop.bits], width=rows.layout.width, a=total,
            b=self.factors(hop.destination_factors(looped), f"{name}.rq"), relu=relu,
        ))  # fmt: skip

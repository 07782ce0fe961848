"""GraphSAGE: `act(h_v W + b + x_v R)`, h_v the mean, the maximum or the sum of the neighbours.

The int8 layer:

    mean: h = RQROW(sum of x_u, multiplier(gain / d_v)), 0 without in-edges
    sum:  h = RQ(sum of x_u, multiplier(gain))
    max:  h = FIXMIN(maximum of x_u), of i16 so that "no edge" is not -128
    y = finish(RQ(h w + x r + b))

One accumulator takes both products, so nothing is rounded between them (`dense` on their common
unit). `gain` is the unit of x over that of h; the maximum keeps the unit of x.

Source: the project's brief, sections 3 and 7; the common accumulator is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .activations import Activation, Finish, activate
from .dense import Product
from .fixed import EMPTY, fixmin, multiplier, requantize, requantize_rows, wrap32
from .graph import Graph, Integers, Reals
from .layer import Int8Layer, Layer, check_arrays
from .units import unit_of

__all__ = ["Int8Sage", "Reduction", "Sage"]


class Reduction(StrEnum):
    """How the neighbours are reduced; each gives 0 where there are none."""

    MEAN = "mean"
    MAX = "max"
    SUM = "sum"


@dataclass(frozen=True, eq=False)
class Sage(Layer):
    """SAGEConv.

    Attributes
    ----------
    weight, root
        W and R, [K, N] each (PyG's `lin_l` and `lin_r`).
    bias
        [N] or None.
    reduction
        Mean, maximum or sum (PyG's `aggr`).
    activation
        Applied to the result.
    """

    weight: Reals
    root: Reals
    bias: Reals | None = None
    reduction: Reduction = Reduction.MEAN
    activation: Activation = Activation.NONE

    def __post_init__(self) -> None:
        check_arrays(self, weight=(None, None))
        check_arrays(self, root=self.weight.shape, bias=(self.out_features,))

    @property
    def in_features(self) -> int:
        return int(self.weight.shape[0])

    @property
    def out_features(self) -> int:
        return int(self.weight.shape[1])

    def forward(self, graph: Graph, x: Reals) -> Reals:
        return activate(self._linear(self._neighbours(graph, x), x), self.activation)

    def _neighbours(self, graph: Graph, x: Reals) -> Reals:
        if self.reduction is Reduction.MAX:
            return graph.gather_rows(x, "max")
        total = graph.gather_rows(x, "sum")
        mean = self.reduction is Reduction.MEAN
        return total / np.maximum(graph.degree, 1)[:, None] if mean else total

    def _linear(self, neighbours: Reals, x: Reals) -> Reals:
        result: Reals = neighbours @ self.weight + x @ self.root
        return result if self.bias is None else result + self.bias

    def quantize(self, graph: Graph, x: Reals, unit_in: float, least: float) -> Int8Sage:
        neighbours = self._neighbours(graph, x)
        finish = Finish.of(self.activation, self._linear(neighbours, x), least=least)
        unit = unit_in if self.reduction is Reduction.MAX else unit_of(neighbours)
        product = Product.of([self.weight, self.root], [unit, unit_in], self.bias, finish.unit_in)
        return Int8Sage(unit_in, finish.unit_out, self.reduction, unit_in / unit, product, finish)


@dataclass(frozen=True, eq=False)
class Int8Sage(Int8Layer):
    """The int8 layer.

    Attributes
    ----------
    gain
        Unit of x over unit of h.
    product
        Of h and x.
    """

    unit_in: float
    unit_out: float
    reduction: Reduction
    gain: float
    product: Product
    finish: Finish

    @property
    def in_features(self) -> int:
        return len(self.product.weights[0])

    def destination_factors(self, graph: Graph) -> Reals:
        """Return the mean's factors of RQROW, float64 [N]."""
        return np.where(graph.degree > 0, self.gain / np.maximum(graph.degree, 1), 0.0)

    def forward(self, graph: Graph, x: Integers) -> Integers:
        match self.reduction:
            case Reduction.MAX:
                h = fixmin(graph.gather_rows(x, "max", EMPTY))
            case Reduction.SUM:
                h = requantize(wrap32(graph.gather_rows(x, "sum")), multiplier(self.gain))
            case Reduction.MEAN:
                total = wrap32(graph.gather_rows(x, "sum"))
                h = requantize_rows(total, self.destination_factors(graph))
        return self.finish(self.product(h, x))

    def bounds(self, graph: Graph) -> dict[str, int]:
        result = {"h W + x R + b": self.product.bound}
        if self.reduction is not Reduction.MAX:
            result["the sum over in-edges"] = 128 * graph.largest_degree
        return result

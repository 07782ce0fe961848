"""GIN: `mlp((1 + eps) x_v + sum over u in N(v) of x_u)`.

The int8 layer, with E fraction bits for eps:

    t_v = acc_v 2^E + x_v I,  I = floor((1 + eps) 2^E + 1/2)    i32 (AXPY, wrapping)
    h = RQ(t, multiplier(gain 2^-E)), gain the unit of x over that of h

and each linear layer of the MLP after the manner of `dense`. E is 0 where eps is an integer (the
first AXPY is not needed then), else as many bits as the range allows, up to 12.

Source: the project's brief, sections 3 and 5; the fixed-point form of eps is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...errors import InputError
from .dense import Int8Linear, Linear
from .fixed import Multiplier, multiplier, requantize, wrap32
from .graph import Graph, Integers, Reals
from .layer import Int8Layer, Layer
from .ranges import DEFAULT_FRACTION_BITS, fitting_bits
from .units import unit_of

__all__ = ["Gin", "Int8Gin"]

_IMMEDIATE_LIMIT = 2.0**23


@dataclass(frozen=True, eq=False)
class Gin(Layer):
    """GINConv.

    Attributes
    ----------
    mlp
        Linear layers with their activations, at least one.
    eps
        A number below 2^11 in magnitude; 0 unless it was trained.
    """

    mlp: tuple[Linear, ...]
    eps: float = 0.0

    def __post_init__(self) -> None:
        if not self.mlp:
            raise InputError("mlp must have at least one layer, not none")
        for before, after in zip(self.mlp, self.mlp[1:], strict=False):
            if after.in_features != before.out_features:
                raise InputError(
                    f"mlp must have layers that fit each other, not {before.out_features} outputs "
                    f"before {after.in_features} inputs"
                )
        limit = int(_IMMEDIATE_LIMIT) >> DEFAULT_FRACTION_BITS
        if not abs(1 + self.eps) < limit:
            raise InputError(f"1 + eps must be below {limit} in magnitude, not {1 + self.eps}")

    @property
    def in_features(self) -> int:
        return self.mlp[0].in_features

    @property
    def out_features(self) -> int:
        return self.mlp[-1].out_features

    def forward(self, graph: Graph, x: Reals) -> Reals:
        x = self._combined(graph, x)
        for linear in self.mlp:
            x = linear.forward(graph, x)
        return x

    def _combined(self, graph: Graph, x: Reals) -> Reals:
        result: Reals = (1.0 + self.eps) * x + graph.gather_rows(x, "sum")
        return result

    def quantize(self, graph: Graph, x: Reals, unit_in: float, least: float) -> Int8Gin:
        h = self._combined(graph, x)
        unit = unit_of(h)
        bits = 0
        if not float(self.eps).is_integer():
            bits = fitting_bits(
                lambda bits: _bound(graph, bits, self._immediate(bits)), DEFAULT_FRACTION_BITS
            )
        by = multiplier(unit_in / unit / 2.0**bits)
        layers = []
        for i, linear in enumerate(self.mlp):
            # A hidden layer's output unit is its own affair.
            wanted = least if i == len(self.mlp) - 1 else 0.0
            layers.append(linear.quantize(graph, h, unit, wanted))
            h, unit = linear.forward(graph, h), layers[-1].unit_out
        return Int8Gin(unit_in, unit, bits, self._immediate(bits), by, tuple(layers))

    def _immediate(self, bits: int) -> int:
        return math.floor((1.0 + self.eps) * (1 << bits) + 0.5)


@dataclass(frozen=True, eq=False)
class Int8Gin(Int8Layer):
    """The int8 layer.

    Attributes
    ----------
    fraction_bits
        E.
    immediate
        I, 24 bits with its sign.
    by
        Constant of the RQ that gives h.
    mlp
        Linear layers.
    """

    unit_in: float
    unit_out: float
    fraction_bits: int
    immediate: int
    by: Multiplier
    mlp: tuple[Int8Linear, ...]

    @property
    def in_features(self) -> int:
        return self.mlp[0].in_features

    def forward(self, graph: Graph, x: Integers) -> Integers:
        total = graph.gather_rows(x, "sum") << self.fraction_bits
        h = requantize(wrap32(total + x * self.immediate), self.by)
        for linear in self.mlp:
            h = linear.forward(graph, h)
        return h

    def bounds(self, graph: Graph) -> dict[str, int]:
        result = {
            "the sum over in-edges and the vertex": _bound(
                graph, self.fraction_bits, self.immediate
            )
        }
        for i, linear in enumerate(self.mlp):
            result[f"x W + b of MLP layer {i}"] = linear.product.bound
        return result


def _bound(graph: Graph, bits: int, immediate: int) -> int:
    return 128 * ((graph.largest_degree << bits) + abs(immediate))

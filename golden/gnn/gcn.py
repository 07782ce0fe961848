"""GCN, and SGC, which is a GCN of several hops: `act(A^hops x W + b)`, A of `hop`.

The int8 layer in either order:

* aggregate: `x <- Hop(x)` as often as there are hops, then `finish(RQ(x w + b))`.
* transform: `z = RQ(x w)` without the bias, then hops over z. The bias belongs behind the last
  hop, where there is no accumulator to put it into: RQROW leaves 7 more bits in an i16, the bias
  is added there (ADD, saturating) and RQ rounds to 8 bits:
  `finish(RQ(sat_16(RQROW_16(acc) + b_16), multiplier(2^-7)))`. Rounding the bias to the output's
  own unit instead would cost up to half a unit more. Without a bias RQROW gives the 8 bits.

Source: the project's brief, sections 3 and 7; the place of the bias is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from .activations import Activation, Finish, activate
from .dense import Product
from .fixed import multiplier, requantize, saturate
from .graph import Graph, Integers, Reals
from .hop import Hop, hop_bounds, hop_fraction_bits, propagate
from .layer import Int8Layer, Layer, check_arrays, require_count
from .ranges import DEFAULT_FRACTION_BITS, require_fraction_bits
from .units import codes_of, unit_of

__all__ = ["GUARD_BITS", "Gcn", "Int8Gcn", "Order"]

GUARD_BITS = 7
"""Bits below the output's unit while the bias is added."""


class Order(StrEnum):
    """Whether rows are gathered at the width of the inputs or of the outputs.

    Real numbers are the same either way, int8 results are not.
    """

    AGGREGATE = "aggregate"
    TRANSFORM = "transform"


@dataclass(frozen=True, eq=False)
class Gcn(Layer):
    """GCNConv, or SGConv if there are several hops.

    Attributes
    ----------
    weight
        [K, N].
    bias
        [N] or None.
    hops
        At least 1.
    activation
        Applied to the result.
    order
        Of the int8 layer.
    fraction_bits
        Most fraction bits F of the int8 layer's scalars, 0..14.
    """

    weight: Reals
    bias: Reals | None = None
    hops: int = 1
    activation: Activation = Activation.NONE
    order: Order = Order.AGGREGATE
    fraction_bits: int = DEFAULT_FRACTION_BITS

    def __post_init__(self) -> None:
        check_arrays(self, weight=(None, None))
        check_arrays(self, bias=(self.out_features,))
        require_count("hops", self.hops)
        require_fraction_bits("fraction_bits", self.fraction_bits)

    @property
    def in_features(self) -> int:
        return int(self.weight.shape[0])

    @property
    def out_features(self) -> int:
        return int(self.weight.shape[1])

    def forward(self, graph: Graph, x: Reals) -> Reals:
        return activate(self._linear(graph, x), self.activation)

    def _linear(self, graph: Graph, x: Reals) -> Reals:
        # Whichever order moves fewer numbers; real numbers are the same.
        if self.in_features > self.out_features:
            result = _states(graph, x @ self.weight, self.hops)[-1]
        else:
            result = _states(graph, x, self.hops)[-1] @ self.weight
        return result if self.bias is None else result + self.bias

    def quantize(self, graph: Graph, x: Reals, unit_in: float, least: float) -> Int8Gcn:
        finish = Finish.of(self.activation, self._linear(graph, x), least=least)
        fraction_bits = hop_fraction_bits(graph, self.fraction_bits)
        if self.order is Order.AGGREGATE:
            units = [unit_in, *map(unit_of, _states(graph, x, self.hops))]
            product = Product.of([self.weight], units[-1:], self.bias, finish.unit_in)
        else:
            z = x @ self.weight
            units = [*map(unit_of, [z, *_states(graph, z, self.hops)[:-1]]), finish.unit_in]
            product = Product.of([self.weight], [unit_in], None, units[0])
        hops = [Hop(fraction_bits, before / after) for before, after in pairwise(units)]
        late_bias = None
        if self.order is Order.TRANSFORM and self.bias is not None:
            hops[-1] = replace(hops[-1], gain=hops[-1].gain * 2**GUARD_BITS, bits=16)
            late_bias = codes_of(self.bias, finish.unit_in / 2**GUARD_BITS, 16)
        return Int8Gcn(
            unit_in, finish.unit_out, self.order, tuple(hops), product, late_bias, finish
        )


@dataclass(frozen=True, eq=False)
class Int8Gcn(Int8Layer):
    """The int8 layer.

    Attributes
    ----------
    hops
        One after another.
    product
        Before or behind them, by `order`.
    late_bias
        i16 [N], behind the last hop, if the order is transform and there is a bias.
    """

    unit_in: float
    unit_out: float
    order: Order
    hops: tuple[Hop, ...]
    product: Product
    late_bias: Integers | None
    finish: Finish

    @property
    def in_features(self) -> int:
        return len(self.product.weights[0])

    def forward(self, graph: Graph, x: Integers) -> Integers:
        if self.order is Order.TRANSFORM:
            x = self.product(x)
        for hop in self.hops:
            x = hop(graph, x)
        if self.order is Order.AGGREGATE:
            x = self.product(x)
        if self.late_bias is not None:
            x = requantize(saturate(x + self.late_bias, 16), multiplier(2.0**-GUARD_BITS))
        return self.finish(x)

    def bounds(self, graph: Graph) -> dict[str, int]:
        return {
            "the sum over in-edges": max(
                int(hop_bounds(graph.looped, hop.fraction_bits).max()) for hop in self.hops
            ),
            "x W + b": self.product.bound,
        }


def _states(graph: Graph, x: Reals, hops: int) -> list[Reals]:
    """Return x after 1, 2, ... hops."""
    result = []
    for _ in range(hops):
        x = propagate(graph, x)
        result.append(x)
    return result

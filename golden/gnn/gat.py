"""GAT: attention over the in-edges, heads concatenated or averaged.

    z = x W, head h in columns h C..h C + C - 1
    e[u, v, h] = lrelu(source[h] . z_u[h] + target[h] . z_v[h], slope)
    alpha = softmax of e over the in-edges of v
    y_v[h] = sum over u in N(v) of alpha[u, v, h] z_u[h]

and `act(concat of y + b)` or `act(mean of y + b)`.

The int8 layer, scores in 1/256 of an octave (base 2: log2(e) is folded into their weights):

    z = RQ(x w + b'),  el = RQ_16(x w_el),  er = RQ_16(x w_er)
    e = lrelu(sat_16(el_u + er_v))                                  i16
    m_v = maximum of e over the in-edges, t = m_v - e               u16
    p = EXP2N(t) with PB fraction bits
    den_v = sum of p, num_v = sum of p z_u                          i32
    y = NDIV(num, den)                                              in the unit of z

The heads side by side are the output; averaged ones are `RQ(sum over h of y[h], multiplier(unit of
z / (H unit of the output)))`, a product with a 0/1 matrix. Decisions:

* Scores come from x with weights `W source[h] log2(e)` of [K, H], not from z: one rounding less,
  and the product with H columns does not wait for z.
* The bias moves into z (b' is b of the head's columns): weights that sum to 1 pass it on as it is.
  The loops make every vertex have an in-edge, so nothing else could happen to it.
* Concatenated heads keep the unit of z: `y` is a mean of z's and never needs more.
* Scores saturate at 128 octaves of either end, where a softmax has long been 0 or 1.

Source: the project's brief, sections 3 and 7; the decisions are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .activations import Activation, Finish, activate
from .dense import Product
from .fixed import (
    EMPTY,
    SCORE_FRACTION_BITS,
    Multiplier,
    exp2n,
    leaky_relu,
    multiplier,
    ndiv,
    requantize,
    saturate,
    slope_immediate,
    wrap32,
)
from .graph import Graph, Integers, Reals
from .layer import Int8Layer, Layer, check_arrays
from .ranges import DEFAULT_FRACTION_BITS, fitting_bits, require_fraction_bits
from .units import unit_of

__all__ = ["Gat", "Int8Gat", "attention_weights"]


@dataclass(frozen=True, eq=False)
class Gat(Layer):
    """GATConv with its self loops.

    Attributes
    ----------
    weight
        [K, H C].
    source, target
        [H, C] each (PyG's `att_src` and `att_dst`).
    bias
        [H C] where heads are concatenated, [C] where they are averaged, or None.
    concat
        Concatenate heads rather than average them.
    slope
        Of the leaky ReLU below 0, 0..1.
    activation
        Applied to the result.
    exp_bits
        Most fraction bits PB of the int8 layer's exponentials, 1..14.
    """

    weight: Reals
    source: Reals
    target: Reals
    bias: Reals | None = None
    concat: bool = True
    slope: float = 0.2
    activation: Activation = Activation.NONE
    exp_bits: int = DEFAULT_FRACTION_BITS

    def __post_init__(self) -> None:
        check_arrays(self, weight=(None, None), source=(None, None))
        check_arrays(self, target=self.source.shape, bias=(self.out_features,))
        if self.source.size != self.weight.shape[1]:
            raise InputError(
                f"weight must have {self.source.size} columns, heads times channels, not "
                f"{self.weight.shape[1]}"
            )
        if not 0 <= self.slope <= 1:
            raise InputError(f"slope must be in 0..1, not {self.slope}")
        require_fraction_bits("exp_bits", self.exp_bits, least=1)

    @property
    def heads(self) -> int:
        """H."""
        return int(self.source.shape[0])

    @property
    def in_features(self) -> int:
        return int(self.weight.shape[0])

    @property
    def out_features(self) -> int:
        return int(self.source.size if self.concat else self.source.shape[1])

    def forward(self, graph: Graph, x: Reals) -> Reals:
        return activate(self._linear(graph.looped, x), self.activation)

    def _folded(self, attention: Reals) -> Reals:
        """Weights [K, H] that give a vertex's share of the scores from its x."""
        blocks = self.weight.reshape(self.in_features, *attention.shape)
        weights: Reals = np.einsum("khc,hc->kh", blocks, attention)
        return weights

    def _linear(self, looped: Graph, x: Reals) -> Reals:
        source, target = (x @ self._folded(each) for each in (self.source, self.target))
        e = source[looped.src] + target[looped.dst]
        e = np.where(e >= 0, e, self.slope * e)
        p = np.exp(e - looped.gather(e, "max")[looped.dst])
        alpha = p / looped.gather(p, "sum")[looped.dst]
        heads = _weighted(looped, alpha, x @ self.weight)
        y = heads.reshape(len(x), -1) if self.concat else heads.mean(axis=1)
        return y if self.bias is None else y + self.bias

    def quantize(self, graph: Graph, x: Reals, unit_in: float, least: float) -> Int8Gat:
        bias = self.bias
        if bias is not None and not self.concat:
            bias = np.tile(bias, self.heads)
        z = x @ self.weight if bias is None else x @ self.weight + bias
        y = self._linear(graph.looped, x)
        if self.concat:
            unit = unit_of(z, least=0.0 if self.activation.by_table else least)
            finish = Finish.of(self.activation, y, least=least, unit_in=unit)
        else:
            unit = unit_of(z)
            finish = Finish.of(self.activation, y, least=least)
        octaves = math.log2(math.e)
        score_unit = 2.0**-SCORE_FRACTION_BITS
        return Int8Gat(
            unit_in=unit_in,
            unit_out=finish.unit_out,
            z=Product.of([self.weight], [unit_in], bias, unit),
            source=Product.of(
                [self._folded(self.source) * octaves], [unit_in], None, score_unit, bits=16
            ),
            target=Product.of(
                [self._folded(self.target) * octaves], [unit_in], None, score_unit, bits=16
            ),
            slope=slope_immediate(self.slope),
            exp_bits=fitting_bits(lambda bits: _bound(graph.looped, bits), self.exp_bits, least=1),
            average=None if self.concat else multiplier(unit / (self.heads * finish.unit_in)),
            finish=finish,
        )


@dataclass(frozen=True, eq=False)
class Int8Gat(Int8Layer):
    """The int8 layer.

    Attributes
    ----------
    z, source, target
        Products of x: i8 [N, H C], and the shares of the scores, i16 [N, H] each.
    slope
        LRELU's immediate.
    exp_bits
        PB.
    average
        Constant of RQ after the sum of the heads; None where they are concatenated.
    """

    unit_in: float
    unit_out: float
    z: Product
    source: Product
    target: Product
    slope: int
    exp_bits: int
    average: Multiplier | None
    finish: Finish

    @property
    def in_features(self) -> int:
        return len(self.z.weights[0])

    def forward(self, graph: Graph, x: Integers) -> Integers:
        looped = graph.looped
        p = attention_weights(looped, self.source(x), self.target(x), self.slope, self.exp_bits)
        den = wrap32(looped.gather(p, "sum"))
        num = wrap32(_weighted(looped, p, self.z(x)))
        y = ndiv(num, den)
        if self.average is None:
            return self.finish(y.reshape(len(x), -1))
        return self.finish(requantize(y.sum(axis=1), self.average))

    def bounds(self, graph: Graph) -> dict[str, int]:
        return {
            "the weighted sum over in-edges": _bound(graph.looped, self.exp_bits),
            "x W + b": self.z.bound,
            "x W of the source scores": self.source.bound,
            "x W of the target scores": self.target.bound,
        }


def attention_weights(
    looped: Graph, source: Integers, target: Integers, slope: int, exp_bits: int
) -> Integers:
    """Return the numerators of the softmax, one row per edge.

    Parameters
    ----------
    looped
        The graph with its loops.
    source, target
        The vertices' shares of the scores, i16 [N, H] each.

    Returns
    -------
    int64 [M, H]
        p in 0..2^exp_bits; the largest of a vertex's is 2^exp_bits.
    """
    e = leaky_relu(saturate(source[looped.src] + target[looped.dst], 16), slope)
    t = looped.gather(e, "max", EMPTY)[looped.dst] - e
    return exp2n(t, exp_bits)


def _weighted(looped: Graph, weights: NDArray[Any], z: NDArray[Any]) -> NDArray[Any]:
    """Return `sum over in-edges of weights[e, h] z_u[h]`, [N, H, C], of weights [M, H]."""
    heads = np.split(z, weights.shape[1], axis=1)
    sums = [
        looped.gather(weights[:, [h]] * head[looped.src], "sum") for h, head in enumerate(heads)
    ]
    return np.stack(sums, axis=1)


def _bound(looped: Graph, exp_bits: int) -> int:
    return 128 * looped.largest_degree << exp_bits

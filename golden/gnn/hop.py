"""The normalised adjacency of GCN, SGC and APPNP: one hop over a looped graph.

    y_v = sum over u in N(v) of x_u / sqrt(d_u d_v),   d in-degrees with the loop

In int8 the normalisation is split between the two ends of an edge:

    c_u = floor(2^F / sqrt(d_u) + 1/2)                      i16, a scalar of the source
    acc_v = sum over u in N(v) of c_u x_u                   i32
    y_v = RQROW(acc_v, multiplier(gain / sqrt(d_v) / 2^F))  a word per destination

with `gain` the unit of x over the unit of y. Source: the project's brief, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fixed import requantize_rows, wrap32
from .graph import Graph, Integers, Reals
from .ranges import DEFAULT_FRACTION_BITS, fitting_bits
from .units import rounded

__all__ = ["Hop", "hop_bounds", "hop_fraction_bits", "propagate", "source_scalars"]


def propagate(graph: Graph, x: Reals) -> Reals:
    """Return one hop in float64; the graph need not be looped yet."""
    looped = graph.looped
    scale = 1.0 / _root_degree(looped)[:, None]
    y: Reals = scale * looped.gather_rows(scale * x, "sum")
    return y


def source_scalars(looped: Graph, fraction_bits: int) -> Integers:
    """Return `c_u`, int64 [N], in 0..2^F."""
    return rounded(2.0**fraction_bits / _root_degree(looped))


def hop_bounds(looped: Graph, fraction_bits: int) -> Integers:
    """Return `128 sum over u in N(v) of c_u`, int64 [N]."""
    scalars = source_scalars(looped, fraction_bits)[:, None]
    bounds: Integers = 128 * looped.gather_rows(scalars, "sum")[:, 0]
    return bounds


def hop_fraction_bits(graph: Graph, most: int = DEFAULT_FRACTION_BITS) -> int:
    """Return the largest F up to `most` with which no sum overflows."""
    return fitting_bits(lambda bits: int(hop_bounds(graph.looped, bits).max()), most)


@dataclass(frozen=True)
class Hop:
    """One hop in int8.

    Attributes
    ----------
    fraction_bits
        F, 0..14.
    gain
        Unit of the input over unit of the output.
    bits
        Width of the output: 8, 16 or 32.
    """

    fraction_bits: int
    gain: float
    bits: int = 8

    def destination_factors(self, looped: Graph) -> Reals:
        """Return the factors of RQROW, float64 [N]."""
        return self.gain / _root_degree(looped) / 2.0**self.fraction_bits

    def __call__(self, graph: Graph, x: Integers) -> Integers:
        looped = graph.looped
        scalars = source_scalars(looped, self.fraction_bits)[:, None]
        total = wrap32(looped.gather_rows(scalars * x, "sum"))
        return requantize_rows(total, self.destination_factors(looped), self.bits)


def _root_degree(looped: Graph) -> Reals:
    root: Reals = np.sqrt(looped.degree.astype(np.float64))
    return root

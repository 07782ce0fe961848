"""APPNP: `h <- (1 - teleport) A h + teleport x`, several hops from h = x; A of `hop`.

The int8 layer gives the states one unit of their own, since they are smoother and so smaller than
x. With E fraction bits and `ratio` the unit of x over that of the states, a hop is

    p_v = RQROW_32(acc_v, multiplier(gain 2^E / sqrt(d_v) / 2^F))
    h_v = RQ(p_v + x_v I, multiplier(2^-E)),   I = floor(teleport ratio 2^E + 1/2)

and `gain` is `(1 - teleport) ratio` in the first hop, which reads x, and `1 - teleport` in the
others: two sets of row constants. p is an i32 (AXPY, wrapping). In an i16 a teleport of 0.1 would
be 1.5 % off, and rounding the two terms apart to 8 bits would cost half a unit more. E is 14, or
what the range proof leaves. The ratio is at most 256, so that I fits its 24 bits.

Source: the project's brief, section 3; the fixed-point form is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from .activations import Activation, Finish, activate
from .fixed import multiplier, requantize, wrap32
from .graph import Graph, Integers, Reals
from .hop import Hop, hop_bounds, hop_fraction_bits, propagate
from .layer import Int8Layer, Layer, require_count
from .ranges import (
    DEFAULT_FRACTION_BITS,
    MAX_FRACTION_BITS,
    fitting_bits,
    require_fraction_bits,
)
from .units import unit_of

__all__ = ["Appnp", "Int8Appnp"]

_LARGEST_RATIO = 2**8


@dataclass(frozen=True, eq=False)
class Appnp(Layer):
    """APPNP without dropout.

    Attributes
    ----------
    features
        Width of input and output.
    hops
        At least 1.
    teleport
        0..1 (PyG's `alpha`).
    activation
        Applied to the result.
    fraction_bits
        Most fraction bits F of the int8 layer's scalars, 0..14.
    """

    features: int
    hops: int
    teleport: float
    activation: Activation = Activation.NONE
    fraction_bits: int = DEFAULT_FRACTION_BITS

    def __post_init__(self) -> None:
        require_count("features", self.features)
        require_count("hops", self.hops)
        if not 0 <= self.teleport <= 1:
            raise InputError(f"teleport must be in 0..1, not {self.teleport}")
        require_fraction_bits("fraction_bits", self.fraction_bits)

    @property
    def in_features(self) -> int:
        return self.features

    @property
    def out_features(self) -> int:
        return self.features

    def forward(self, graph: Graph, x: Reals) -> Reals:
        return activate(self._states(graph, x)[-1], self.activation)

    def _states(self, graph: Graph, x: Reals) -> list[Reals]:
        result, h = [], x
        for _ in range(self.hops):
            h = (1 - self.teleport) * propagate(graph, h) + self.teleport * x
            result.append(h)
        return result

    def quantize(self, graph: Graph, x: Reals, unit_in: float, least: float) -> Int8Appnp:
        states = self._states(graph, x)
        wanted = 0.0 if self.activation.by_table else least
        unit = unit_of(*states, least=max(wanted, unit_in / _LARGEST_RATIO))
        finish = Finish.of(self.activation, states[-1], least=least, unit_in=unit)
        ratio = unit_in / unit

        def made(bits: int) -> Int8Appnp:
            scale = (1 - self.teleport) * 2.0**bits
            first, later = (Hop(fraction_bits, scale * by, bits=32) for by in (ratio, 1.0))
            immediate = math.floor(self.teleport * ratio * (1 << bits) + 0.5)
            hops = (first, *[later] * (self.hops - 1))
            return Int8Appnp(unit_in, finish.unit_out, self.features, hops, bits, immediate, finish)

        fraction_bits = hop_fraction_bits(graph, self.fraction_bits)
        return made(fitting_bits(lambda bits: made(bits).largest_sum(graph), MAX_FRACTION_BITS))


@dataclass(frozen=True, eq=False)
class Int8Appnp(Int8Layer):
    """The int8 layer.

    Attributes
    ----------
    hops
        One after another, each with 32 bits out.
    fraction_bits
        E.
    immediate
        I, 24 bits with its sign.
    """

    unit_in: float
    unit_out: float
    features: int
    hops: tuple[Hop, ...]
    fraction_bits: int
    immediate: int
    finish: Finish

    @property
    def in_features(self) -> int:
        return self.features

    def forward(self, graph: Graph, x: Integers) -> Integers:
        h = x
        for hop in self.hops:
            p = wrap32(hop(graph, h) + x * self.immediate)
            h = requantize(p, multiplier(2.0**-self.fraction_bits))
        return self.finish(h)

    def largest_sum(self, graph: Graph) -> int:
        """Return the largest magnitude of `p + x I`."""
        looped = graph.looped
        sums = [
            hop_bounds(looped, hop.fraction_bits) * hop.destination_factors(looped)
            for hop in self.hops[:2]
        ]
        # A multiplier of 16 significant bits is at most 2^-15 of its factor off.
        scaled = float(np.max(sums)) * (1 + 2.0**-15) + 1
        return math.ceil(scaled) + 128 * self.immediate

    def bounds(self, graph: Graph) -> dict[str, int]:
        return {
            "the sum over in-edges": int(
                hop_bounds(graph.looped, self.hops[0].fraction_bits).max()
            ),
            "p + x I": self.largest_sum(graph),
        }

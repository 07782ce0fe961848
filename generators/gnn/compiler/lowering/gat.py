"""GAT: scores on edges, their softmax in two rounds, and the weighted sum.

The element of the scores that a column belongs to is `column >> k`, so a head's columns are padded
to a power of two. A head wider than a word has whole words; if it is no power of two it counts as
several heads with equal scores: columns of the scores' weights are there several times.

A division takes at most a word of denominators, so more heads are divided in several parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .....golden.gnn.dense import Product
from .....golden.gnn.gat import Int8Gat
from .....hw.gnn.instruction import ElementType, Opcode
from .....hw.gnn.parameters import GnnParameters
from ..ir import (
    Concat,
    Elementwise,
    Exponential,
    FromDestination,
    FromSource,
    Gather,
    Reciprocal,
    Reduce,
    RowScale,
    Slice,
    Value,
)
from .rows import Context, Layout, Rows

__all__ = ["Heads", "lower"]

_ALL = 15
"""The shift by which all columns belong to element 0."""


@dataclass(frozen=True)
class Heads:
    """How heads lie in a row.

    Attributes
    ----------
    heads, channels
        H, and columns of a head.
    padded
        Columns of a head with those that nobody reads.
    shift
        Its columns have `padded >> shift` scores, all equal; at least one.
    """

    heads: int
    channels: int
    padded: int
    shift: int

    @classmethod
    def of(cls, heads: int, channels: int, p: GnnParameters) -> Heads:
        """Return the least padding."""
        if heads == 1:
            return cls(1, channels, channels, _ALL)
        if channels <= p.lanes:
            # Two, since a word of the row may need no more scores than a word has.
            padded = max(2, 1 << (channels - 1).bit_length())
        else:
            padded = -(-channels // p.lanes) * p.lanes
        return cls(heads, channels, padded, (padded & -padded).bit_length() - 1)

    @property
    def copies(self) -> int:
        """Scores of a head."""
        return max(1, self.padded >> self.shift)

    @property
    def scores(self) -> int:
        """Scores of a row."""
        return self.heads * self.copies

    @property
    def layout(self) -> Layout:
        """Places of the columns of all heads."""
        places = tuple(
            head * self.padded + channel
            for head in range(self.heads)
            for channel in range(self.channels)
        )
        return Layout(places, self.heads * self.padded)

    def repeated(self, product: Product) -> Product:
        """Return the product of scores with each head's as often as it is needed."""
        weights = tuple(np.repeat(each, self.copies, axis=1) for each in product.weights)
        return replace(product, weights=weights, bias=np.repeat(product.bias, self.copies))


def lower(context: Context, layer: Int8Gat, x: Rows, name: str) -> Rows:
    """Return the layer's output."""
    count = len(layer.source.bias)
    heads = Heads.of(count, len(layer.z.bias) // count, context.p)
    z = context.product([x], layer.z, f"{name}.z", layout=heads.layout)
    source = context.product([x], heads.repeated(layer.source), f"{name}.el").value
    target = context.product([x], heads.repeated(layer.target), f"{name}.er").value
    score = _score(layer, source, target, heads.scores, name)

    def reduced(how: Reduce, a: Value, called: str) -> Gather:
        return Gather(
            name=f"{name}.{called}", type=ElementType.I32, width=a.width, how=how, a=a, looped=True
        )

    peak = reduced(Reduce.MAX, score, "max")
    power = Exponential(
        name=f"{name}.p", type=ElementType.I16, width=heads.scores, a=score, maximum=peak,
        bits=layer.exp_bits,
    )  # fmt: skip
    denominator = reduced(Reduce.SUM, power, "den")
    numerator = replace(
        reduced(Reduce.SUM, z.value, "num"), scale=power, shift=heads.shift
    )
    relu = layer.finish.relu and layer.average is None
    y = Rows(_divided(context, numerator, denominator, heads, name, relu=relu), heads.layout)
    if layer.average is not None:
        unit = np.tile(np.eye(heads.channels, dtype=np.int64), (heads.heads, 1))
        product = Product((unit,), np.zeros(heads.channels, np.int64), layer.average)
        y = context.product([y], product, f"{name}.mean", relu=layer.finish.relu)
    return context.finish(y, layer.finish, f"{name}.act")


def _score(layer: Int8Gat, source: Value, target: Value, width: int, name: str) -> Value:
    i16 = ElementType.I16
    total = Elementwise(
        name=f"{name}.e", type=i16, width=width, op=Opcode.ADD,
        a=FromSource(name=f"{name}.e.src", type=i16, width=width, a=source),
        b=FromDestination(name=f"{name}.e.dst", type=i16, width=width, a=target),
    )  # fmt: skip
    return Elementwise(
        name=f"{name}.score", type=i16, width=width, op=Opcode.LRELU, a=total, imm=layer.slope
    )


def _divided(
    context: Context, numerator: Gather, denominator: Gather, heads: Heads, name: str, *,
    relu: bool,
) -> Value:  # fmt: skip
    inverse = Reciprocal(
        name=f"{name}.inv", type=ElementType.I32, width=heads.scores, a=denominator
    )
    lanes = context.p.lanes

    def quotient(a: Value, b: Value, called: str) -> RowScale:
        return RowScale(
            name=called, type=ElementType.I8, width=a.width, a=a, b=b, shift=heads.shift, relu=relu
        )

    if heads.scores <= lanes:
        return quotient(numerator, inverse, f"{name}.y")
    parts = []
    for first in range(0, heads.scores, lanes):
        count = min(lanes, heads.scores - first)
        start, width = first << heads.shift, count << heads.shift
        parts.append(quotient(
            Slice.of(numerator, f"{name}.num.{first}", start, width),
            Slice.of(inverse, f"{name}.inv.{first}", first, count),
            f"{name}.y.{first}",
        ))  # fmt: skip
    return Concat.of(f"{name}.y", tuple(parts), lanes)

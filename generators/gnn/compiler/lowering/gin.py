"""GIN: the neighbours' sum and a multiple of the vertex, then linear layers."""

from __future__ import annotations

from .....golden.gnn.gin import Int8Gin
from .....hw.gnn.instruction import ElementType, Opcode
from ..ir import Elementwise
from . import linear
from .rows import Context, Rows

__all__ = ["lower"]


def lower(context: Context, layer: Int8Gin, x: Rows, name: str) -> Rows:
    """Return the layer's output."""
    total = context.sum_of(x, f"{name}.sum", looped=False)
    both = Elementwise(
        name=f"{name}.t", type=ElementType.I32, width=x.layout.width, op=Opcode.AXPY, a=total,
        b=x.value, imm=layer.immediate, shift=layer.fraction_bits,
    )  # fmt: skip
    h = x.with_value(context.requantized(both, layer.by, f"{name}.h"))
    for i, each in enumerate(layer.mlp):
        h = linear.lower(context, each, h, f"{name}.mlp{i}")
    return h

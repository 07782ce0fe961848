"""GraphSAGE: one product over the neighbours' reduction and the vertex side by side."""

from __future__ import annotations

from .....golden.gnn.fixed import multiplier
from .....golden.gnn.sage import Int8Sage, Reduction
from .....hw.gnn.instruction import ElementType, Opcode
from ..ir import Elementwise, Gather, Reduce, RowScale
from .rows import Context, Rows

__all__ = ["lower"]


def lower(context: Context, layer: Int8Sage, x: Rows, name: str) -> Rows:
    """Return the layer's output."""
    h = _neighbours(context, layer, x, name)
    y = context.product([h, x], layer.product, f"{name}.y", relu=layer.finish.relu)
    return context.finish(y, layer.finish, f"{name}.act")


def _neighbours(context: Context, layer: Int8Sage, x: Rows, name: str) -> Rows:
    width = x.layout.width
    if layer.reduction is Reduction.MAX:
        peak = Gather(
            name=f"{name}.max", type=ElementType.I32, width=width, how=Reduce.MAX, a=x.value,
            looped=False,
        )  # fmt: skip
        return x.with_value(Elementwise(
            name=f"{name}.h", type=ElementType.I8, width=width, op=Opcode.FIXMIN, a=peak
        ))  # fmt: skip
    total = context.sum_of(x, f"{name}.sum", looped=False)
    if layer.reduction is Reduction.SUM:
        return x.with_value(context.requantized(total, multiplier(layer.gain), f"{name}.h"))
    factors = context.factors(layer.destination_factors(context.graph), f"{name}.rq")
    return x.with_value(RowScale(
        name=f"{name}.h", type=ElementType.I8, width=width, a=total, b=factors
    ))  # fmt: skip

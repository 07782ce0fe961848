"""GCN and SGC, in either order."""

from __future__ import annotations

from .....golden.gnn.fixed import multiplier
from .....golden.gnn.gcn import GUARD_BITS, Int8Gcn, Order
from .....golden.gnn.graph import Integers
from .....hw.gnn.instruction import ElementType, Opcode
from ..ir import Broadcast, Elementwise
from .rows import Context, Rows

__all__ = ["lower"]


def lower(context: Context, layer: Int8Gcn, x: Rows, name: str) -> Rows:
    """Return the layer's output."""
    transform = layer.order is Order.TRANSFORM
    relu = layer.finish.relu
    if transform:
        x = context.product([x], layer.product, f"{name}.z")
    last = len(layer.hops) - 1
    for i, hop in enumerate(layer.hops):
        ends = transform and i == last and layer.late_bias is None
        x = context.hop(x, hop, f"{name}.h{i}" if last else f"{name}.h", relu=relu and ends)
    if not transform:
        x = context.product([x], layer.product, f"{name}.y", relu=relu)
    if layer.late_bias is not None:
        x = _with_bias(context, x, layer.late_bias, name, relu=relu)
    return context.finish(x, layer.finish, f"{name}.act")


def _with_bias(context: Context, x: Rows, bias: Integers, name: str, *, relu: bool) -> Rows:
    width = x.layout.width
    constant = Broadcast(
        name=f"{name}.b", type=ElementType.I16, width=width, values=x.layout.spread(bias)
    )
    total = Elementwise(
        name=f"{name}.hb", type=ElementType.I16, width=width, op=Opcode.ADD, a=x.value, b=constant
    )
    by = multiplier(2.0**-GUARD_BITS)
    return x.with_value(context.requantized(total, by, f"{name}.y", relu=relu))

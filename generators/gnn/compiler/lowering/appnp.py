"""APPNP: hops with a share of the input in each."""

from __future__ import annotations

from .....golden.gnn.appnp import Int8Appnp
from .....golden.gnn.fixed import multiplier
from .....hw.gnn.instruction import ElementType, Opcode
from ..ir import Elementwise
from .rows import Context, Rows

__all__ = ["lower"]


def lower(context: Context, layer: Int8Appnp, x: Rows, name: str) -> Rows:
    """Return the layer's output."""
    h = x
    by = multiplier(2.0**-layer.fraction_bits)
    last = len(layer.hops) - 1
    for i, hop in enumerate(layer.hops):
        spread = context.hop(h, hop, f"{name}.p{i}")
        total = Elementwise(
            name=f"{name}.t{i}", type=ElementType.I32, width=x.layout.width, op=Opcode.AXPY,
            a=spread.value, b=x.value, imm=layer.immediate,
        )  # fmt: skip
        relu = layer.finish.relu and i == last
        h = x.with_value(context.requantized(total, by, f"{name}.h{i}", relu=relu))
    return context.finish(h, layer.finish, f"{name}.act")

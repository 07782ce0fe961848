"""A linear layer: a product and its activation."""

from __future__ import annotations

from .....golden.gnn.dense import Int8Linear
from .rows import Context, Rows

__all__ = ["lower"]


def lower(context: Context, layer: Int8Linear, x: Rows, name: str) -> Rows:
    """Return the layer's output."""
    y = context.product([x], layer.product, f"{name}.y", relu=layer.finish.relu)
    return context.finish(y, layer.finish, f"{name}.act")

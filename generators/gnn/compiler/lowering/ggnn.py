"""GGNN: a GRU that reads the neighbours' sum, several steps.

Both gates are one product; the second begins at a whole word, so that either is columns of it.
"""

from __future__ import annotations

from dataclasses import replace

from .....golden.gnn.dense import Product
from .....golden.gnn.fixed import Multiplier, multiplier
from .....golden.gnn.ggnn import Int8Ggnn, Int8Step
from .....golden.gnn.units import LARGEST
from .....hw.gnn.instruction import ElementType, Opcode
from ..ir import Elementwise, Slice, Value
from .rows import Context, Layout, Rows, align

__all__ = ["lower"]


def lower(context: Context, layer: Int8Ggnn, x: Rows, name: str) -> Rows:
    """Return the layer's output."""
    state = Layout.plain(len(layer.candidate_x.bias))
    # The input may be narrower than the state; only where they meet it must have its form.
    whole = x if x.layout == state else context.move(x, state, f"{name}.x")
    last = len(layer.steps) - 1
    for i, step in enumerate(layer.steps):
        relu = layer.finish.relu and i == last
        x = whole = _step(context, layer, step, x, whole, f"{name}.s{i}", relu=relu)
    return context.finish(x, layer.finish, f"{name}.act")


def _step(
    context: Context, layer: Int8Ggnn, step: Int8Step, x: Rows, whole: Rows, name: str, *,
    relu: bool,
) -> Rows:  # fmt: skip
    i32 = ElementType.I32
    width = whole.layout.width
    used = len(x.layout.places)
    total = context.sum_of(x, f"{name}.sum", looped=False)
    g = x.with_value(context.requantized(total, layer.gather, f"{name}.g"))
    second = align(width, context.p)
    both = Layout((*range(width), *range(second, second + width)), second + width)
    gates = context.product([g, x], _first(step.gates, used), f"{name}.rz", layout=both)
    opened = context.finish(gates, layer.sigmoid, f"{name}.sigmoid").value
    r = Slice.of(opened, f"{name}.r", 0, width)
    z = Slice.of(opened, f"{name}.z", second, width)
    q = context.product([x], _first(layer.candidate_x, used), f"{name}.q").value

    def combined(op: Opcode, called: str, type_: ElementType, a: Value, b: Value) -> Elementwise:
        return Elementwise(name=f"{name}.{called}", type=type_, width=width, op=op, a=a, b=b)

    # With one operand in local memory and one in the accumulators no lane waits for the other.
    gated = combined(Opcode.MUL, "rq", i32, r, q)
    # Behind that product, so that there is room for a row of q or of a, not of both.
    a = context.product([g], _first(step.candidate_m, used), f"{name}.a").value
    sums = combined(Opcode.ADD, "aq", ElementType.I16, gated, a)
    candidate = context.requantized(sums, layer.candidate, f"{name}.c")
    n = context.finish(whole.with_value(candidate), layer.tanh, f"{name}.n").value
    wide = Elementwise(
        name=f"{name}.wide", type=i32, width=width, op=Opcode.RQ, a=n, by=Multiplier(1, 0)
    )
    moved = combined(Opcode.MUL, "zd", i32, combined(Opcode.SUB, "d", i32, whole.value, wide), z)
    update = Elementwise(
        name=f"{name}.u", type=i32, width=width, op=Opcode.AXPY, a=moved, b=n, imm=LARGEST
    )
    by = multiplier(1.0 / LARGEST)
    return whole.with_value(context.requantized(update, by, f"{name}.h", relu=relu))


def _first(product: Product, rows: int) -> Product:
    """Return a product of operands whose further columns are zeros."""
    return replace(product, weights=tuple(each[:rows] for each in product.weights))

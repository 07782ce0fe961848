"""What happens to operands at the edge of an array, before elements get them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Value

from ..arith.digit_encoder import DigitEncoder, Encoding
from .array_parameters import ArrayParameters
from .partial_product import booth_negatives

__all__ = ["edge_operand", "row_negatives"]


def edge_operand(m: Module, p: ArrayParameters, a: Value, name: str) -> Value:
    """What elements get of ``a``: its digits from an encoder, if they share one, or itself."""
    if not p.shared_encoder:
        return a
    m.submodules[f"encoder_{name}"] = encoder = DigitEncoder(p.encoder)
    m.d.comb += encoder.operand.eq(a)
    return encoder.digits.as_value()


def row_negatives(m: Module, p: ArrayParameters, operand: Value, name: str) -> Value:
    """Wires ``negative`` of one operand as elements get it: what its row's correction counts."""
    if p.shared_encoder:
        size = p.encoding.layout.size
        return operand[size - 1 :: size]
    if p.encoding is Encoding.BOOTH:
        return booth_negatives(operand, p.operands)
    m.submodules[f"encoder_{name}"] = encoder = DigitEncoder(p.encoder)
    m.d.comb += encoder.operand.eq(operand)
    return Cat(encoder.digits[k].negative for k in range(p.encoder.digits))

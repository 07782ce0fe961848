"""MAC: a Booth multiplier, and an adder of its own for the sum."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib.wiring import In, Out

from ..arith.compressors import CompressorTree, CompressorTreeParameters
from ..arith.digit_encoder import Encoding
from ..unit import Unit
from .behavioural import MacParameters, mac_ports
from .parameters import OperandParameters
from .partial_product import encode, rows_of

__all__ = ["BoothMultiplier", "Mac"]


class BoothMultiplier(Unit):
    """``product = a * b`` from Booth digits, a compressor tree and one adder; combinational.

    Members
    -------
    a : In(a_shape)
    b : In(b_shape)
    product : Out(a_width + b_width), signed if one of the operands is

    Notes
    -----
    The product of ``Wa`` and ``Wb`` bits fits ``Wa + Wb`` bits: signed, its magnitude is at most
    ``2^(Wa-1) 2^(Wb-1)``, which is below ``2^(Wa+Wb-1)``; with one unsigned operand at most
    ``(2^Wa - 1) 2^(Wb-1)``, which is too.
    """

    p: OperandParameters

    def __init__(self, p: OperandParameters) -> None:
        shape = Shape(p.a_width + p.b_width, p.a_signed or p.b_signed)
        super().__init__(p, {"a": In(p.a_shape), "b": In(p.b_shape), "product": Out(shape)})

    def body(self) -> Module:
        m = Module()
        rows = rows_of(self.p, Encoding.BOOTH)
        digits = encode(m, self.a, self.p, Encoding.BOOTH)
        words = [
            (row.shift, row.build(m, digit, self.b, f"partial_product_{index}"))
            for index, (row, digit) in enumerate(zip(rows, digits, strict=True))
        ]
        words += [
            (row.shift, digit.negative)
            for row, digit in zip(rows, digits, strict=True)
            if row.negative
        ]
        tree = CompressorTree(
            CompressorTreeParameters(
                rows=tuple((shift, len(word)) for shift, word in words),
                width=len(self.product),
                constant=-sum(row.bias for row in rows),
                strategy="arrival",
            )
        )
        m.submodules.compressor_tree = tree
        m.d.comb += [getattr(tree, f"row_{k}").eq(word) for k, (_, word) in enumerate(words)]
        m.d.comb += self.product.eq(tree.sum + tree.carry)
        return m


class Mac(Unit):
    """``accumulator <= (first ? 0 : accumulator) + a * b``, modulo ``2^A``.

    Ports and timing are those of :class:`~.behavioural.Behavioural`. Two carry chains follow one
    another in a step: of the product, and of the sum.
    """

    p: MacParameters

    def __init__(self, p: MacParameters) -> None:
        super().__init__(p, mac_ports(p))

    def body(self) -> Module:
        m = Module()
        m.submodules.multiplier = multiplier = BoothMultiplier(self.p.operands)
        m.d.comb += [multiplier.a.eq(self.a), multiplier.b.eq(self.b)]
        accumulator = Signal(self.p.accumulator_width, name="total", reset_less=True)
        step = accumulator.eq(Mux(self.first, 0, accumulator) + multiplier.product)
        if self.p.free_running:
            m.d.sync += step
        else:
            with m.If(self.enable):
                m.d.sync += step
        m.d.comb += self.accumulator.eq(accumulator)
        return m

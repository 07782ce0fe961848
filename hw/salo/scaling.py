"""Multiply the sums of a block by the reciprocal of their weight, round and saturate."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["Scaling", "ScalingParameters"]


@dataclass(frozen=True)
class ScalingParameters:
    """Parameters of a scaling unit.

    Parameters
    ----------
    sum_bits
        Of O, signed.
    total_bits
        Of L, unsigned, at least 2.
    out_fraction_bits
        Of the result, 0 to ``output_bits - 2``.
    output_bits
        Of the result, 2 to 32.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    sum_bits: int
    total_bits: int
    out_fraction_bits: int = 8
    output_bits: int = 16

    def __post_init__(self) -> None:
        for name, least, most in (
            ("sum_bits", 2, 256), ("total_bits", 2, 256), ("output_bits", 2, 32),
            ("out_fraction_bits", 0, self.output_bits - 2),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be in {least} to {most}, not {value}")

    @property
    def reciprocal_fraction_bits(self) -> int:
        """Fraction bits of r: a product with it is off by less than half a unit of the result."""
        return self.output_bits - 1

    @property
    def drop(self) -> int:
        """Fraction bits of ``O * 2^zeros * r`` beyond those of the result."""
        return self.total_bits + self.reciprocal_fraction_bits - self.out_fraction_bits

    @property
    def operand_bits(self) -> int:
        """Bits of ``O * 2^zeros``, signed: one beyond what surely saturates.

        With ``B = output_bits`` r is at least ``2^(B - 1)``, so ``X = 2^(total_bits + B -
        out_fraction_bits)`` gives a result of ``2^B`` or more in magnitude.
        """
        return self.total_bits + self.output_bits + 1 - self.out_fraction_bits

    @property
    def latency(self) -> int:
        """Cycles: align, multiply, round."""
        return 3


class Scaling(Unit):
    """``out = saturate(rs(O * r, b + B - 1 - out_fraction_bits))``, ``B = output_bits`` signed.

    ``b = total_bits - zeros``; O is aligned before it is multiplied, ``2^zeros`` times as large, so
    that the product is rounded in one place.

    Members
    -------
    value : In(signed(sum_bits)), zeros : In(range(total_bits + 1)), reciprocal : In(B + 1)
        O, and what :class:`~.reciprocal.Reciprocal` says of L.
    out : Out(signed(B)), saturated : Out(1)
        Three cycles later; a result in each cycle.
    """

    p: ScalingParameters

    def __init__(self, p: ScalingParameters) -> None:
        super().__init__(p, {
            "value": In(signed(p.sum_bits)), "zeros": In(range(p.total_bits + 1)),
            "reciprocal": In(p.reciprocal_fraction_bits + 2),
            "out": Out(signed(p.output_bits)), "saturated": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        aligned = Signal(signed(p.sum_bits + p.total_bits))
        operand = Signal(signed(p.operand_bits), reset_less=True)
        factor = Signal(len(self.reciprocal), reset_less=True)
        m.d.comb += aligned.eq(self.value << self.zeros)
        m.d.sync += [
            operand.eq(_saturated(m, aligned, p.operand_bits, "operand")[0]),
            factor.eq(self.reciprocal),
        ]
        product = Signal(signed(p.operand_bits + len(factor) - 1), reset_less=True)
        m.d.sync += product.eq(operand * factor)
        rounded = Signal(signed(len(product) - p.drop + 1))
        m.d.comb += rounded.eq(product[p.drop :].as_signed() + product[p.drop - 1])
        out, beyond = _saturated(m, rounded, p.output_bits, "out")
        m.d.sync += [self.out.eq(out), self.saturated.eq(beyond)]
        return m


def _saturated(m: Module, word: Signal, width: int, name: str) -> tuple[Signal, Signal]:
    """A signed word as the nearest of ``width`` bits, and whether it is another."""
    nearest, beyond = Signal(signed(width), name=f"{name}_nearest"), Signal(name=f"{name}_beyond")
    sign, upper = word[-1], word[width - 1 : -1]
    m.d.comb += [
        beyond.eq(Mux(sign, ~upper.all(), upper.any()) if len(upper) else Const(0, 1)),
        nearest.eq(Mux(beyond, Cat((~sign).replicate(width - 1), sign), word)),
    ]
    return nearest, beyond

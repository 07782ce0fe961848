"""Butterflies of number-theoretic transforms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from amaranth.hdl import Module
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..fabric.elastic import ElasticPipeline
from ..unit import Unit
from .add_subtract import add_modulo, subtract_modulo
from .multiply import ModularMultiplier, ModularMultiplierParameters
from .reducer import Bound, Pipelining, Table

__all__ = ["Butterfly", "ButterflyParameters", "Decimation"]


class Decimation(Enum):
    """Which of both butterflies: the product before the sums, or after the difference."""

    COOLEY_TUKEY = "cooley_tukey"
    GENTLEMAN_SANDE = "gentleman_sande"


@dataclass(frozen=True, kw_only=True)
class ButterflyParameters:
    """Parameters of a butterfly.

    Parameters
    ----------
    multiplier
        What multiplies by w: without an addend, and with a tag as wide as a residue, in which
        the operand that is not multiplied waits.
    decimation
        Which butterfly.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    multiplier: ModularMultiplierParameters
    decimation: Decimation = Decimation.COOLEY_TUKEY

    def __post_init__(self) -> None:
        if self.multiplier.accumulate:
            raise ValueError("accumulate of the multiplier must be False, not True")
        if self.multiplier.tag_bits != self.multiplier.residue_bits:
            raise ValueError(
                f"tag_bits of the reducer must be {self.multiplier.residue_bits}, those of a "
                f"residue, not {self.multiplier.tag_bits}"
            )

    @property
    def modulus(self) -> int:
        return self.multiplier.modulus

    @property
    def residue_bits(self) -> int:
        """Bits of an operand and of a result, 0 to M - 1."""
        return self.multiplier.residue_bits

    @property
    def factor(self) -> int:
        """What every product with w is multiplied by."""
        return self.multiplier.factor

    @property
    def has_rank(self) -> bool:
        """Whether a rank of registers stands between the multiplier and the sums.

        A digit-serial multiplier keeps its operands itself. In a rank before it they would wait
        for those ahead of them.
        """
        before = self.decimation is Decimation.GENTLEMAN_SANDE
        if self.multiplier.pipeline is Pipelining.NONE:
            return False
        return not (before and self.multiplier.interval > 1)

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """Largest value of each stage; all of them hold."""
        m = self.modulus
        return (
            *self.multiplier.bounds,
            Bound("sum", 2 * m - 2, "two residues", 2 * m - 1),
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table of residues in the hardware."""
        return self.multiplier.tables

    @property
    def latency(self) -> int:
        """Cycles from the one that takes operands to the first that shows the results."""
        return self.multiplier.latency + self.has_rank

    @property
    def interval(self) -> int:
        """Cycles from one set of operands to the next, where nothing stalls."""
        return self.multiplier.interval

    def create(self) -> Butterfly:
        """Return the hardware."""
        return Butterfly(self)


class Butterfly(Unit):
    """Two points of a number-theoretic transform, modulo M.

    ::

        Cooley-Tukey       high = a + w b     low = a - w b
        Gentleman-Sande    high = a + b       low = (a - b) w

    (J. W. Cooley, J. W. Tukey, Math. Comp. 19, 1965; W. M. Gentleman, G. Sande, AFIPS 1966.) With
    Montgomery's reducer the product is ``w b 2^-n``: twiddle factors in Montgomery form,
    ``w 2^n mod M``, make up for it, and all else is in plain form.

    Members
    -------
    i : In(stream)
        ``a``, ``b`` and ``w``, each 0 to M - 1.
    o : Out(stream)
        ``high`` and ``low``, each 0 to M - 1. Order is kept.

    Cycles: ``p.latency`` and ``p.interval``. They depend on no data.
    """

    p: ButterflyParameters

    def __init__(self, p: ButterflyParameters) -> None:
        n = p.residue_bits
        super().__init__(
            p,
            {
                "i": In(stream.Signature(data.StructLayout({"a": n, "b": n, "w": n}))),
                "o": Out(stream.Signature(data.StructLayout({"high": n, "low": n}))),
            },
        )

    def body(self) -> Module:
        m = Module()
        m.submodules.multiplier = multiplier = self.p.multiplier.create()
        if self.p.decimation is Decimation.COOLEY_TUKEY:
            self._cooley_tukey(m, multiplier)
        else:
            self._gentleman_sande(m, multiplier)
        return m

    def _cooley_tukey(self, m: Module, multiplier: ModularMultiplier) -> None:
        modulus = self.p.modulus
        operands, factors = self.i.payload, multiplier.i.payload
        m.d.comb += [
            multiplier.i.valid.eq(self.i.valid),
            self.i.ready.eq(multiplier.i.ready),
            factors.a.eq(operands.b),
            factors.b.eq(operands.w),
            factors.tag.eq(operands.a),
        ]
        pipe = ElasticPipeline(m, valid=multiplier.o.valid, ready=multiplier.o.ready)
        product = multiplier.o.payload
        at = pipe.cut("product", wanted=self.p.has_rank, a=product.tag, r=product.r)
        pipe.finish(valid=self.o.valid, ready=self.o.ready)
        m.d.comb += [
            self.o.payload.high.eq(add_modulo(m, at.a, at.r, modulus, name="high")),
            self.o.payload.low.eq(subtract_modulo(m, at.a, at.r, modulus, name="low")),
        ]

    def _gentleman_sande(self, m: Module, multiplier: ModularMultiplier) -> None:
        modulus = self.p.modulus
        operands, factors = self.i.payload, multiplier.i.payload
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        at = pipe.cut(
            "difference",
            wanted=self.p.has_rank,
            high=add_modulo(m, operands.a, operands.b, modulus, name="high"),
            difference=subtract_modulo(m, operands.a, operands.b, modulus, name="difference"),
            w=operands.w,
        )
        pipe.finish(valid=multiplier.i.valid, ready=multiplier.i.ready)
        m.d.comb += [
            factors.a.eq(at.difference),
            factors.b.eq(at.w),
            factors.tag.eq(at.high),
            self.o.valid.eq(multiplier.o.valid),
            multiplier.o.ready.eq(self.o.ready),
            self.o.payload.high.eq(multiplier.o.payload.tag),
            self.o.payload.low.eq(multiplier.o.payload.r),
        ]

"""Multiplication modulo a constant: a multiplier, and any reducer behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..arith.iterative_multiplier import IterativeMultiplier, IterativeMultiplierParameters
from ..arith.multiplier import IntegerMultiplier, IntegerMultiplierParameters
from ..fabric.elastic import ElasticPipeline
from ..unit import Unit
from .reducer import Bound, Pipelining, ReducerParameters, Store, Table
from .streaming import StreamingParameters

__all__ = ["ModularMultiplier", "ModularMultiplierParameters", "product_bits"]

_LARGEST_DIGIT = 64


def product_bits(modulus: int, accumulate: bool = False) -> int:
    """Bits of the largest ``a * b [+ c]`` of residues: the width that a reducer needs."""
    return _largest(modulus, accumulate).bit_length()


def _largest(modulus: int, accumulate: bool) -> int:
    top = modulus - 1
    return top * top + (top if accumulate else 0)


@dataclass(frozen=True, kw_only=True)
class ModularMultiplierParameters:
    """Parameters of a modular multiplier.

    Parameters
    ----------
    reducer
        What reduces the product, at least :func:`product_bits` wide. Its tag is the tag of the
        multiplier.
    accumulate
        Whether a third operand is added to the product.
    digit_bits
        Bits of b that a cycle multiplies; None for what the reducer asks for: behind one that
        takes a product per cycle all of them, else the fewest that keep it busy.
    style
        Of :class:`~..arith.multiplier.IntegerMultiplierParameters` where all bits of b are
        multiplied at once, else of :class:`~..arith.iterative_multiplier.IterativeMultiplier`.
    pipeline
        Where a multiplier of one product per cycle has registers.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    reducer: ReducerParameters
    accumulate: bool = False
    digit_bits: int | None = None
    style: str = "chain"
    pipeline: Pipelining = Pipelining.STAGES

    def __post_init__(self) -> None:
        least = product_bits(self.modulus, self.accumulate)
        if self.reducer.width < least:
            raise ValueError(
                f"width of the reducer must be at least {least}, the bits of the largest product, "
                f"not {self.reducer.width}"
            )
        if not self.bounds[0].holds:
            raise ValueError(
                f"largest of the reducer must be at least {self.bounds[0].value}, the largest "
                f"product, not {self.bounds[0].limit}"
            )
        # Products on their way would meet a modulus that came after their operands.
        if getattr(self.reducer, "store", None) is Store.WRITABLE:
            raise ValueError("store of the reducer must be logic or block_ram, not 'writable'")
        _ = self.multiplier  # checks digit_bits and style

    @property
    def modulus(self) -> int:
        return self.reducer.modulus

    @property
    def residue_bits(self) -> int:
        """Bits of an operand and of the result, 0 to M - 1."""
        return self.reducer.residue_bits

    @property
    def tag_bits(self) -> int:
        """Bits that travel with the operands unchanged."""
        return self.reducer.tag_bits

    @property
    def factor(self) -> int:
        """The result is ``(a * b [+ c]) * factor mod M``."""
        return self.reducer.factor

    @property
    def iterative(self) -> bool:
        """Whether the multiplier takes several cycles for a product."""
        return self.digit_bits is not None or self.reducer.interval > 1

    @cached_property
    def multiplier(self) -> IntegerMultiplierParameters | IterativeMultiplierParameters:
        """Parameters of the integer multiplier."""
        n, tag = self.residue_bits, self.tag_bits
        if not self.iterative:
            return IntegerMultiplierParameters(
                a_bits=n, b_bits=n, style=self.style, pipeline=self.pipeline.value,
                tag_bits=tag + (n if self.accumulate else 0),
            )
        digits = range(1, min(n, _LARGEST_DIGIT) + 1)
        for digit_bits in [self.digit_bits] if self.digit_bits is not None else digits:
            found = IterativeMultiplierParameters(
                a_bits=n, b_bits=n, digit_bits=digit_bits, style=self.style, tag_bits=tag,
                addend_bits=n if self.accumulate else 0,
            )
            if found.interval <= self.reducer.interval:
                break
        return found

    @property
    def adds_after(self) -> bool:
        """Whether c is added to a product of a multiplier that cannot start from it."""
        return self.accumulate and not self.iterative

    @property
    def adds_rank(self) -> bool:
        """Whether a rank of registers follows the addition of c."""
        return self.adds_after and self.pipeline is not Pipelining.NONE

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """Largest value of each stage, in order; all of them hold."""
        largest = _largest(self.modulus, self.accumulate)
        reason = "(M - 1)^2 + (M - 1)" if self.accumulate else "(M - 1)^2"
        streaming = isinstance(self.reducer, StreamingParameters)
        limit = self.reducer.largest_operand if streaming else (1 << self.reducer.width) - 1
        product = Bound("product", largest, reason, limit)
        return product, *self.reducer.bounds

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table of residues in the hardware."""
        return self.reducer.tables

    @property
    def latency(self) -> int:
        """Cycles from the one that takes operands to the first that shows their residue."""
        return self.multiplier.latency + self.adds_rank + self.reducer.latency

    @property
    def interval(self) -> int:
        """Cycles from one set of operands to the next, where nothing stalls."""
        return max(self.multiplier.interval, self.reducer.interval)

    def create(self) -> ModularMultiplier:
        """Return the hardware."""
        return ModularMultiplier(self)


class ModularMultiplier(Unit):
    """``r = (a * b [+ c]) * factor mod M``.

    With Montgomery's reducer the factor is ``2^-n``: operands in Montgomery form, ``a 2^n mod M``
    and so on, give the product in Montgomery form, with c in the form ``c 2^2n mod M``; or one
    operand alone is in that form, such as a constant, and then the result is the plain product.

    Members
    -------
    i : In(stream)
        ``a``, ``b`` and, if it accumulates, ``c``, each 0 to M - 1; and ``tag`` if there is one.
    o : Out(stream)
        ``r``, 0 to M - 1, and the ``tag`` of its operands. Order is kept.

    Cycles: ``p.latency`` and ``p.interval``. They depend on no data, and not on what came before:
    operands are taken no faster than the slower of both parts can go, so that no product waits
    unless ``o`` stalls.
    """

    p: ModularMultiplierParameters

    def __init__(self, p: ModularMultiplierParameters) -> None:
        n = p.residue_bits
        addend = {"c": n} if p.accumulate else {}
        tag = {"tag": p.tag_bits} if p.tag_bits else {}
        operands = data.StructLayout({"a": n, "b": n, **addend, **tag})
        result = data.StructLayout({"r": n, **tag})
        super().__init__(
            p, {"i": In(stream.Signature(operands)), "o": Out(stream.Signature(result))}
        )

    def body(self) -> Module:
        p = self.p
        m = Module()
        m.submodules.multiplier = multiplier = (
            IterativeMultiplier(p.multiplier)
            if isinstance(p.multiplier, IterativeMultiplierParameters)
            else IntegerMultiplier(p.multiplier)
        )
        m.submodules.reducer = reducer = p.reducer.create()
        operands, factors = self.i.payload, multiplier.i.payload
        tag = [operands.tag] if p.tag_bits else []
        m.d.comb += [factors.a.eq(operands.a), factors.b.eq(operands.b)]
        if p.accumulate and not p.adds_after:
            m.d.comb += factors.addend.eq(operands.c)
        if p.multiplier.tag_bits:
            carried = [*tag, operands.c] if p.adds_after else tag
            m.d.comb += factors.tag.eq(Cat(*carried))
        go = self._pace(m, self.i.valid & multiplier.i.ready)
        m.d.comb += [
            multiplier.i.valid.eq(self.i.valid & go),
            self.i.ready.eq(multiplier.i.ready & go),
        ]
        self._connect(m, multiplier.o, reducer.i)
        m.d.comb += [
            self.o.valid.eq(reducer.o.valid),
            reducer.o.ready.eq(self.o.ready),
            self.o.payload.eq(reducer.o.payload),
        ]
        return m

    def _pace(self, m: Module, taken: Value) -> Value:
        """Whether an interval has passed since operands were taken, ``taken`` if it has."""
        if self.p.multiplier.interval >= self.p.reducer.interval:
            return Const(1, 1)
        wait = Signal(range(self.p.interval), name="wait")
        go = Signal()
        m.d.comb += go.eq(wait == 0)
        with m.If(~go):
            m.d.sync += wait.eq(wait - 1)
        with m.Elif(taken):
            m.d.sync += wait.eq(self.p.interval - 1)
        return go

    def _connect(self, m: Module, o: stream.Interface, i: stream.Interface) -> None:
        """Lead products to the reducer, and add c on the way."""
        p = self.p
        pipe = ElasticPipeline(m, valid=o.valid, ready=o.ready)
        x: Value = o.payload.product
        tag = {"tag": o.payload.tag[: p.tag_bits]} if p.tag_bits else {}
        if p.adds_after:
            total = Signal(len(x), name="total")
            m.d.comb += total.eq(x + o.payload.tag[p.tag_bits :])
            x = total
        at = pipe.cut("sum", wanted=p.adds_rank, x=x, **tag)
        pipe.finish(valid=i.valid, ready=i.ready)
        m.d.comb += i.payload.x.eq(at.x)
        if tag:
            m.d.comb += i.payload.tag.eq(at.tag)

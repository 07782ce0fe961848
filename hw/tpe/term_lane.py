"""Terms of an operand, one after another: its digits that are not 0, as signed powers of two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.digit_encoder import DigitEncoder, DigitEncoderParameters
from ..unit import Unit

__all__ = ["TermLane", "TermLaneParameters"]


@dataclass(frozen=True)
class TermLaneParameters:
    """Parameters of :class:`TermLane`: how the operand is written."""

    encoder: DigitEncoderParameters

    @property
    def exponents(self) -> int:
        """Exponents are below this: ``2^exponent`` is a digit 1 or 2, times its weight."""
        return self.encoder.encoding.digit_bits * self.encoder.digits

    @property
    def term_layout(self) -> data.StructLayout:
        """A term, as :class:`~.laconic.Laconic` takes it: 0, or plus or minus ``2^exponent``."""
        bits = max(1, (self.exponents - 1).bit_length())
        return data.StructLayout({"one": 1, "negative": 1, "exponent": unsigned(bits)})


class TermLane(Unit):
    """Go through the terms of an operand while the next one comes in.

    Members
    -------
    operand : In(shape)
    load : In(1)
        Take it as the next one.
    start : In(1)
        Go on with the next operand.
    step : In(1)
        Go on with the next term.
    rewind : In(1)
        Go back to the first term.
    term : Out
        From registers through gates; 0 after the last one.
    last : Out(1)
        There is no term after this one.
    """

    p: TermLaneParameters

    def __init__(self, p: TermLaneParameters) -> None:
        super().__init__(p, {
            "operand": In(p.encoder.operand_shape), "load": In(1), "start": In(1), "step": In(1),
            "rewind": In(1), "term": Out(p.term_layout), "last": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        count = p.encoder.digits
        m.submodules.encoder = encoder = DigitEncoder(p.encoder)
        loaded, digits = (
            Signal(p.encoder.layout, name=name, reset_less=True) for name in ("loaded", "digits")
        )
        done, pending, chosen = (Signal(count, name=n) for n in ("done", "pending", "chosen"))
        m.d.comb += [
            encoder.operand.eq(self.operand),
            chosen.eq(pending & (~pending + 1)),
            self.last.eq(~(pending & ~chosen).any()),
        ]
        for index in range(count):
            m.d.comb += pending[index].eq(digits[index].as_value()[:-1].any() & ~done[index])
        with m.If(self.load):
            m.d.sync += loaded.eq(encoder.digits)
        with m.If(self.start):
            m.d.sync += [digits.eq(loaded), done.eq(0)]
        with m.Elif(self.rewind):
            m.d.sync += done.eq(0)
        with m.Elif(self.step):
            m.d.sync += done.eq(done | chosen)
        # The digit 2 is the next power of two, whose number is odd.
        two = p.encoder.encoding.digit_bits == 2
        exponent = [_any(chosen & Cat(digit.two for digit in digits))] if two else []
        for bit in range(len(exponent), len(self.term.exponent)):
            number = bit - two
            exponent.append(_any(chosen[k] for k in range(count) if k >> number & 1))
        m.d.comb += [
            self.term.one.eq(pending.any()),
            self.term.negative.eq(_any(chosen & Cat(digit.negative for digit in digits))),
            self.term.exponent.eq(Cat(exponent)),
        ]
        return m


def _any(bits: Iterable[Value]) -> Value:
    """Whether a bit is set; 0 if there is none."""
    return Cat(*bits).any()

"""Sums of partial products of equal weight: many digits times as many operands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.compressors import CompressorTreeParameters, add_counters
from ..arith.digit_encoder import Encoding
from ..unit import Unit
from .partial_product import Row, split_digits

__all__ = ["SameWeightReducer", "SameWeightReducerParameters", "pair_words"]


@dataclass(frozen=True)
class SameWeightReducerParameters:
    """Parameters of a reducer.

    Attributes
    ----------
    row : Row
        Shape of the partial products; its shift is 0.
    depth : int
        K, digits and operands.
    encoding : Encoding
        Of the digits.
    exact : bool
        Whether the ``negative`` wires are added.
    stallable : bool
        Whether there is a port ``advance``.
    """

    row: Row
    depth: int
    encoding: Encoding
    exact: bool
    stallable: bool = False

    @property
    def width(self) -> int:
        """The least width that holds the largest total, so that no carry is lost.

        Words of n bits and a bit beside each, where that is added, make at most ``K 2^n``. With
        negative bits the bound is reached, by K products ``-2 * -2^(Wb-1)``: in radix 4 with K a
        power of two that takes ``Wb + 2 + log2 K`` bits.
        """
        largest = (1 << self.row.width) - 1 + self._bits
        return (self.depth * largest).bit_length()

    @property
    def _bits(self) -> int:
        return int(self.exact and self.row.negative)

    @cached_property
    def tree(self) -> CompressorTreeParameters:
        rows = ((0, self.row.width),) * self.depth + ((0, 1),) * (self.depth * self._bits)
        return CompressorTreeParameters(rows=rows, width=self.width, strategy="arrival")


class SameWeightReducer(Unit):
    """``sum + carry <= Σ_k word_k``, where ``word_k`` is the partial product ``digit_k * b_k``.

    The words are those of :mod:`.partial_product`: each is ``2^(n-1)`` too large, and as much too
    small as its ``negative`` wire tells unless ``exact``.

    Members
    -------
    digits : In(ArrayLayout(digit, K))
    b : In(ArrayLayout(b_width, K))
    advance : In(1)
        Nothing changes while it is 0; only if ``stallable``.
    sum, carry : Out(p.width)
        Latency 1 cycle. The two add up without a carry out of the top.
    """

    p: SameWeightReducerParameters

    def __init__(self, p: SameWeightReducerParameters) -> None:
        super().__init__(p, {
            "digits": In(data.ArrayLayout(p.encoding.layout, p.depth)),
            "b": In(data.ArrayLayout(p.row.b_width, p.depth)),
            **({"advance": In(1)} if p.stallable else {}),
            "sum": Out(p.width), "carry": Out(p.width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        lanes = range(p.depth)
        digits = split_digits([self.digits[k] for k in lanes])
        words: list[Value] = [
            p.row.build(m, digits[k], self.b[k], f"partial_product_{k}") for k in lanes
        ]
        if p.exact and p.row.negative:
            words += [digit.negative for digit in digits]
        place = {}
        for word in words:
            for bit in range(len(word)):
                place[len(place)] = word, bit
        pair = add_counters(m, p.tree.network, place)
        for port, name, word in zip((self.sum, self.carry), ("low", "high"), pair, strict=True):
            register = Signal(p.width, name=name, reset_less=True)
            with m.If(self.advance if p.stallable else 1):
                m.d.sync += register.eq(word)
            m.d.comb += port.eq(register)
        return m


def pair_words(tree: CompressorTreeParameters) -> tuple[tuple[int, int], tuple[int, int]]:
    """Shift and width of those parts of a tree's two words that are not always 0."""
    outputs = tree.network.outputs
    low = next((k for k, bits in enumerate(outputs) if len(bits) == 2), tree.width - 1)
    return (0, tree.width), (low, tree.width - low)

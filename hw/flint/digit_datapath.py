"""The digit datapath: signed digits of the weight select shifts of the activation's magnitude."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .datapath import Datapath, add_decoder
from .decoder import SignMagnitudeDecoder
from .digits import DigitSet, search_digits
from .patterns import code_patterns
from .select import select_ports
from .types import OperandFormats

__all__ = ["DigitDatapath", "WeightRecoder", "weight_digits"]


def weight_digits(weight: OperandFormats) -> DigitSet | None:
    """Return the cheapest digit set that writes every weight magnitude, None if there is none."""
    magnitudes = {abs(value) for each in weight.formats for value in each.values}
    return search_digits(frozenset(magnitudes))


@dataclass(frozen=True)
class DigitDatapath(Datapath):
    """Sign and magnitude travel along rows, sign and select bits of digits along columns.

    With the magnitude ``m`` and one partial product ``p_t`` for each digit (a selected shift of
    ``m``, negated where the digit is),

        P = sum_t p_t >= 0,    product = -P if the signs differ, else P.

    A negated ``p_t`` is its complement plus a carry; the carry sits in a bit that is free below
    the next digit's shifts. ``P`` is added or, complemented with a carry into the accumulator,
    subtracted. Of 4-bit int and flint the weight travels as 7 bits and the activation as 6, and no
    element multiplies or shifts by a variable.

    Raises
    ------
    ValueError
        If two digits do not write every weight magnitude.
    """

    name = "digit"

    def __post_init__(self) -> None:
        if weight_digits(self.weight) is None:
            raise ValueError(
                f"DigitDatapath.weight must be formats of at most two digits, not {self.weight}"
            )

    @property
    def digits(self) -> DigitSet:
        """The digit set of the weights."""
        digits = weight_digits(self.weight)
        assert digits is not None
        return digits

    @property
    def product_bits(self) -> int:
        """Bits of the largest ``P``."""
        return (self.activation.max_magnitude * self.weight.max_magnitude).bit_length()

    @property
    def activation_word(self) -> data.StructLayout:
        members: dict[str, object] = {"magnitude": self.activation.magnitude_width}
        if self.activation.any_signed:
            members["negative"] = 1
        return data.StructLayout(members)

    @property
    def weight_word(self) -> data.StructLayout:
        members: dict[str, object] = {}
        for index, term in enumerate(self.digits.terms):
            for shift in term.shifts:
                members[f"times_{1 << shift}" if index == 0 else f"plus_{1 << shift}"] = 1
            if term.negative:
                members["negate"] = 1
        members["negative"] = 1
        return data.StructLayout(members)

    def decode_activation(self, m: Module, code: Value, select: dict[str, Value]) -> Value:
        decoder = add_decoder(m, SignMagnitudeDecoder, self.activation, code, select)
        sign = [decoder.negative] if self.activation.any_signed else []
        return Cat(decoder.magnitude, *sign)

    def decode_weight(self, m: Module, code: Value, select: dict[str, Value]) -> Value:
        decoder = WeightRecoder(self)
        m.submodules += decoder
        m.d.comb += decoder.code.eq(code)
        for name in select_ports(self.weight):
            m.d.comb += getattr(decoder, name).eq(select[name])
        return decoder.word.as_value()

    def addend(self, m: Module, activation: data.View, weight: data.View) -> tuple[Value, Value]:
        width = self.product_bits
        partial_products = [
            self._selected(m, activation.magnitude, index, weight)
            for index in range(len(self.digits.terms))
        ]
        product = Signal(width)
        if len(partial_products) == 1:
            m.d.comb += product.eq(partial_products[0])
        else:
            low, high = partial_products
            if self.digits.terms[0].negative:
                # -low = ~low + 1, and the 1 sits in a bit that is free below the high digit.
                shift = self.digits.terms[0].shifts[0]
                negate = weight.negate
                complement = low[shift:] ^ negate.replicate(len(low) - shift)
                low = Cat(Const(0, shift), complement, negate.replicate(width))[:width]
                high = Cat(high[:shift], negate, high[shift + 1 :])
            m.d.comb += product.eq(low + high)
        subtract = Signal()
        sign = activation.negative if self.activation.any_signed else 0
        m.d.comb += subtract.eq(weight.negative ^ sign)
        return Cat(product ^ subtract.replicate(width), ~subtract), subtract

    def _selected(self, m: Module, magnitude: Value, index: int, weight: data.View) -> Value:
        """Return the shift of ``magnitude`` that a digit of the weight selects, 0 if none."""
        shifts = self.digits.terms[index].shifts
        prefix = ("times", "plus")[index]
        width = len(magnitude) + shifts[-1]
        partial_product = Signal(width, name=f"partial_product_{index}")
        choices = [
            Cat(Const(0, shift), magnitude, Const(0, shifts[-1] - shift))
            & weight[f"{prefix}_{1 << shift}"].replicate(width)
            for shift in shifts
        ]
        m.d.comb += partial_product.eq(reduce(or_, choices))
        return partial_product


class WeightRecoder(Unit):
    """From a weight code to sign and digits: each bit of the word is a sum of products.

    Combinational.

    Parameters
    ----------
    p : DigitDatapath
        Its weights and digits.

    Members
    -------
    code : In(bits)
        Code of the weight.
    kind : In(TypeKind)
        Type, where there is a choice.
    word : Out
        ``p.weight_word``.
    """

    def __init__(self, p: DigitDatapath) -> None:
        super().__init__(
            p, {"code": In(p.weight.bits), **select_ports(p.weight), "word": Out(p.weight_word)}
        )

    def body(self) -> Module:
        m = Module()
        weight = self.p.weight
        kind = [self.kind] if weight.select_kind else []
        whole = Cat(self.code, *kind)
        ones: dict[str, set[int]] = {name: set() for name in self.p.weight_word.members}
        for each in weight.formats:
            prefix = each.kind.value << weight.bits if kind else 0
            for code, value in enumerate(each.values):
                for name in self._set_bits(value):
                    ones[name].add(prefix | code)
        for name, words in ones.items():
            patterns = code_patterns(frozenset(words), len(whole))
            m.d.comb += self.word[name].eq(whole.matches(*patterns))
        return m

    def _set_bits(self, value: int) -> set[str]:
        """Return the names of the bits that are set in the word of a weight value."""
        digits = self.p.digits.digits(abs(value))
        assert digits is not None
        names = {"negative"} if value < 0 else set()
        for index, digit in enumerate(digits):
            if digit:
                names.add(f"times_{abs(digit)}" if index == 0 else f"plus_{digit}")
            if digit < 0:
                names.add("negate")
        return names

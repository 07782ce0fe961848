"""Datapaths: what travels through the array for each operand, and how two of them multiply.

A datapath is the part of a processing element that differs between designs. It says how a code
becomes the word that travels along a row (activations) or a column (weights), and how two words
become the addend of the accumulator. Four are built:

=======  ==========================================  =============================================
name     travelling words                            product
=======  ==========================================  =============================================
plain    the integers                                multiplier
shift    base and exponent of each                   multiplier, then shift by the exponent sum
naive    the codes and their types                   decoders in every element, then as shift
digit    sign and magnitude; signed digits           selected shifts of the magnitude, added
=======  ==========================================  =============================================

Offset addends
--------------
An addend is unsigned: with ``q`` the datapath's :attr:`~Datapath.product_bits`,

    addend + carry = product + 2^q,     0 <= addend < 2^(q+1),

so that the accumulator above bit ``q`` is an incrementer and no sign extension is added. The
offset ``2^q`` that every accumulating cycle adds is removed at the border, once per column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data

from ..unit import Unit
from .decoder import BaseExponentDecoder, IntegerDecoder, range_shape
from .select import select_ports
from .types import OperandFormats

__all__ = [
    "Datapath", "NaiveDatapath", "PlainDatapath", "ShiftDatapath", "add_decoder",
    "product_range",
]  # fmt: skip


def product_range(activation: OperandFormats, weight: OperandFormats) -> tuple[int, int]:
    """Return the smallest and largest product of the two operands."""
    corners = [
        a * w
        for a in (activation.value_min, activation.value_max)
        for w in (weight.value_min, weight.value_max)
    ]
    return min(corners), max(corners)


@dataclass(frozen=True)
class Datapath(ABC):
    """The operands of an array and how they travel and multiply.

    Parameters
    ----------
    activation, weight : OperandFormats
        The formats of the operands.

    Raises
    ------
    ValueError
        If this datapath cannot multiply the formats.
    """

    activation: OperandFormats
    weight: OperandFormats

    name: ClassVar[str]

    @property
    @abstractmethod
    def activation_word(self) -> data.StructLayout:
        """Layout of the word that travels along a row; all zeros is the number 0."""

    @property
    @abstractmethod
    def weight_word(self) -> data.StructLayout:
        """Layout of the word that travels along a column; all zeros is the number 0."""

    @property
    def product_bits(self) -> int:
        """``q``: the smallest with ``-2^q <= product < 2^q``."""
        low, high = product_range(self.activation, self.weight)
        return max(high.bit_length(), (~low).bit_length() if low < 0 else 0)

    @abstractmethod
    def decode_activation(self, m: Module, code: Value, select: dict[str, Value]) -> Value:
        """Return the activation word of ``code``, adding what it takes to ``m``."""

    @abstractmethod
    def decode_weight(self, m: Module, code: Value, select: dict[str, Value]) -> Value:
        """Return the weight word of ``code``, adding what it takes to ``m``."""

    @abstractmethod
    def addend(self, m: Module, activation: data.View, weight: data.View) -> tuple[Value, Value]:
        """Return ``(addend, carry)`` of one product."""

    def offset(self, product: Value) -> tuple[Value, Value]:
        """Return the offset addend of a signed product of ``q + 1`` bits: its sign inverted."""
        return Cat(product[:-1], ~product[-1]), Const(0, 1)


def add_decoder(
    m: Module, kind: type[Unit], formats: OperandFormats, code: Value, select: dict[str, Value]
) -> Unit:
    """Add a decoder of ``code`` to ``m``, its select ports connected, and return it."""
    decoder = kind(formats)
    m.submodules += decoder
    m.d.comb += decoder.code.eq(code)
    for port in select_ports(formats):
        m.d.comb += getattr(decoder, port).eq(select[port])
    return decoder


class _AlikeDatapath(Datapath):
    """A datapath that treats both operands alike."""

    @staticmethod
    @abstractmethod
    def _word(formats: OperandFormats) -> data.StructLayout:
        """Return the layout of the word of either operand."""

    @abstractmethod
    def _decode(
        self, m: Module, formats: OperandFormats, code: Value, select: dict[str, Value]
    ) -> Value:
        """Return the word of ``code``, adding what it takes to ``m``."""

    @property
    def activation_word(self) -> data.StructLayout:
        return self._word(self.activation)

    @property
    def weight_word(self) -> data.StructLayout:
        return self._word(self.weight)

    def decode_activation(self, m: Module, code: Value, select: dict[str, Value]) -> Value:
        return self._decode(m, self.activation, code, select)

    def decode_weight(self, m: Module, code: Value, select: dict[str, Value]) -> Value:
        return self._decode(m, self.weight, code, select)


class _Decoding(_AlikeDatapath):
    """A datapath whose words are the outputs of one kind of decoder at the border."""

    _decoder: ClassVar[type[Unit]]

    def _decode(
        self, m: Module, formats: OperandFormats, code: Value, select: dict[str, Value]
    ) -> Value:
        decoder = add_decoder(m, self._decoder, formats, code, select)
        return Cat(Value.cast(getattr(decoder, name)) for name in self._word(formats).members)


class PlainDatapath(_Decoding):
    """Integers travel; every element multiplies them.

    For int alone this is the plain integer array; other types travel as wide as their values.
    """

    name = "plain"
    _decoder = IntegerDecoder

    @staticmethod
    def _word(formats: OperandFormats) -> data.StructLayout:
        return data.StructLayout({"value": range_shape(formats.value_min, formats.value_max)})

    def addend(self, m: Module, activation: data.View, weight: data.View) -> tuple[Value, Value]:
        product = Signal(signed(self.product_bits + 1))
        m.d.comb += product.eq(activation.value * weight.value)
        return self.offset(product)


def _shifted_product(
    m: Module,
    activation: data.View | Unit,
    weight: data.View | Unit,
    datapath: Datapath,
) -> Value:
    """Return ``base * base << exponent sum``; the sum keeps its carry."""
    width = datapath.product_bits + 1
    product = Signal(signed(width), name="base_product")
    m.d.comb += product.eq(activation.base * weight.base)
    scaled = [
        (word.exponent, formats.exponent_unit)
        for word, formats in ((activation, datapath.activation), (weight, datapath.weight))
        if formats.exponent_width
    ]
    if not scaled:
        return product
    unit = min(own for _, own in scaled)
    terms = [exponent if own == unit else exponent << (own // unit - 1) for exponent, own in scaled]
    total = Signal(Shape.cast(sum(terms[1:], terms[0]).shape()).width, name="exponent_sum")
    m.d.comb += total.eq(sum(terms[1:], terms[0]))
    for index in range(len(total)):
        shifted = Signal(signed(width), name=f"shifted_{unit << index}")
        m.d.comb += shifted.eq(Mux(total[index], product << (unit << index), product))
        product = shifted
    return product


class ShiftDatapath(_Decoding):
    """Base and exponent travel; every element multiplies the bases and shifts the product.

    The published design (ANT, MICRO 2022), with an exponent sum that keeps its carry.
    """

    name = "shift"
    _decoder = BaseExponentDecoder

    @staticmethod
    def _word(formats: OperandFormats) -> data.StructLayout:
        base = range_shape(formats.base_min, formats.base_max)
        exponent = {"exponent": formats.exponent_width} if formats.exponent_width else {}
        return data.StructLayout({"base": base, **exponent})

    def addend(self, m: Module, activation: data.View, weight: data.View) -> tuple[Value, Value]:
        return self.offset(_shifted_product(m, activation, weight, self))


class NaiveDatapath(_AlikeDatapath):
    """Codes travel with their types; every element has both decoders and shifts as above.

    The design that border decoding replaces, kept for comparison.
    """

    name = "naive"

    @staticmethod
    def _word(formats: OperandFormats) -> data.StructLayout:
        members: dict[str, object] = {"code": formats.bits}
        members.update({name: 2 if name == "kind" else 1 for name in select_ports(formats)})
        return data.StructLayout(members)

    def _decode(
        self, m: Module, formats: OperandFormats, code: Value, select: dict[str, Value]
    ) -> Value:
        return Cat(code, *(select[name] for name in select_ports(formats)))

    def addend(self, m: Module, activation: data.View, weight: data.View) -> tuple[Value, Value]:
        words = []
        for formats, word in ((self.activation, activation), (self.weight, weight)):
            select = {name: word[name] for name in select_ports(formats)}
            decoder = add_decoder(m, BaseExponentDecoder, formats, word.code, select)
            words.append(decoder)
        return self.offset(_shifted_product(m, *words, self))

"""What a user would write for ``x mod M``: a remainder, and Barrett and Montgomery with ``*``.

All have an operand register in front and a residue register behind, and one result per cycle; the
multiplications are registered, as anybody would who looks at the first timing report.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from gatewright.hw.unit import Unit

__all__ = ["BarrettByStar", "MontgomeryByStar", "PlainParameters", "Remainder"]


@dataclass(frozen=True)
class PlainParameters:
    """Modulus M of n bits; operands have 2n."""

    modulus: int

    @property
    def bits(self) -> int:
        return self.modulus.bit_length()


class _Plain(Unit, ABC):
    def __init__(self, p: PlainParameters) -> None:
        super().__init__(p, {"x": In(2 * p.bits), "r": Out(p.bits)})

    def body(self) -> Module:
        m = Module()
        x = Signal(2 * self.p.bits)
        m.d.sync += [x.eq(self.x), self.r.eq(self.residue(m, x))]
        return m

    @abstractmethod
    def residue(self, m: Module, x: Signal) -> Value:
        """Return ``x mod M``, of so many registered stages as it wants."""

    def register(self, m: Module, value: Value, name: str) -> Signal:
        register = Signal(len(value), name=name, reset_less=True)
        m.d.sync += register.eq(value)
        return register


class Remainder(_Plain):
    """``x % M``."""

    def residue(self, m: Module, x: Signal) -> Value:
        return x % self.p.modulus


class BarrettByStar(_Plain):
    """q = (x >> n-1)·floor(2^2n / M) >> n+1, r = x - q·M, two conditional subtractions."""

    def residue(self, m: Module, x: Signal) -> Value:
        n, modulus = self.p.bits, self.p.modulus
        product = self.register(m, (x >> (n - 1)) * (2 ** (2 * n) // modulus), "product")
        x_1 = self.register(m, x, "x_1")
        multiple = self.register(m, (product >> (n + 1)) * modulus, "multiple")
        x_2 = self.register(m, x_1, "x_2")
        rest = self.register(m, (x_2 - multiple)[: n + 2], "rest")
        once = Mux(rest >= modulus, rest - modulus, rest)
        less = self.register(m, once[: n + 1], "less")
        return Mux(less >= modulus, less - modulus, less)[:n]


class MontgomeryByStar(_Plain):
    """q = x·(-M^-1) mod 2^n, r = (x + q·M) >> n, one conditional subtraction: r = x·2^-n mod M."""

    def residue(self, m: Module, x: Signal) -> Value:
        n, modulus = self.p.bits, self.p.modulus
        inverse = -pow(modulus, -1, 2**n) % 2**n
        quotient = self.register(m, (x[:n] * inverse)[:n], "quotient")
        x_1 = self.register(m, x, "x_1")
        multiple = self.register(m, quotient * modulus, "multiple")
        x_2 = self.register(m, x_1, "x_2")
        rest = self.register(m, ((x_2 + multiple) >> n)[: n + 1], "rest")
        return Mux(rest >= modulus, rest - modulus, rest)[:n]

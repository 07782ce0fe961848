"""Moduli that need no method, and those that are odd but for a power of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from amaranth.hdl import Cat, Module

from .reducer import Bound, Reducer, ReducerParameters, Table

__all__ = [
    "Normalised", "NormalisedParameters", "Truncation", "TruncationParameters", "normalised",
]


@dataclass(frozen=True, kw_only=True)
class TruncationParameters(ReducerParameters):
    """Parameters of :class:`Truncation`.

    Raises
    ------
    ValueError
        The modulus is no power of two, and an operand can reach it.
    """

    architecture: ClassVar[str] = "truncation"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.modulus & (self.modulus - 1) and 1 << self.width > self.modulus:
            raise ValueError(
                f"modulus must be a power of two or above every operand of {self.width} bits, "
                f"not {self.modulus}"
            )

    @property
    def bounds(self) -> tuple[Bound, ...]:
        operand = (1 << self.width) - 1
        return (
            Bound("operand", operand, "input"),
            Bound("residue", min(operand, self.modulus - 1), "low bits", self.modulus - 1),
        )

    @property
    def latency(self) -> int:
        return 0

    @property
    def interval(self) -> int:
        return 1

    def create(self) -> Truncation:
        return Truncation(self)


class Truncation(Reducer):
    """``r`` is the low bits of ``x``: M is a power of two, or above every operand.

    Members: as :class:`.Reducer`.

    Purely combinational.
    """

    p: TruncationParameters

    def body(self) -> Module:
        m = Module()
        m.d.comb += [
            self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready),
            self.o.payload.r.eq(self.i.payload.x),
        ]
        if self.p.tag_bits:
            m.d.comb += self.o.payload.tag.eq(self.i.payload.tag)
        return m


@dataclass(frozen=True, kw_only=True)
class NormalisedParameters(ReducerParameters):
    """Parameters of :class:`Normalised`.

    Parameters
    ----------
    inner
        Reducer by M / 2^t of ``width - t`` bits, whose tag is t bits wider.

    Raises
    ------
    ValueError
        The inner reducer is not of that shape, or its result has a factor.
    """

    inner: ReducerParameters

    architecture: ClassVar[str] = "normalised"

    def __post_init__(self) -> None:
        super().__post_init__()
        inner, shift = self.inner, self.shift
        if shift < 1 or inner.modulus << shift != self.modulus:
            raise ValueError(
                f"modulus must be the inner one, {inner.modulus}, times 2 or a higher power of two,"
                f" not {self.modulus}"
            )
        for name, value in (
            ("width", self.width - shift), ("tag_bits", self.tag_bits + shift), ("factor", 1)
        ):
            if getattr(inner, name) != value:
                raise ValueError(
                    f"inner {name} must be {value}, not {getattr(inner, name)}"
                )

    @property
    def shift(self) -> int:
        """t: the bits below that no reduction changes."""
        return self.width - self.inner.width

    @property
    def bounds(self) -> tuple[Bound, ...]:
        t = self.shift
        return (
            Bound("operand", (1 << self.width) - 1, "input"),
            *self.inner.bounds,
            Bound(
                "joined_residue", ((self.inner.modulus - 1) << t) + (1 << t) - 1,
                f"the residue above the low {t} bits of X", self.modulus - 1,
            ),
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.inner.tables

    @property
    def latency(self) -> int:
        return self.inner.latency

    @property
    def interval(self) -> int:
        return self.inner.interval

    def create(self) -> Normalised:
        return Normalised(self)


class Normalised(Reducer):
    """``X mod 2^t M' = (X >> t mod M') 2^t + X mod 2^t``: the low bits travel as a tag.

    Members: as :class:`.Reducer`.

    Cycles: those of the inner reducer.
    """

    p: NormalisedParameters

    def body(self) -> Module:
        m = Module()
        t = self.p.shift
        m.submodules.inner = inner = self.p.inner.create()
        x = self.i.payload.x
        below = [x[:t], self.i.payload.tag] if self.p.tag_bits else [x[:t]]
        m.d.comb += [
            inner.i.payload.x.eq(x[t:]),
            inner.i.payload.tag.eq(Cat(*below)),
            inner.i.valid.eq(self.i.valid),
            self.i.ready.eq(inner.i.ready),
            self.o.payload.r.eq(Cat(inner.o.payload.tag[:t], inner.o.payload.r)),
            self.o.valid.eq(inner.o.valid),
            inner.o.ready.eq(self.o.ready),
        ]
        if self.p.tag_bits:
            m.d.comb += self.o.payload.tag.eq(inner.o.payload.tag[t:])
        return m


def normalised(
    modulus: int, width: int, tag_bits: int, make: Callable[[int, int, int], ReducerParameters]
) -> ReducerParameters:
    """Return a reducer by any modulus from 2 on, for any width.

    Parameters
    ----------
    make
        ``make(modulus, width, tag_bits)`` returns a reducer by an odd modulus from 3 on, of at
        least as many bits; called with the odd part of ``modulus`` if there is anything to do.
    """
    shift = (modulus & -modulus).bit_length() - 1
    if modulus >> shift <= 1 or width < modulus.bit_length():
        return TruncationParameters(modulus=modulus, width=width, tag_bits=tag_bits)
    inner = make(modulus >> shift, width - shift, tag_bits + shift)
    if shift == 0:
        return inner
    return NormalisedParameters(modulus=modulus, width=width, tag_bits=tag_bits, inner=inner)

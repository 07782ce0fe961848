"""Montgomery's method for a constant modulus: two constant multiplications in signed digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Mux, Value

from ..arith.signed_digits import naf
from .adder_tree import Row
from .datapath import Datapath
from .multiples import Multiples
from .quotient import roundest
from .reducer import Bound, Pipelining, Reducer
from .streaming import StreamingParameters
from .summation import Summation

__all__ = ["Montgomery", "MontgomeryParameters", "UpperProduct"]

_Digits = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class UpperProduct:
    """``(X - q M) >> n`` from the columns from ``low`` on, where ``X - q M = U 2^n`` exactly.

    With ``g = n - low`` guard columns and all rows of q M truncated at ``low``::

        Z = (X >> low) - Σ ±(|d| q 2^p >> low) = U 2^g + (Σ_{d>0} t - Σ_{d<0} t - x) / 2^low

    where ``t`` is what truncation drops of a row and x of X. So ``U = (Z + offset) >> g`` if::

        Σ_{d<0} t_max + 2^low - 1 < (offset + 1) 2^low
        Σ_{d>0} t_max < (2^g - offset) 2^low

    No carry out of the low half is needed: that it is 0 says what the truncated columns were.
    """

    digits: _Digits
    quotient: int
    low: int
    guard: int

    def truncated(self, negative: bool) -> int:
        """Largest sum of what is dropped of the rows of one sign."""
        return sum(
            min((1 << self.low) - (1 << position), abs(digit) * self.quotient << position)
            for digit, position in self.digits
            if position < self.low and (digit < 0) is negative
        )

    @property
    def kept(self) -> _Digits:
        """Digits whose row reaches column ``low``."""
        return tuple(
            (digit, position) for digit, position in self.digits
            if (abs(digit) * self.quotient << position) >> self.low
        )

    @property
    def offset(self) -> int | None:
        """The offset with the fewest bits; None if there is none."""
        unit = (1 << self.low) - 1
        least = (self.truncated(True) + unit) >> self.low
        most = (1 << self.guard) - 1 - (self.truncated(False) >> self.low)
        return roundest(least, most)


@dataclass(frozen=True, kw_only=True)
class MontgomeryParameters(StreamingParameters):
    """Parameters of :class:`Montgomery`, and those of :class:`.StreamingParameters`.

    ``width`` is at most 2n. Where ``largest`` is below ``M 2^n``, as any product of residues is, or
    the width below 2n, the upper half of X is a residue; else M is taken off it first.

    Parameters
    ----------
    inverse_naf, modulus_naf
        Width of the non-adjacent form of ``M^-1 mod 2^n`` and of M, 2 to 8.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    inverse_naf: int = 4
    modulus_naf: int = 4

    architecture: ClassVar[str] = "montgomery_mcm"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("inverse_naf", "modulus_naf"):
            if not 2 <= getattr(self, name) <= 8:
                raise ValueError(f"{name} must be from 2 to 8, not {getattr(self, name)}")
        if self.width > 2 * self.modulus_bits:
            raise ValueError(
                f"width must be at most {2 * self.modulus_bits}, twice the bits of the modulus, "
                f"not {self.width}"
            )

    @property
    def factor(self) -> int:
        return pow(2, -self.modulus_bits, self.modulus)

    @property
    def upper(self) -> int:
        """Largest ``X >> n``."""
        return self.largest_operand >> self.modulus_bits

    @property
    def subtracts_first(self) -> bool:
        """Whether the upper half of X can be M or more, and loses M then."""
        return self.upper >= self.modulus

    @cached_property
    def inverse(self) -> _Digits:
        """Signed digits of ``M^-1`` modulo ``2^n``, at least one of them positive."""
        n = self.modulus_bits
        digits = naf(pow(self.modulus, -1, 1 << n), self.inverse_naf)
        digits = tuple(each for each in digits if each[1] < n)
        if all(digit < 0 for digit, _ in digits):
            # -d = d - 2 d: a sum has to start from a row that is added.
            (digit, position), *rest = digits
            pair = ((-digit, position), (digit, position + 1))
            digits = tuple(each for each in (*pair, *rest) if each[1] < n)
        return digits

    @cached_property
    def quotient(self) -> Summation:
        """q = (X mod 2^n) M^-1 modulo ``2^n``."""
        n = self.modulus_bits
        largest = min(self.largest_operand, (1 << n) - 1)
        rows = tuple(
            Row(position, abs(digit) * largest, digit < 0) for digit, position in self.inverse
        )
        return Summation(rows, 0, n)

    @cached_property
    def product(self) -> UpperProduct:
        """The second product, with the fewest guard columns that suffice."""
        n = self.modulus_bits
        digits = naf(self.modulus, self.modulus_naf)
        for guard in range(n + 1):
            found = UpperProduct(digits, (1 << n) - 1, n - guard, guard)
            if found.offset is not None:
                return found
        raise AssertionError("without truncation an offset of 0 is right")

    @cached_property
    def difference(self) -> Summation:
        """The sum of the second product; the first row is X from column ``low`` on."""
        at = self.product
        assert at.offset is not None
        upper = min(self.upper, self.modulus - 1)
        rows = tuple(
            Row(
                max(0, position - at.low),
                abs(digit) * at.quotient >> max(0, at.low - position),
                digit > 0,
            )
            for digit, position in at.kept
        )
        operand = Row(0, max(1, (upper << at.guard) + (1 << at.guard) - 1))
        return Summation((operand, *rows), at.offset, at.guard + self.modulus_bits + 1)

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        at, m, n = self.product, self.modulus, self.modulus_bits
        assert at.offset is not None
        error = (at.truncated(False) >> at.low) + at.offset
        first = "less M where that is not negative" if self.subtracts_first else "X >> n"
        upper = min(self.upper, m - 1)
        return (
            Bound("operand", self.largest_operand, "input"),
            Bound("upper_operand", upper, first, m - 1),
            Bound("quotient", (1 << n) - 1, f"modulo 2^{n}"),
            Bound(
                "guard_columns", error, f"truncated rows and offset {at.offset}",
                (1 << at.guard) - 1,
            ),
            Bound("difference", upper, "upper operand - (q M >> n), above -M", m - 1),
            Bound("residue", m - 1, "one addition of M where the difference is negative", m - 1),
        )

    @property
    def cuts(self) -> tuple[Pipelining, ...]:
        levels = Pipelining.LEVELS
        return (
            *((levels,) * Multiples.of(self.inverse).levels), *self.quotient.cuts(self.style),
            *((levels,) * Multiples.of(self.product.kept).levels),
            *self.difference.cuts(self.style), Pipelining.STAGES,
        )

    def create(self) -> Montgomery:
        return Montgomery(self)


class Montgomery(Reducer):
    """``r = X 2^-n mod M`` as ``(X - q M) / 2^n`` with ``q = X M^-1 mod 2^n``.

    The difference is a multiple of ``2^n`` and, as the upper half of X is a residue, lies in
    ``-M < U < M``; a negative one gets M. Of the first product only the low half is built, of the
    second only the upper half and a few guard columns: :class:`UpperProduct`.

    Members: as :class:`.Reducer`.

    Cycles: ``p.latency``, one residue per cycle.

    Notes
    -----
    P. Montgomery, "Modular multiplication without trial division", Mathematics of Computation 44
    (1985), with the inverse of M instead of its negative: the low halves are then equal, and no
    carry comes out of them.
    """

    p: MontgomeryParameters

    def body(self) -> Module:
        m = Module()
        p, at = self.p, self.p.product
        n = p.modulus_bits
        data = Datapath(m, self)
        x = data["x"]
        data["lower"] = x[:n]
        # Of an operand of n bits without guard columns there is nothing left.
        above = Cat(x[at.low : n], self._upper(x[n:]))
        data["operand"] = above if len(above) else Const(0, 1)
        data.drop(["x"])

        multiples = Multiples.of(p.inverse)
        wanted: dict[int, int] = {}
        for digit, position in p.inverse:
            wanted[abs(digit)] = max(wanted.get(abs(digit), 0), n - position)
        data.multiply("lower", multiples, multiples.bits((1 << n) - 1, wanted))
        factors = [Multiples.name("lower", abs(digit)) for digit, _ in p.inverse]
        data.retain("lower", factors)
        data.add("quotient", p.quotient, factors, lambda _, value: value)
        data.merge("quotient", n)

        multiples = Multiples.of(at.kept)
        wanted = {v: (v * at.quotient).bit_length() for v in multiples.wanted}
        data.multiply("quotient", multiples, multiples.bits(at.quotient, wanted))
        names = [Multiples.name("quotient", abs(digit)) for digit, _ in at.kept]
        data.retain("quotient", names)

        def row(index: int, value: Value) -> Value:
            return value[max(0, at.low - at.kept[index - 1][1]) :] if index else value

        data.add("total", p.difference, ["operand", *names], row)
        data.merge("total", p.difference.bits)
        data["difference"] = data["total"][at.guard :]
        data.drop(["total"])
        data.correct("difference", p.modulus)
        data.finish("residue")
        return m

    def _upper(self, upper: Value) -> Value:
        """The upper half of X as a residue."""
        if not self.p.subtracts_first:
            return upper
        less = (upper - self.p.modulus)[: len(upper) + 1]
        return Mux(less[-1], upper, less[:-1])

"""Barrett's method for a constant modulus: two constant multiplications in signed digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from amaranth.hdl import Module

from ..arith.signed_digits import naf
from .adder_tree import Row
from .datapath import Datapath
from .multiples import Multiples
from .quotient import QuotientEstimate, estimate_quotient
from .reducer import Bound, Pipelining, Reducer
from .streaming import StreamingParameters
from .summation import Summation

__all__ = ["Barrett", "BarrettParameters"]


@dataclass(frozen=True, kw_only=True)
class BarrettParameters(StreamingParameters):
    """Parameters of :class:`Barrett`, and those of :class:`.StreamingParameters`.

    Parameters
    ----------
    reciprocal_naf, modulus_naf
        Width of the non-adjacent form of the reciprocal and of M, 2 to 8: digits are odd and
        below ``2^(width-1)``, at least ``width`` places apart. Wider forms have fewer rows and
        more multiples to share.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    reciprocal_naf: int = 4
    modulus_naf: int = 4

    architecture: ClassVar[str] = "barrett_mcm"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("reciprocal_naf", "modulus_naf"):
            if not 2 <= getattr(self, name) <= 8:
                raise ValueError(f"{name} must be from 2 to 8, not {getattr(self, name)}")

    @property
    def estimate(self) -> QuotientEstimate:
        """The first product, and why its result is near enough to the quotient."""
        return estimate_quotient(self.modulus, self.largest_operand, self.reciprocal_naf)

    @cached_property
    def quotient(self) -> Summation:
        """Sum of the first product; the quotient lies above its guard columns."""
        at = self.estimate
        assert at.offset is not None
        return Summation(at.rows, at.offset, at.guard + at.quotient.bit_length())

    @cached_property
    def digits(self) -> tuple[tuple[int, int], ...]:
        """Signed digits of M."""
        return naf(self.modulus, self.modulus_naf)

    @cached_property
    def difference(self) -> Summation:
        """X - q M, modulo ``2^(n+1)``; the first row is X."""
        width = self.modulus_bits + 1
        largest = self.estimate.quotient
        rows = tuple(
            Row(position, abs(digit) * largest, digit > 0) for digit, position in self.digits
        )
        operand = Row(0, min(self.largest_operand, (1 << width) - 1))
        return Summation((operand, *rows), 0, width)

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        at, m = self.estimate, self.modulus
        cut, reciprocal, added, subtracted = at.errors
        terms = (
            f"X < 2^{at.cut} cut off {float(cut):.4f}, reciprocal {float(reciprocal):.4f}, "
            f"truncated rows +{float(added):.4f} -{float(subtracted):.4f}, offset "
            f"{at.offset} / 2^{at.guard}"
        )
        return (
            Bound("operand", self.largest_operand, "input"),
            Bound("upper_operand", at.operand, f"X >> {at.cut}"),
            Bound("quotient", at.quotient, "X / M + 1, as X - q M >= -M"),
            Bound("difference", at.remainder, f"(error + 1) M - M; {terms}", m - 1),
            Bound("residue", m - 1, "one addition of M where the difference is negative", m - 1),
        )

    @property
    def cuts(self) -> tuple[Pipelining, ...]:
        levels = Pipelining.LEVELS
        return (
            *((levels,) * self.estimate.multiples.levels), *self.quotient.cuts(self.style),
            *((levels,) * Multiples.of(self.digits).levels), *self.difference.cuts(self.style),
            Pipelining.STAGES,
        )

    def create(self) -> Barrett:
        return Barrett(self)


class Barrett(Reducer):
    """``r = X mod M`` as ``X - q M``, with ``q`` the quotient or one more.

    The quotient is a truncated product of the upper part of X and the reciprocal of M; its errors
    and the offset that takes care of them are proven in :class:`.QuotientEstimate`. The second
    product is built modulo ``2^(n+1)``, where its difference to X is exact, and M is added to a
    negative difference. Both are sums of shifted odd multiples; Solinas and pseudo-Mersenne primes
    have a handful of digits, so that this is the method for them as well.

    Members: as :class:`.Reducer`.

    Cycles: ``p.latency``, one residue per cycle.

    Notes
    -----
    P. Barrett, "Implementing the Rivest Shamir and Adleman public key encryption algorithm on a
    standard digital signal processor", CRYPTO 1986. Odd multiples: width-w NAF, Solinas 2000.
    """

    p: BarrettParameters

    def body(self) -> Module:
        m = Module()
        p, at = self.p, self.p.estimate
        data = Datapath(m, self)
        x = data["x"]
        data["upper"] = x[at.cut :][: at.operand.bit_length()]
        data["lower"] = x[: p.modulus_bits + 1]
        data.drop(["x"])

        bits = at.multiples.bits(
            at.operand, {v: (v * at.operand).bit_length() for v in at.multiples.wanted}
        )
        data.multiply("upper", at.multiples, bits)
        names = [Multiples.name("upper", abs(digit)) for digit, _ in at.digits]
        data.retain("upper", names)
        data.add(
            "product", p.quotient, names,
            lambda row, value: value[max(0, at.low - at.digits[row][1]) :],
        )
        data.merge("product", p.quotient.bits)
        data["quotient"] = data["product"][at.guard :][: at.quotient.bit_length()]
        data.drop(["product"])

        multiples = Multiples.of(p.digits)
        width = p.difference.bits
        wanted: dict[int, int] = {}
        for digit, position in p.digits:
            wanted[abs(digit)] = max(wanted.get(abs(digit), 0), width - position)
        data.multiply("quotient", multiples, multiples.bits(at.quotient, wanted))
        factors = ["lower"] + [Multiples.name("quotient", abs(digit)) for digit, _ in p.digits]
        data.retain("quotient", factors)
        data.add("difference", p.difference, factors, lambda _, value: value)
        data.merge("difference", width)
        data.correct("difference", p.modulus)
        data.finish("residue")
        return m

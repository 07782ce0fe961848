"""Digit statistics: how much work the digits of a tensor or of a distribution are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .encodings import Encoding, check_operand, encode, parse_encoding

__all__ = ["DigitStatistics", "digit_statistics", "expected_cycles", "expected_maximum"]


@dataclass(frozen=True)
class DigitStatistics:
    """What the digits of some numbers are like.

    Attributes
    ----------
    encoding, width, signed
        How the numbers are written.
    total
        How many numbers there are; 1 for a distribution.
    histogram
        How many of them have 0, 1, ... digits other than 0.
    by_weight
        How many of them have a digit other than 0 at each weight, the least weight first.
    """

    encoding: Encoding
    width: int
    signed: bool
    total: float
    histogram: tuple[float, ...]
    by_weight: tuple[float, ...]

    @property
    def digits(self) -> float:
        """How many digits are other than 0, in all."""
        return sum(self.by_weight)

    @property
    def mean(self) -> float:
        """Digits other than 0 for each number."""
        return self.digits / self.total

    @property
    def density(self) -> float:
        """Share of the digits that are other than 0."""
        return self.mean / len(self.by_weight)

    @property
    def most(self) -> int:
        """The most digits other than 0 that a number has."""
        return max(count for count, numbers in enumerate(self.histogram) if numbers)

    def probabilities(self, minimum: int = 0) -> NDArray[np.float64]:
        """Return the probability of each digit count; counts below `minimum` become `minimum`."""
        shares = np.array(self.histogram) / self.total
        if minimum:
            shares[minimum] += shares[:minimum].sum()
            shares[:minimum] = 0
        return shares


def digit_statistics(
    values: NDArray[Any],
    encoding: str,
    width: int,
    signed: bool,
    frequencies: NDArray[np.float64] | None = None,
) -> DigitStatistics:
    """Count the digits of `values`.

    Parameters
    ----------
    values
        Integers of any shape, at least one.
    encoding, width, signed
        How they are written.
    frequencies
        How often each value counts, in the shape of `values`; once if None.

    Raises
    ------
    InputError
        If the encoding is unknown, there is no value, or one is not of that format.
    """
    kind = parse_encoding(encoding)
    checked = check_operand("values", values, width, signed)
    if not checked.size:
        raise InputError("values must hold at least one number, not none")
    if frequencies is None:
        # There are often fewer different values than values.
        checked, counts = np.unique(checked, return_counts=True)
        frequencies = counts.astype(np.float64)
    digits = encode(checked.ravel(), kind, width, signed) != 0
    often = frequencies.ravel()
    per_value = np.count_nonzero(digits, axis=1)
    histogram = np.bincount(per_value, often, minlength=digits.shape[1] + 1)
    by_weight = often @ digits
    return DigitStatistics(
        kind, width, signed, float(often.sum()), tuple(histogram.tolist()),
        tuple(by_weight.tolist()),
    )  # fmt: skip


def expected_cycles(statistics: DigitStatistics, group: int | None, minimum: int) -> float:
    """Cycles that one of many independent operands takes on average.

    With `p_w` the share of operands that have a digit at weight w, a group of G operands has none
    there in `(1 - p_w)^G` of all cases, and then takes `minimum` (0 or 1) cycles:
    `sum of p_w + minimum (1 - p_w)^G / G` over w. Without groups the digits of an operand follow
    each other, and `minimum` is that of an operand.
    """
    if group is None:
        shares = statistics.probabilities(minimum)
        return float(shares @ np.arange(len(shares)))
    present = np.array(statistics.by_weight) / statistics.total
    return float((present + minimum * (1 - present) ** group / group).sum())


def expected_maximum(probabilities: NDArray[np.float64], terms: int, rivals: int) -> float:
    """Expect the largest of `rivals` sums, each of `terms` independent numbers.

    `probabilities[i]` is the probability that a number is i.
    """
    total = np.ones(1)
    for _ in range(terms):
        total = np.convolve(total, probabilities)
    below = np.cumsum(total) ** rivals
    return float(np.sum(1 - below[:-1]))

"""Distributions of operands, for expectations that no sample blurs: a probability per number.

Each function returns `float64 [2^width]`, the probability of every number of `width` bits, the
least number first. Source of the definitions: the project's brief, section 2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .encodings import operand_range

__all__ = ["gaussian", "laplace", "numbers", "rectified", "uniform"]

Probabilities = NDArray[np.float64]


def numbers(width: int, signed: bool) -> NDArray[np.int64]:
    """Return every number of that format, ascending."""
    low, high = operand_range(width, signed)
    return np.arange(low, high + 1, dtype=np.int64)


def uniform(width: int, signed: bool) -> Probabilities:
    """Every number as often as any other."""
    operand_range(width, signed)
    return np.full(1 << width, 1 / (1 << width))


def gaussian(deviation: float, width: int) -> Probabilities:
    """Normal with mean 0, drawn again if outside the signed range, then rounded."""
    _check("deviation", deviation)
    low, high = operand_range(width, True)
    edges = np.clip(np.arange(low, high + 2) - 0.5, low, high) / (deviation * math.sqrt(2))
    return _normalised(np.diff([math.erf(edge) for edge in edges]))


def laplace(scale: float, width: int) -> Probabilities:
    """Probability in proportion to `exp(-|x| / scale)`, signed."""
    _check("scale", scale)
    return _normalised(np.exp(-np.abs(numbers(width, True)) / scale))


def rectified(probabilities: Probabilities) -> Probabilities:
    """Return the distribution of `max(x, 0)` for signed x."""
    half = len(probabilities) // 2
    result = np.zeros_like(probabilities)
    result[half:] = probabilities[half:]
    result[half] += probabilities[:half].sum()
    return result


def _normalised(mass: Probabilities) -> Probabilities:
    probabilities: Probabilities = mass / mass.sum()
    return probabilities


def _check(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} must be a positive number, not {value!r}")

"""Units of int8 codes: one real number per tensor, symmetric about 0.

A tensor with the largest magnitude `a` gets the unit `a / 127`, so that no code of the calibration
data is clipped and -128 is left to saturation. A tensor of zeros gets the unit 1/127.

    code(x) = sat_8(floor(x / unit + 1/2))

Ties go up, as in the engine's own requantisation, not to even.
"""

from __future__ import annotations

import numpy as np

from .fixed import saturate
from .graph import Integers, Reals

__all__ = ["LARGEST", "codes_of", "rounded", "unit_of"]

LARGEST = 127


def unit_of(*tensors: Reals, least: float = 0.0) -> float:
    """Return the unit that suits tensors together, no less than `least`."""
    peak = max((float(np.abs(each).max()) for each in tensors if each.size), default=0.0)
    return max(peak / LARGEST, least) or 1.0 / LARGEST


def rounded(x: Reals) -> Integers:
    """Return the nearest integers, ties up, of numbers below 2^62 in magnitude."""
    return np.floor(x + 0.5).astype(np.int64)


def codes_of(x: Reals, unit: float, bits: int = 8) -> Integers:
    """Return the codes of real numbers."""
    limit = float(1 << bits)
    return saturate(rounded(np.clip(x / unit, -limit, limit)), bits)

"""Proofs that sums of 32 bits do not overflow, from degrees and formats.

A sum over the in-edges of a vertex wraps modulo 2^32: a saturating one would depend on the order of
the edges. So the compiler proves for the graph at hand that no sum reaches 2^31, or refuses:

    sum, mean:  128 d < 2^31                           d the largest in-degree
    GCN, APPNP: 128 max_v sum over u in N(v) of c_u < 2^31,  c_u = floor(2^F / sqrt(d_u) + 1/2)
    GAT:        128 d 2^PB < 2^31
    GIN:        128 (d 2^E + |I|) < 2^31               I the immediate of 1 + eps, E its fraction
    matrices:   128 sum over k of |w_kn| + |b_n| < 2^31  in every column n

Fraction bits (F, PB, E): as many as are asked for, or the most with which the bound holds. The
brief's default is 12 and its limit 14; with 14 a factor 1 still fits i16.

Source: the project's brief, section 7; the lines of GIN and of matrices are ours.
"""

from __future__ import annotations

from collections.abc import Callable

from ...errors import InputError

__all__ = [
    "DEFAULT_FRACTION_BITS", "MAX_FRACTION_BITS", "fitting_bits", "require_accumulator",
    "require_fraction_bits",
]  # fmt: skip

DEFAULT_FRACTION_BITS = 12
MAX_FRACTION_BITS = 14
_ACCUMULATOR_LIMIT = 2**31


def require_accumulator(name: str, bound: int, largest_degree: int) -> None:
    """Raise InputError unless a bound is below 2^31."""
    if bound >= _ACCUMULATOR_LIMIT:
        raise InputError(
            f"{name} must be proven below 2^31, not {bound}, where the largest in-degree is "
            f"{largest_degree}"
        )


def require_fraction_bits(name: str, bits: int, least: int = 0) -> None:
    """Raise InputError unless a number of fraction bits is in least..14."""
    if not least <= bits <= MAX_FRACTION_BITS:
        raise InputError(f"{name} must be in {least}..{MAX_FRACTION_BITS}, not {bits}")


def fitting_bits(bound: Callable[[int], int], most: int, least: int = 0) -> int:
    """Return the largest number of fraction bits in least..most with which a bound holds.

    Where none does, it returns `least`, and the proof of the finished layer refuses.
    """
    fitting = (bits for bits in range(most, least, -1) if bound(bits) < _ACCUMULATOR_LIMIT)
    return next(fitting, least)

"""What whole designs compute: reduction, products, and the butterflies of transforms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["OPERANDS", "butterfly", "factor", "multiply_accumulate", "reduce"]

OPERANDS = {
    "reduce": ("x",),
    "multiply": ("a", "b"),
    "multiply_accumulate": ("a", "b", "c"),
    "butterfly": ("a", "b", "w"),
}
"""The operands of each operation. All but x are residues, 0 to M - 1."""


def factor(architecture: str, modulus: int) -> int:
    """What an architecture multiplies its result by: 1, or Montgomery's 2^-n mod M."""
    if architecture == "montgomery_mcm":
        return pow(2, -modulus.bit_length(), modulus)
    return 1


def reduce(xs: Iterable[int], modulus: int, scale: int = 1) -> list[int]:
    """``x scale mod M`` of each x."""
    if scale == 1:
        return [x % modulus for x in xs]
    return [x * scale % modulus for x in xs]


def multiply_accumulate(
    a: Sequence[int], b: Sequence[int], c: Sequence[int], modulus: int, scale: int = 1
) -> list[int]:
    """``(a b + c) scale mod M``; with c of zeros, the product."""
    return reduce((x * y + z for x, y, z in zip(a, b, c, strict=True)), modulus, scale)


def butterfly(
    a: Sequence[int],
    b: Sequence[int],
    w: Sequence[int],
    modulus: int,
    *,
    gentleman_sande: bool = False,
    scale: int = 1,
) -> tuple[list[int], list[int]]:
    """High and low outputs, modulo M; ``scale`` multiplies every product with w.

    ::

        Cooley-Tukey       high = a + w b     low = a - w b
        Gentleman-Sande    high = a + b       low = (a - b) w
    """
    factors = [twiddle * scale % modulus for twiddle in w]
    high, low = [], []
    for x, y, twiddle in zip(a, b, factors, strict=True):
        if gentleman_sande:
            high.append((x + y) % modulus)
            low.append((x - y) * twiddle % modulus)
        else:
            high.append((x + y * twiddle) % modulus)
            low.append((x - y * twiddle) % modulus)
    return high, low

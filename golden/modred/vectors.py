"""Operands that find the mistakes of reducers, in named classes; all from one seed.

Random operands find wrong tables. Quotient estimates and final corrections go wrong only next to
multiples of M, and some only where the bits that the estimate drops have no slack: for those there
are the *sharp* operands.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence

__all__ = ["classes", "largest_sums", "mixed", "residue_tuples", "residues", "sharp"]


def classes(
    modulus: int, width: int, rng: random.Random, count: int = 20
) -> dict[str, list[int]]:
    """Return operands below 2^W by class; ``count`` of each random class.

    A class that has no operand below 2^W is left out.
    """
    made: dict[str, Iterable[int]] = {
        "extremes": _extremes(modulus, width),
        "group boundaries": _boundaries(modulus, width),
        "one bit": (sign + (1 << at) for at in range(width) for sign in (-1, 0)),
        "patterns": _patterns(width),
        "largest sums": largest_sums(modulus, width),
        "low half": _low_halves(modulus, width, rng, count),
    }
    for name, draw in _draws(modulus, width, rng).items():
        made[name] = [draw() for _ in range(count)]
    made["sharp"] = sharp(modulus, width, rng, count)
    kept = {
        name: list(dict.fromkeys(x for x in xs if 0 <= x < 1 << width))
        for name, xs in made.items()
    }
    return {name: xs for name, xs in kept.items() if xs}


def mixed(modulus: int, width: int, rng: random.Random, count: int) -> list[int]:
    """Return ``count`` operands for volume: mostly random ones, and next to multiples of M.

    Every class of `classes` is there once, as far as ``count`` goes.
    """
    base = [x for xs in classes(modulus, width, rng).values() for x in xs]
    draws = _draws(modulus, width, rng)
    quick = [draws["random"], draws["random"], draws["next to a multiple"], draws["sparse"]]
    base += sharp(modulus, width, rng, max(0, count - len(base)) // 5)
    rest = max(0, count - len(base))
    base += [quick[index % len(quick)]() for index in range(rest)]
    del base[count:]
    rng.shuffle(base)
    return base


def sharp(modulus: int, width: int, rng: random.Random, count: int) -> list[int]:
    """Return operands ``q M + {-1, 0, 1}`` where the low n - 2 bits of q M are a small j.

    ``q = j M^-1 mod 2^(n-2)``, and anything above: of an estimate from the bits above n - 2, the
    error terms have no slack there. For an even ``M = 2^t M'`` the same of M', shifted by t.
    """
    zeros = (modulus & -modulus).bit_length() - 1
    odd = modulus >> zeros
    low = max(0, odd.bit_length() - 2)
    inverse = pow(odd, -1, 1 << low) if low else 0
    most = ((1 << width) - 1 >> zeros) // odd
    made = []
    for index in range(count if most else 0):
        q = rng.choice((0, 0, 1, 1, 2, 3, 5)) * inverse & (1 << low) - 1
        if q <= most:
            q += rng.randint(0, most - q >> low) << low
            made.append(q * odd + index % 3 - 1 << zeros)
    return [x for x in made if 0 <= x < 1 << width]


def largest_sums(
    modulus: int,
    width: int,
    sizes: Iterable[int] = (2, 3, 4),
    begins: Sequence[int] = (),
) -> list[int]:
    """Return operands whose bit groups all have the largest residues that a group can have.

    Such an operand meets the exact bound of a sum of tables. For each size of groups there are
    some for each bit where the first group may begin (``begins``; by default all from n - 1 that
    make a difference). Below it are all ones, or the largest number 1 less than a multiple of M.
    """
    n = modulus.bit_length()
    made = []
    for size in sizes:
        for begin in begins or range(n - 1, min(n - 1 + size, width)):
            high = 0
            for at in range(begin, width, size):
                weight = pow(2, at, modulus)
                groups = range(1 << min(size, width - at))
                residues_of_groups = [v * weight % modulus for v in groups]
                high |= residues_of_groups.index(max(residues_of_groups)) << at
            ones = (1 << begin) - 1
            made += [high | ones, high | max(0, (ones + 1) // modulus * modulus - 1)]
    return made


def residues(modulus: int) -> list[int]:
    """Return the extreme residues: the ends, both halves, and the powers of two below M."""
    n = modulus.bit_length()
    near = [0, 1, 2, modulus - 1, modulus - 2, modulus // 2, modulus // 2 + 1, (1 << n - 1) - 1,
            1 << n - 1, 1 << n // 2, (1 << n // 2) - 1]  # fmt: skip
    return list(dict.fromkeys(x for x in near if 0 <= x < modulus))


def residue_tuples(
    modulus: int, size: int, rng: random.Random, count: int = 20
) -> dict[str, list[tuple[int, ...]]]:
    """Return tuples of residues by class; ``count`` of each but ``extremes``.

    ``extremes``: every pair of `residues`, the rest of the tuple drawn from them. ``next to a
    multiple``: the second entry is ``d a^-1 mod M`` for a small d, so that the product of the
    first two is d modulo M, as near to a multiple as can be.
    """
    extreme = residues(modulus)

    def rest(draw: Callable[[], int], given: int) -> tuple[int, ...]:
        return tuple(draw() for _ in range(size - given))

    def near() -> tuple[int, ...]:
        a = rng.randrange(1, modulus)
        while math.gcd(a, modulus) > 1:
            a = rng.randrange(1, modulus)
        b = rng.choice((-2, -1, 0, 1, 2)) * pow(a, -1, modulus) % modulus
        return (a, b, *rest(lambda: rng.choice(extreme), 2))

    made = {
        "extremes": [
            (a, b, *rest(lambda: rng.choice(extreme), 2)) for a in extreme for b in extreme
        ],
        "random": [rest(lambda: rng.randrange(modulus), 0) for _ in range(count)],
        "next to a multiple": [near() for _ in range(count)],
    }
    return {name: list(dict.fromkeys(tuples)) for name, tuples in made.items()}


def _extremes(modulus: int, width: int) -> list[int]:
    n, top = modulus.bit_length(), (1 << width) - 1
    largest = top // modulus * modulus
    square = modulus * modulus
    return [
        0, 1, modulus - 1, modulus, modulus + 1, 2 * modulus - 1, 2 * modulus, 2 * modulus + 1,
        (modulus - 1) ** 2, square - 1, square, square + 1, modulus << n, (modulus << n) - 1,
        *(x + sign for x in (largest, 1 << n, 1 << n - 1, 1 << 2 * n) for sign in (-1, 0, 1)),
        top, top - 1,
    ]  # fmt: skip


def _boundaries(modulus: int, width: int) -> Iterable[int]:
    """Multiples of M on both sides of each power of two that may be a group's boundary."""
    n = modulus.bit_length()
    for at in range(n, width + 1, max(1, (width - n) // 64)):
        below = (1 << at) // modulus * modulus
        for multiple in (below, below + modulus):
            yield from (multiple - 1, multiple, multiple + 1)


def _patterns(width: int) -> Iterable[int]:
    ones = (1 << width) - 1
    half = width // 2
    yield from (ones // 3, ones // 3 << 1 & ones, ones << half & ones, ones >> half, ones ^ 1)
    for size in (3, 4, 8):  # one digit of ones in each group, and its complement
        comb = sum(1 << at for at in range(0, width, size))
        yield from (comb, ones ^ comb)


def _low_halves(modulus: int, width: int, rng: random.Random, count: int) -> Iterable[int]:
    """A low half of 0, 1 or all ones: the carries of Montgomery's method."""
    n = modulus.bit_length()
    for _ in range(count if width > n else 0):
        high = rng.getrandbits(width - n) << n
        yield from (high, high + 1, high | (1 << n) - 1)


def _draws(
    modulus: int, width: int, rng: random.Random
) -> dict[str, Callable[[], int]]:
    ones = (1 << width) - 1
    most = ones // modulus

    def bits() -> int:
        return rng.getrandbits(width)

    def few() -> int:
        x = 0
        for _ in range(rng.randint(1, 6)):
            x |= 1 << rng.randrange(width)
        return x

    return {
        "random": bits,
        "next to a multiple": lambda: (
            rng.randint(0, most) * modulus + rng.choice((-1, 0, 1)) & ones
        ),
        "sparse": few,
        "dense": lambda: ones ^ few(),
        "short": lambda: rng.getrandbits(rng.randint(1, width)),
    }

"""Two-level minimisation: the codes for which a bit is set, as few patterns with don't-cares."""

from __future__ import annotations

from itertools import combinations

__all__ = ["code_patterns"]


def code_patterns(ones: frozenset[int], width: int) -> list[str]:
    """Cover ``ones`` by patterns for :meth:`amaranth.hdl.Value.matches`.

    Prime implicants after Quine and McCluskey, then a greedy cover. Exact, not always minimal.

    Parameters
    ----------
    ones : set of int
        The words for which the function is 1.
    width : int
        Bits of a word.
    """
    primes: set[tuple[int, int]] = set()
    current = {(word, 0) for word in ones}
    while current:
        merged: set[tuple[int, int]] = set()
        used: set[tuple[int, int]] = set()
        for first, second in combinations(sorted(current), 2):
            difference = first[0] ^ second[0]
            if first[1] == second[1] and difference & (difference - 1) == 0:
                merged.add((first[0] & ~difference, first[1] | difference))
                used |= {first, second}
        primes |= current - used
        current = merged
    left = set(ones)
    chosen = []
    while left:
        best = max(sorted(primes), key=lambda prime: len(_covered(prime, left)))
        left -= _covered(best, left)
        chosen.append(best)
    return [_pattern(word, free, width) for word, free in sorted(chosen)]


def _covered(prime: tuple[int, int], words: set[int]) -> set[int]:
    word, free = prime
    return {each for each in words if each & ~free == word}


def _pattern(word: int, free: int, width: int) -> str:
    return "".join(
        "-" if free >> bit & 1 else str(word >> bit & 1) for bit in reversed(range(width))
    )

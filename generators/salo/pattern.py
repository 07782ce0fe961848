"""Patterns: which keys each query attends to, told a few rows at a time.

A pattern is the union of its terms, cut by causality where asked for. It is never held as a matrix:
a pattern of 65,536 tokens has 4 G pairs of which a few million are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..checks import check_range
from .terms import GlobalRows, Integers, Term

__all__ = ["MAX_TOKENS", "Pattern", "Progress", "chunks"]

MAX_TOKENS = 65_536
"""Longest sequence of a program."""

PAIRS_AT_ONCE = 1 << 20

Progress = Callable[[str, float], None]
"""Told the name of a step and the part of it that is done, 0 to 1."""


@dataclass(frozen=True, init=False, eq=False)
class Pattern:
    """A set of allowed (query, key) pairs.

    Parameters
    ----------
    queries, keys
        Tokens on each side; they may differ (cross attention).
    terms
        Whose union it is.
    causal
        Whether only keys up to the query's own index are allowed. With unequal lengths indices
        start together, as `is_causal` of PyTorch has it.
    """

    queries: int
    keys: int
    terms: tuple[Term, ...]
    causal: bool = False

    def __init__(
        self, queries: int, keys: int, terms: Iterable[Term], causal: bool = False
    ) -> None:
        check_range("queries", queries, 1, MAX_TOKENS)
        check_range("keys", keys, 1, MAX_TOKENS)
        for name, value in (
            ("queries", queries), ("keys", keys), ("terms", tuple(terms)), ("causal", causal)
        ):  # fmt: skip
            object.__setattr__(self, name, value)
        if not self.terms:
            raise InputError("terms must be at least one, not none")
        for term in self.terms:
            term.check(queries, keys)

    def pairs(self, queries: Integers) -> tuple[Integers, Integers]:
        """Return the pairs of the queries listed, each once.

        Returns
        -------
        tuple
            Places in the list and keys, sorted by place and then key.
        """
        parts = []
        for term in self.terms:
            place, key = term.pairs(queries, self.keys)
            parts.append(place * self.keys + key)
        code = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if (code[1:] <= code[:-1]).any():
            # What a term says is mostly sorted already: runs, which this sort merges.
            code = np.sort(code, kind="stable")
            code = code[np.concatenate([[True], code[1:] != code[:-1]])]
        place, key = np.divmod(code, self.keys)
        if self.causal:
            allowed = key <= queries[place]
            place, key = place[allowed], key[allowed]
        return place, key

    def block(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return rows `start..stop-1` as a matrix, bool [stop - start, keys]."""
        place, key = self.pairs(np.arange(start, stop))
        matrix = np.zeros((stop - start, self.keys), np.bool_)
        matrix[place, key] = True
        return matrix

    @cached_property
    def global_queries(self) -> tuple[int, ...]:
        """The queries declared to see every key; where riders have their own projections."""
        declared = (term.tokens for term in self.terms if isinstance(term, GlobalRows))
        return tuple(sorted({token for tokens in declared for token in tokens}))

    @cached_property
    def counts(self) -> Integers:
        """Keys of each query, int64 [queries]."""
        return self._rows[0]

    @cached_property
    def signatures(self) -> NDArray[np.uint64]:
        """A number for each query's set of keys: equal sets have equal ones, uint64 [queries]."""
        return self._rows[1]

    @property
    def allowed(self) -> int:
        """Allowed pairs (nnz)."""
        return int(self.counts.sum())

    @property
    def density(self) -> float:
        """Share of the pairs that are allowed."""
        return self.allowed / (self.queries * self.keys)

    @cached_property
    def _rows(self) -> tuple[Integers, NDArray[np.uint64]]:
        names = np.random.default_rng(0).integers(0, 1 << 64, self.keys, np.uint64)
        counts = np.zeros(self.queries, np.int64)
        signatures = np.zeros(self.queries, np.uint64)
        for queries in chunks(self, np.arange(self.queries)):
            place, key = self.pairs(queries)
            counts[queries] = np.bincount(place, minlength=len(queries))
            filled = np.flatnonzero(counts[queries])
            begin = np.cumsum(counts[queries])[filled] - counts[queries][filled]
            if len(filled):
                signatures[queries[filled]] = np.add.reduceat(names[key], begin)
        return counts, signatures


def chunks(pattern: Pattern, queries: Integers) -> Iterator[Integers]:
    """Yield the queries in pieces of about `PAIRS_AT_ONCE` pairs.

    The pairs of a query are guessed from a few that stand evenly in the list: a wrong guess costs
    memory or time, nothing else.
    """
    sample = queries[np.linspace(0, len(queries) - 1, min(len(queries), 16)).astype(np.int64)]
    mean = max(1, len(pattern.pairs(sample)[0]) // len(sample))
    step = max(1, PAIRS_AT_ONCE // mean)
    for start in range(0, len(queries), step):
        yield queries[start : start + step]

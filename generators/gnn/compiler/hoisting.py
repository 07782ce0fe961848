"""Which values of level 0 go to memory in a pass of their own; brief section 3, steps 2 and 7.

A value that sources' rows are computed from is computed once for each source of each shard, or
once for each vertex and then read. What is better depends on the graph and on the engine's
memories, so all sets are tried and the cheapest is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from ....errors import InputError
from ..program import Program
from .ir import Value

__all__ = ["MOST_CANDIDATES", "best", "hoisting_sets"]

MOST_CANDIDATES = 6

def hoisting_sets(values: Sequence[Value]) -> Iterator[frozenset[Value]]:
    """Return all subsets of values, the small ones first.

    Where there are more than six, those of the last six, which the others lead to, and the whole.
    """
    few = values[-MOST_CANDIDATES:]
    for size in range(len(few) + 1):
        yield from map(frozenset, combinations(few, size))
    if len(few) < len(values):
        yield frozenset(values)


def best(
    sets: Iterator[frozenset[Value]],
    make: Callable[[frozenset[Value]], Program],
    score: Callable[[Program], tuple[float, ...]],
) -> frozenset[Value]:
    """Return the set whose program has the lowest score, the first of equal ones.

    Raises
    ------
    InputError
        If none can be made: the complaint about the last, the one with all of them.
    """
    found: tuple[tuple[float, ...], frozenset[Value]] | None = None
    complaint: InputError | None = None
    for each in sets:
        try:
            program = make(each)
        except InputError as error:
            complaint = error
            continue
        value = score(program)
        if found is None or value < found[0]:
            found = (value, each)
    if found is None:
        assert complaint is not None
        raise complaint
    return found[1]

"""Balanced reduction of many operands with an associative operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["reduce_tree"]

T = TypeVar("T")


def reduce_tree(operator: Callable[[T, T], T], operands: Iterable[T]) -> T:
    """Combine ``operands`` pairwise, in order, in ``ceil(log2(count))`` levels.

    Parameters
    ----------
    operator
        Associative function of two operands, such as ``operator.or_``.
    operands
        At least one operand.

    Raises
    ------
    ValueError
        There is no operand.
    """
    level = list(operands)
    if not level:
        raise ValueError("operands must hold at least one operand, not none")
    while len(level) > 1:
        pairs = [operator(low, high) for low, high in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[2 * len(pairs) :]
    return level[0]

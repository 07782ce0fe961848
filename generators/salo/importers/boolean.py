"""Patterns from boolean masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ....errors import InputError
from ...checks import check_range
from ..pattern import MAX_TOKENS, Pattern
from ..terms import Explicit

__all__ = ["from_boolean", "from_rows"]

Rows = Callable[[int, int], NDArray[np.bool_]]

PAIRS_AT_ONCE = 1 << 22
"""Entries of a mask that are looked at in one piece."""


def from_boolean(mask: Tensor | NDArray[Any]) -> Pattern:
    """Return the pattern of a mask [queries, keys], true where a query attends to a key.

    Dimensions of batch and heads may stand before if they are 1.

    Raises
    ------
    InputError
        If it is not boolean (an additive bias is not a mask), or has another shape.
    """
    array = mask.detach().cpu().numpy() if isinstance(mask, Tensor) else np.asarray(mask)
    if array.dtype != np.bool_:
        raise InputError(f"mask must be boolean (a bias is not supported), not {array.dtype}")
    if array.ndim < 2 or any(size != 1 for size in array.shape[:-2]):
        raise InputError(
            f"mask must be one matrix [queries, keys], not of shape {list(array.shape)}"
        )
    queries, keys = array.shape[-2:]
    matrix = array.reshape(queries, keys)
    return from_rows(queries, keys, lambda start, stop: matrix[start:stop])


def from_rows(queries: int, keys: int, rows: Rows) -> Pattern:
    """Return the pattern whose rows `start..stop-1` a function tells, bool [stop - start, keys]."""
    check_range("queries", queries, 1, MAX_TOKENS)
    check_range("keys", keys, 1, MAX_TOKENS)
    counts, tokens = [], []
    for start, stop in _pieces(queries, keys):
        row, key = np.nonzero(rows(start, stop))
        counts.append(np.bincount(row, minlength=stop - start))
        tokens.append(key.astype(np.int32))
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    return Pattern(queries, keys, [Explicit(indptr, np.concatenate(tokens))])


def _pieces(queries: int, keys: int) -> Iterator[tuple[int, int]]:
    size = max(1, PAIRS_AT_ONCE // keys)
    for start in range(0, queries, size):
        yield start, min(queries, start + size)

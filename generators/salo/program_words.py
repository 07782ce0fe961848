"""Words of a program: which bits of a descriptor mean what.

A descriptor has one 64-bit word for each part of the array, little-endian: the block word, then a
word for each gather column, each segment and each rider row. A tile of an array with 2 segments,
1 gather column and 1 rider row takes 40 bytes. See :mod:`.program` for what stands around them.

Bits are numbered from the least significant one; bits not named are 0. "Place" counts entries of
the index lists.

**Block word**

=====  ==========  =============================================================================
bits   field       meaning
=====  ==========  =============================================================================
0      first       the sums of all rows are cleared before the tile
1      last        the rows are normalised and written after the tile
2      listed      queries come from a list
8-15   count       not listed: rows 0 to count - 1 have a query, the others none
16-39  base        not listed: query of row 0; listed: place of the R entries of the list
40-55  step        not listed: row i has query `base + step * i`
=====  ==========  =============================================================================

All tiles of a block have the same queries. A tile with neither queries nor `first` or `last` is
there for riders.

**Gather word** (column x)

=====  ==========  =============================================================================
0-1    mode        0: no keys; 1: rows low to high - 1 have key `base + step * i`, the others none;
                   2: keys come from a list
2-9    low         mode 1
10-17  high        mode 1
18-41  base        mode 1: signed; mode 2: place of the R entries of the list
42-58  step        mode 1; 0 is one key for all rows
=====  ==========  =============================================================================

**Segment word** (segment s; element (i, j) is that of row i and column `s * Cs + j`)

=====  ==========  =============================================================================
0-1    kind        0: no tokens; 1, band: port p has token `base + step * p`, if it is one of the
                   sequence; 2, circulant: port p has entry `p mod Cs` of a list of step entries,
                   if there is one
2-3    mask        0: elements that have a query and a token work; 1: those of them in columns
                   `low <= j < high`; 2: those of them whose mask bit is on
4-27   base        band: signed; circulant: place of the list
28-43  step        band: distance of tokens; circulant: number of keys, 1 to Cs
44-51  low         mask 1
52-59  high        mask 1
44-63  number      mask 2: number of the mask
=====  ==========  =============================================================================

Port p of a segment serves the diagonal `i - j = p - (Cs - 1)`.

**Rider word** (row g)

=====  ==========  =============================================================================
0      active      a rider is under way
1      first       its sums are cleared before the tile
2      last        it is normalised and written after the tile
3-4    mask        0: no keys; 1: all that are there; 2: those of columns `low <= c < high`; 3:
                   those whose mask bit is on
5-20   query       its query
21-28  low         mask 2
29-36  high        mask 2
21-40  number      mask 3: number of the rider mask
41-60  base        private feeds: column c has key `base + c`, if it is one of the sequence
=====  ==========  =============================================================================

With shared keys column c of a rider has the token of element (R - 1, c), whether or not that row
has a query and whatever the element's mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = ["BLOCK", "GATHER", "RIDER", "SEGMENT", "Field", "pack", "unpack"]

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Field:
    """Bits `low .. low + width - 1` of a word."""

    low: int
    width: int
    signed: bool = False


BLOCK = {
    "first": Field(0, 1), "last": Field(1, 1), "listed": Field(2, 1), "count": Field(8, 8),
    "base": Field(16, 24), "step": Field(40, 16),
}  # fmt: skip

GATHER = {
    "mode": Field(0, 2), "low": Field(2, 8), "high": Field(10, 8), "base": Field(18, 24, True),
    "step": Field(42, 17),
}  # fmt: skip

SEGMENT = {
    "kind": Field(0, 2), "mask": Field(2, 2), "base": Field(4, 24, True), "step": Field(28, 16),
    "low": Field(44, 8), "high": Field(52, 8), "number": Field(44, 20),
}  # fmt: skip

RIDER = {
    "active": Field(0, 1), "first": Field(1, 1), "last": Field(2, 1), "mask": Field(3, 2),
    "query": Field(5, 16), "low": Field(21, 8), "high": Field(29, 8), "number": Field(21, 20),
    "base": Field(41, 20),
}  # fmt: skip


def pack(fields: dict[str, Field], values: dict[str, Any]) -> Words:
    """Return words with the fields given, which must not overlap unless one is 0.

    Raises
    ------
    InputError
        If a value does not fit its field.
    """
    arrays = np.broadcast_arrays(*(np.asarray(value, np.int64) for value in values.values()))
    word = np.zeros(arrays[0].shape, np.uint64)
    for (name, _), value in zip(values.items(), arrays, strict=True):
        field = fields[name]
        least = -(1 << field.width - 1) if field.signed else 0
        wrong = (value < least) | (value >= least + (1 << field.width))
        if wrong.any():
            raise InputError(
                f"{name} of a descriptor must be {least} to {least + (1 << field.width) - 1}, not "
                f"{value[wrong].flat[0]}"
            )
        bits = (value & (1 << field.width) - 1).astype(np.uint64)
        word |= bits << np.uint64(field.low)
    return word


def unpack(fields: dict[str, Field], words: Words) -> dict[str, NDArray[np.int64]]:
    """Return all fields of the words."""
    result = {}
    for name, field in fields.items():
        mask = np.uint64((1 << field.width) - 1)
        value = (words >> np.uint64(field.low) & mask).astype(np.int64)
        if field.signed:
            value = np.where(value >> field.width - 1 & 1, value - (1 << field.width), value)
        result[name] = value
    return result

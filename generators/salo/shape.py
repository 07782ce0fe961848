"""The shape of the array that tiles are made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import InputError
from ..checks import check_range

__all__ = ["MAX_COLUMNS", "MAX_HEAD", "MAX_ROWS", "ArrayShape", "check_range"]

MAX_ROWS = MAX_COLUMNS = 128
MAX_GATHER = 8
MAX_GLOBAL_ROWS = 4
MAX_HEAD = 256
"""Most elements of a query, key or value."""


@dataclass(frozen=True)
class ArrayShape:
    """An array of `rows` x `cols` elements in `segments`, with gather columns and rider rows.

    In a segment of `Cs = cols / segments` columns, element (i, j) works on the pair of query i and
    the token of port `i - j + Cs - 1`: a token moves down the diagonal. A gather column has a
    private key for each row. A rider row takes the keys of the last array row (shared) or `cols`
    consecutive keys of its own projections (private). Brief section 5.1.

    Parameters
    ----------
    rows, cols
        1 to 128.
    segments
        A divisor of `cols`.
    gather
        0 to 8 keys of each row and tile.
    global_rows
        0 to 4 rider rows.
    global_row_kv
        Where the keys and values of riders come from.
    """

    rows: int = 32
    cols: int = 32
    segments: int = 1
    gather: int = 1
    global_rows: int = 1
    global_row_kv: Literal["shared", "private"] = "shared"

    def __post_init__(self) -> None:
        check_range("rows", self.rows, 1, MAX_ROWS)
        check_range("cols", self.cols, 1, MAX_COLUMNS)
        check_range("segments", self.segments, 1, self.cols)
        check_range("gather", self.gather, 0, MAX_GATHER)
        check_range("global_rows", self.global_rows, 0, MAX_GLOBAL_ROWS)
        if self.cols % self.segments:
            raise InputError(
                f"segments must be a divisor of cols = {self.cols}, not {self.segments}"
            )
        if self.global_row_kv not in ("shared", "private"):
            raise InputError(
                f"global_row_kv must be shared or private, not {self.global_row_kv!r}"
            )

    @property
    def segment_cols(self) -> int:
        """Columns of a segment, Cs."""
        return self.cols // self.segments

    @property
    def ports(self) -> int:
        """Ports of a segment, one for each diagonal: R + Cs - 1."""
        return self.rows + self.segment_cols - 1

    @property
    def multipliers(self) -> int:
        """Elements of all kinds: R C + G C + X R."""
        return self.rows * self.cols + self.global_rows * self.cols + self.gather * self.rows

    @property
    def fill(self) -> int:
        """Cycles from the first element of a row to its last: C + X - 1."""
        return self.cols + self.gather - 1

    @property
    def torus(self) -> bool:
        """Whether a circulant wraps within the array, so that it needs Cs ports alone."""
        return self.rows == self.cols and self.segments == 1

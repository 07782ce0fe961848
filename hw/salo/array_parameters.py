"""Shape of the array, and when each of its ports takes what."""

from __future__ import annotations

from dataclasses import dataclass, field

from .parameters import DatapathParameters
from .row import RowParameters

__all__ = ["ArrayParameters"]


@dataclass(frozen=True, kw_only=True)
class ArrayParameters:
    """Parameters of an array.

    Parameters
    ----------
    datapath
        Formats; ``keys`` must be at least ``cols + gather``.
    rows, cols
        Elements on the diagonal feeds, 1 to 128 each.
    segments
        Columns fall in as many equal parts, each with feeds of its own.
    gather
        Further columns, with a feed for each element, 0 to 8.
    global_rows
        Riders: rows below, with queries of their own, 0 to 4.
    global_row_kv
        ``shared``: a rider has the keys of the row above, that is of the last one, a cycle later
        each. ``private``: it has feeds of its own.
    torus
        Let the last row's keys go on at the top, where a tile wants that; ``rows`` must be the
        columns of a segment.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    datapath: DatapathParameters = field(default_factory=DatapathParameters)
    rows: int = 32
    cols: int = 32
    segments: int = 1
    gather: int = 1
    global_rows: int = 1
    global_row_kv: str = "shared"
    torus: bool = False

    def __post_init__(self) -> None:
        for name, least, most in (
            ("rows", 1, 128), ("cols", 1, 128), ("gather", 0, 8), ("global_rows", 0, 4),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be in {least} to {most}, not {value}")
        if self.segments < 1 or self.cols % self.segments:
            raise ValueError(f"segments must divide cols = {self.cols}, not {self.segments}")
        if self.global_row_kv not in ("shared", "private"):
            raise ValueError(
                f"global_row_kv must be shared or private, not {self.global_row_kv!r}"
            )
        if self.torus and self.rows != self.segment_cols:
            raise ValueError(
                f"torus must have rows = cols / segments = {self.segment_cols}, not {self.rows}"
            )
        if self.datapath.keys < self.cols + self.gather:
            raise ValueError(
                f"keys must be at least cols + gather = {self.cols + self.gather}, "
                f"not {self.datapath.keys}"
            )

    @property
    def segment_cols(self) -> int:
        return self.cols // self.segments

    @property
    def ports(self) -> int:
        """Diagonal feeds of a segment."""
        return self.rows + self.segment_cols - 1

    @property
    def row(self) -> RowParameters:
        return RowParameters(self.datapath, self.cols + self.gather)

    @property
    def rider(self) -> RowParameters:
        return RowParameters(self.datapath, self.cols)

    @property
    def private(self) -> bool:
        """Whether riders have feeds."""
        return self.global_rows > 0 and self.global_row_kv == "private"

    @property
    def latency(self) -> int:
        """Cycles from a stage at the inputs to what it gives at the outputs of rows."""
        return self.cols + self.gather + 1 + self.datapath.pipeline

    def rider_latency(self, rider: int) -> int:
        """The same of a rider, counted from the stage of the rows."""
        return self.rider_delay(rider) + self.cols + 1 + self.datapath.pipeline

    def kv_delay(self, segment: int, port: int) -> int:
        """Cycles by which a diagonal feed is after the stage at the inputs."""
        return segment * self.segment_cols + max(0, self.segment_cols - 1 - port)

    def gather_delay(self, column: int) -> int:
        """The same of the feeds of a gather column."""
        return self.cols + column

    def rider_delay(self, rider: int) -> int:
        """The same of the query of a rider, and of the first of its own feeds, if it has any."""
        return 1 + rider

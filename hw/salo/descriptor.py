"""Words of a program: its header, and the descriptor of a tile.

The layouts are those of ``generators/salo/program.py`` and ``program_words.py``, which tell
what the fields mean.
"""

from __future__ import annotations

from amaranth.lib import data, enum

__all__ = [
    "BLOCK", "GATHER", "HEADER_WORDS", "RIDER", "SEGMENT", "GatherMode", "RiderMask",
    "SegmentKind", "SegmentMask",
]  # fmt: skip

HEADER_WORDS = 8


class GatherMode(enum.Enum, shape=2):
    """Where the keys of a gather column come from."""

    NONE = 0
    PROGRESSION = 1
    LISTED = 2


class SegmentKind(enum.Enum, shape=2):
    """Where the tokens of a segment come from."""

    NONE = 0
    BAND = 1
    CIRCULANT = 2


class SegmentMask(enum.Enum, shape=2):
    """Which elements work, of those that have a query and a token."""

    ALL = 0
    COLUMNS = 1
    EXPLICIT = 2


class RiderMask(enum.Enum, shape=2):
    """Which columns work, of those that have a token."""

    NONE = 0
    ALL = 1
    COLUMNS = 2
    EXPLICIT = 3


def _fields(*places: tuple[str, int, object]) -> data.FlexibleLayout:
    return data.FlexibleLayout(
        64, {name: data.Field(shape, offset) for name, offset, shape in places}
    )


BLOCK = _fields(
    ("first", 0, 1), ("last", 1, 1), ("listed", 2, 1), ("count", 8, 8), ("base", 16, 24),
    ("step", 40, 16),
)  # fmt: skip

GATHER = _fields(
    ("mode", 0, GatherMode), ("low", 2, 8), ("high", 10, 8), ("base", 18, 24), ("step", 42, 17),
)  # fmt: skip

SEGMENT = _fields(
    ("kind", 0, SegmentKind), ("mask", 2, SegmentMask), ("base", 4, 24), ("step", 28, 16),
    ("low", 44, 8), ("high", 52, 8), ("number", 44, 20),
)  # fmt: skip

RIDER = _fields(
    ("active", 0, 1), ("first", 1, 1), ("last", 2, 1), ("mask", 3, RiderMask), ("query", 5, 16),
    ("low", 21, 8), ("high", 29, 8), ("number", 21, 20), ("base", 41, 20),
)  # fmt: skip

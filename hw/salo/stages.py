"""What an element does in each cycle of a tile."""

from __future__ import annotations

from amaranth.hdl import Value
from amaranth.lib import enum

__all__ = ["Stage", "is_score"]


class Stage(enum.Enum, shape=3):
    """A tile is FIRST, ``dk - 1`` times SCORE, EXP, SUM, ``dv`` times VALUE; the next may follow.

    IDLE stands between tiles, for any number of cycles.
    """

    IDLE = 0
    EXP = 1
    SUM = 2
    VALUE = 3
    SCORE = 4
    FIRST = 5


def is_score(stage: Value) -> Value:
    """Whether it is FIRST or SCORE."""
    return Value.cast(stage)[2]

"""Row streams: the digits of a constant A in the order of a digit-serial grid's rows.

The grid's rows then need no encoders, no place for operands and no search: each cycle's digits and
the slots of their operands are told beforehand. Unlike :mod:`.digit_stream`, a format for files
with a stream for each lane, an entry here is a cycle of a row with all its lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...golden.tpe.arrays import DigitSerial
from ...golden.tpe.encodings import encode
from ...golden.tpe.walk import lane_program

__all__ = ["RowStream", "row_streams"]


@dataclass(frozen=True, eq=False)
class RowStream:
    """What a row does in each cycle of a tile.

    Attributes
    ----------
    digits
        int8 [cycles, lanes]: a digit, or 0 in a lane that has nothing to do.
    slots
        int64 [cycles, lanes]: the slot of its operand, which is number `slot * lanes + lane` of the
        tile; 0 where there is no digit.
    last
        bool [cycles]: the last cycle of a weight. Weights go from the highest to the lowest.
    """

    digits: NDArray[np.int8]
    slots: NDArray[np.int64]
    last: NDArray[np.bool_]


def row_streams(a: NDArray[Any], work: DigitSerial) -> list[RowStream]:
    """Return the stream of each row of a tile `a [M, K]`.

    Cycles are those of `golden.tpe.cycles.digit_serial_cost`.

    Raises
    ------
    InputError
        If the sums of `work` are not Horner's, or `a` is not a matrix of its format.
    """
    if not work.horner:
        raise InputError(f"horner must be True for row streams, not {work.horner}")
    if a.ndim != 2 or 0 in a.shape:
        raise InputError(f"a must be a matrix of at least 1 x 1, not {list(a.shape)}")
    return [_row(each, work) for each in encode(a, work.encoding, work.width, work.signed)]


def _row(encoded: NDArray[np.int8], work: DigitSerial) -> RowStream:
    """The stream of one row from its digits [K, D]."""
    operands = range(len(encoded))
    programs = [lane_program(encoded, operands, lane, work) for lane in range(work.lanes)]
    pieces = []
    for weight in reversed(range(encoded.shape[1])):
        phase = [program[weight] for program in programs]
        piece = np.zeros((3, max(1, *(len(program) for program in phase)), work.lanes), np.int64)
        for lane, program in enumerate(phase):
            for cycle, issue in enumerate(program):
                if issue.digit:
                    piece[:2, cycle, lane] = issue.digit, issue.k // work.lanes
        piece[2, -1] = 1
        pieces.append(piece)
    digits, slots, last = np.concatenate(pieces, axis=1)
    return RowStream(digits.astype(np.int8), slots, last[:, 0] == 1)

"""Choice of the operand whose digits are worked on, and of the encoding they are written in.

Either operand can be: `A B` is the transpose of `B^T A^T`, so encoding B is encoding the rows of
B^T on the same array. Each combination is put through the cycle model with the matrices
themselves, and the one that takes the fewest cycles is chosen. Which it is hangs on the values (an
operand with many zeros or small numbers has few digits), on how the shapes fill rows and columns,
and on how even the rows are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from numpy.typing import NDArray

from ...errors import InputError
from ...golden.tpe.arrays import ArrayDescription, DigitSerial
from ...golden.tpe.cycles import Schedule, schedule
from ...golden.tpe.encodings import Encoding, parse_encoding
from ...golden.tpe.statistics import DigitStatistics, digit_statistics, expected_cycles

__all__ = ["RADIX_4", "Candidate", "Choice", "Operand", "choose", "encoded_rows"]

Operand = Literal["a", "b"]

RADIX_4 = (Encoding.BOOTH, Encoding.NAF, Encoding.ENT)
"""The encodings that one radix-4 element can work on, that with the smallest encoder first."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to compute the product.

    Attributes
    ----------
    operand
        The operand that is encoded.
    statistics
        Its digits.
    expected
        Cycles of one of its numbers on average, were they independent.
    schedule
        What the cycle model says.
    """

    operand: Operand
    statistics: DigitStatistics
    expected: float
    schedule: Schedule

    @property
    def encoding(self) -> Encoding:
        return self.statistics.encoding

    @property
    def cycles(self) -> int:
        return self.schedule.cycles


@dataclass(frozen=True, eq=False)
class Choice:
    """The candidates, best first."""

    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        return self.candidates[0]

    def table(self) -> list[dict[str, Any]]:
        """Return a row of figures for each candidate, best first, for a report."""
        return [
            {
                "operand": each.operand,
                "encoding": each.encoding.value,
                "digits_per_operand": each.statistics.mean,
                "cycles_per_operand": each.expected,
                "cycles": each.cycles,
                "utilisation": each.schedule.utilisation,
                "barrier_cost": each.schedule.barrier_cost,
            }
            for each in self.candidates
        ]


def choose(
    a: NDArray[Any],
    b: NDArray[Any],
    array: ArrayDescription,
    *,
    a_format: tuple[int, bool] = (8, True),
    b_format: tuple[int, bool] = (8, True),
    encodings: Sequence[str] = RADIX_4,
    operands: Sequence[str] = ("a", "b"),
) -> Choice:
    """Rank every way to compute `a [M, K]` times `b [K, N]` on a digit-serial array.

    Parameters
    ----------
    a, b
        Integers.
    array
        The array; the encoding and the format of its `work` are replaced by those of a candidate.
    a_format, b_format
        Width and sign of each operand.
    encodings
        Those to choose from. At equal cycles the operand with fewer digits wins, then the earlier
        in `operands`, then the earlier in `encodings`.
    operands
        Those that may be encoded: "a", "b".

    Raises
    ------
    InputError
        If the array has no digits to skip, or the matrices or names are unusable.
    """
    if not isinstance(array.work, DigitSerial):
        raise InputError(f"dataflow must be digit_serial to choose an encoding, not "
                         f"{array.dataflow}")  # fmt: skip
    for name, given in (("operands", operands), ("encodings", encodings)):
        if not given:
            raise InputError(f"{name} must name at least one, not none")
    candidates = []
    for operand in operands:
        if operand not in ("a", "b"):
            raise InputError(f"operands must be out of a, b, not {operand!r}")
        side: Operand = "a" if operand == "a" else "b"
        encoded, other = encoded_rows(a, b, side)
        width, signed = a_format if side == "a" else b_format
        for name in encodings:
            encoding = parse_encoding(name)
            work = replace(array.work, encoding=encoding, width=width, signed=signed)
            statistics = digit_statistics(encoded, encoding, width, signed)
            expected = expected_cycles(statistics, work.group, work.minimum)
            model = schedule(encoded, other, replace(array, work=work))
            candidates.append(Candidate(side, statistics, expected, model))
    candidates.sort(key=lambda each: (each.cycles, each.statistics.mean))
    return Choice(tuple(candidates))


def encoded_rows(
    a: NDArray[Any], b: NDArray[Any], operand: Operand
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the matrices as the array takes them, the encoded one first: A, B or B^T, A^T."""
    return (a, b) if operand == "a" else (b.T, a.T)

"""Error of every (type, alpha) candidate of every channel, from one histogram.

A candidate is a type whose largest grid value stands for `alpha = absmax * step / 100`; its error
is the mean of `(q - x)^2` where q is the candidate's value nearest to x. Trying 75 steps of 4 types
one by one rounds the whole tensor 300 times. Here, instead, x is divided by its channel's absmax,
so that the midpoints of all candidates are the same numbers in every channel. Sorted, they cut the
magnitudes 0..1 into bins inside which no candidate changes its mind. With N and S the count and the
sum of the magnitudes at or above a midpoint m between the grid values a < b (times the candidate's
scale),

    sum of (q - x)^2  =  sum of x^2  +  sum over m of ((b^2 - a^2) N - 2 (b - a) S),

so the tensor is read once and each candidate costs its midpoints, not its elements. The two signs
have histograms of their own, because two's complement has one negative value more.

All in NumPy on pieces that stay in the processor's caches, without torch's thread pool: it pays a
barrier for each of the thousands of small steps, on a busy machine many times the work itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from .codec import nearest_float64
from .types import NumberType, grid, grid_max

__all__ = ["CandidateSearch", "column_pieces"]

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]

_ELEMENTS_AT_ONCE = 1 << 18
_BINS_AT_ONCE = 1 << 16
_SUSPECT = 2.0**-40
"""Histogram errors closer than this share of the energy are told apart by direct evaluation."""
_EQUAL = 2.0**-50
"""Direct errors closer than this share of the energy are equal: float64 rounding of the sums."""
_THRESHOLD_UNIT = 2.0**-50
"""Midpoints are rounded to this: those of two types that differ by rounding alone become one.

It can only matter to numbers within 2^-51 of a midpoint, which lose as much on either side: the sum
over n of them moves by 2^-51 sqrt(n) of the energy at most, less than `_SUSPECT` up to n = 10^6.
"""


@dataclass(frozen=True)
class _Side:
    """Midpoints of one format on one side of zero, for every step (arrays of steps × midpoints)."""

    position: _Integers
    rise: _Floats
    rise_of_squares: _Floats


class _Bins:
    """Which bin between sorted thresholds in 0..1 a magnitude falls in.

    A table over equal cells gives the bin at the cell's start, and a comparison with the next
    threshold, as often as cells commonly hold one, the rest; a binary search, whose branches the
    processor cannot foresee, is left to the few cells with more.
    """

    _CELLS = 1 << 15
    _COMMON = 2

    def __init__(self, thresholds: _Floats) -> None:
        self.count = len(thresholds) + 1
        self._thresholds = thresholds
        self._bounds = np.append(thresholds, np.inf)
        edges = np.arange(self._CELLS + 2) / self._CELLS
        starts = np.searchsorted(thresholds, edges, side="right")
        held = np.diff(starts)
        self._starts = starts[:-1].astype(np.int32)
        self._compares = min(self._COMMON, int(held.max()))
        self._crowded = held > self._COMMON
        self._any_crowded = bool(self._crowded.any())

    def find(self, magnitudes: _Floats) -> npt.NDArray[np.int32]:
        """Return how many thresholds are at or below each magnitude."""
        cells = (magnitudes * self._CELLS).astype(np.int32)
        bins: npt.NDArray[np.int32] = self._starts[cells]
        for _ in range(self._compares):
            bins += magnitudes >= self._bounds[bins]
        if self._any_crowded:
            crowded = self._crowded[cells]
            bins[crowded] = np.searchsorted(self._thresholds, magnitudes[crowded], side="right")
        return bins


class CandidateSearch:
    """Best step of each candidate type for rows of numbers, in float64.

    Parameters
    ----------
    types
        Candidate types.
    bits, signed
        Their width (3..8) and sign.
    steps
        Candidate alphas, in hundredths of the channel's largest magnitude, ascending.
    """

    def __init__(
        self, types: Sequence[NumberType], bits: int, signed: bool, steps: Sequence[int]
    ) -> None:
        self.formats = [(kind, bits, signed) for kind in types]
        self.ratios = np.array([step * 0.01 for step in steps])
        levels: dict[tuple[int, bool], _Floats] = {}
        for index, number_format in enumerate(self.formats):
            values = np.array([float(value) for value in grid(*number_format)])
            scales = self.ratios / float(grid_max(*number_format))
            for negative in (False, True):
                magnitudes = -values[values <= 0][::-1] if negative else values[values >= 0]
                levels[index, negative] = np.outer(scales, magnitudes)
        midpoints = {
            side: np.round((level[:, 1:] + level[:, :-1]) / 2 / _THRESHOLD_UNIT) * _THRESHOLD_UNIT
            for side, level in levels.items()
            if level.shape[1] > 1
        }
        thresholds = np.unique(np.concatenate([points.ravel() for points in midpoints.values()]))
        # The last threshold stands for all beyond the largest magnitude, 1: none reaches it.
        thresholds = np.append(thresholds[thresholds <= 1.0], 2.0)
        self._bins = _Bins(thresholds)
        self._sides = {
            side: _Side(
                np.searchsorted(thresholds[:-1], points),
                np.diff(levels[side], axis=1),
                np.diff(levels[side] ** 2, axis=1),
            )
            for side, points in midpoints.items()
        }

    @property
    def rows_at_once(self) -> int:
        """Rows to hand to `best` at once: few enough that their histograms stay in the caches."""
        return max(1, _BINS_AT_ONCE // (2 * self._bins.count))

    def best(self, rows: Tensor, absmax: Tensor) -> tuple[_Floats, _Integers]:
        """Return the smallest error of each type and the step that has it.

        Parameters
        ----------
        rows
            Finite floating tensor [channels, elements].
        absmax
            Largest magnitude of each row, float64 [channels], none 0.

        Returns
        -------
        tuple
            `mean((q - x)^2)` in units of absmax², and indices into `steps`; both [channels, types].
            Of equal errors the first step is taken.
        """
        largest = absmax.numpy()
        count, total, energy = self._histogram(rows, largest)
        shape = (len(rows), len(self.formats))
        errors, choice = np.empty(shape), np.empty(shape, dtype=np.int64)
        for index in range(len(self.formats)):
            candidates = energy[:, None] + self._departure(index, count, total)
            limit = candidates.min(axis=1) + _SUSPECT * energy
            suspects = candidates <= limit[:, None]
            (unsure,) = np.nonzero(suspects.sum(axis=1) > 1)
            if len(unsure):
                exact = self._direct(index, rows[unsure], largest[unsure], suspects[unsure])
                candidates[unsure] = exact
                limit = exact.min(axis=1) + _EQUAL * energy[unsure]
                suspects[unsure] = exact <= limit[:, None]
            choice[:, index] = suspects.argmax(axis=1)
            errors[:, index] = np.take_along_axis(candidates, choice[:, [index]], axis=1)[:, 0]
        return np.maximum(errors, 0.0) / rows.shape[1], choice

    def _histogram(self, rows: Tensor, largest: _Floats) -> tuple[_Floats, _Floats, _Floats]:
        """Return, per row and sign, how many magnitudes reach each threshold and their sum.

        Shapes [rows, 2, thresholds] twice, and the sum of squares [rows].
        """
        channels, bins = len(rows), self._bins.count
        size = channels * 2 * bins
        count, total, energy = np.zeros(size), np.zeros(size), np.zeros(channels)
        base = (np.arange(channels, dtype=np.int64) * (2 * bins))[:, None]
        for piece in column_pieces(rows):
            magnitudes = np.abs(piece / largest[:, None])
            energy += np.square(magnitudes).sum(axis=1)
            keys = (base + self._bins.find(magnitudes) + (piece < 0) * np.int64(bins)).ravel()
            count += np.bincount(keys, minlength=size)
            total += np.bincount(keys, weights=magnitudes.ravel(), minlength=size)
        return _at_or_above(count, channels), _at_or_above(total, channels), energy

    def _departure(self, index: int, count: _Floats, total: _Floats) -> _Floats:
        """Return the error less the energy of one type, [rows, steps]."""
        result = np.zeros((len(count), len(self.ratios)))
        for negative in (False, True):
            side = self._sides.get((index, negative))
            if side is not None:
                reach = count[:, int(negative)][:, side.position]
                result += np.einsum("csm,sm->cs", reach, side.rise_of_squares)
                reach = total[:, int(negative)][:, side.position]
                result -= 2 * np.einsum("csm,sm->cs", reach, side.rise)
        return result

    def _direct(
        self, index: int, rows: Tensor, largest: _Floats, suspects: npt.NDArray[np.bool_]
    ) -> _Floats:
        """Return the errors of the suspect steps by rounding every element; infinite elsewhere."""
        errors = np.full(suspects.shape, np.inf)
        number_format = self.formats[index]
        for step, ratio in enumerate(self.ratios):
            (hit,) = np.nonzero(suspects[:, step])
            if not len(hit):
                continue
            unit = largest[hit, None]
            scale = unit * ratio / float(grid_max(*number_format))
            sums = np.zeros(len(hit))
            for piece in column_pieces(rows[hit]):
                departure = nearest_float64(piece / scale, *number_format) * scale - piece
                sums += np.square(departure / unit).sum(axis=1)
            errors[hit, step] = sums
        return errors


def column_pieces(rows: Tensor) -> Iterator[_Floats]:
    """Yield the rows in float64, some columns at a time."""
    array = rows.numpy()
    width = max(1, _ELEMENTS_AT_ONCE // max(1, len(array)))
    for start in range(0, array.shape[1], width):
        yield array[:, start : start + width].astype(np.float64, order="C")


def _at_or_above(bins: _Floats, channels: int) -> _Floats:
    """Sum from each threshold upwards: [channels, 2, thresholds] from the flat bins."""
    folded = bins.reshape(channels, 2, -1)[:, :, :0:-1]
    return np.ascontiguousarray(np.cumsum(folded, axis=2)[:, :, ::-1])

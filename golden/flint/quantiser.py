"""Adaptive quantiser: type and scale of a tensor by least mean squared error.

For each candidate type in the order int, flint, pot, float, and for `step` in `search` (a
half-open range, hundredths): `alpha = absmax * step * 0.01`, `scale = alpha / grid_max`,
`q = nearest(x / scale) * scale`, error `mean((q - x)^2)`. Weights have one alpha per output
channel (dimension 0, the rest flattened) and are always signed; activations have one alpha, and
are unsigned unless a value is negative. The type has the lowest sum of its channels' errors; the
first in the fixed order wins ties, and the smallest alpha wins among equals. Sums that differ only
by float64 rounding count as equal.

Unlike the published quantiser: a zero channel gets alpha 1 and codes 0 and leaves the others'
choice alone; NaN and infinity are refused by tensor and index; values beyond the last grid value
saturate; a type that is asked for is never replaced in silence.

Source: ANT (MICRO 2022), quantiser as restated in the project's brief, sections 5 and 5.1.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError
from .codec import decode, nearest_index
from .search import CandidateSearch, column_pieces
from .types import (
    NumberType,
    canonical_codes,
    check_format,
    decode_table,
    grid,
    grid_max,
    magnitude_bits,
    parse_types,
)

__all__ = ["QuantizedTensor", "candidate_types", "quantize"]

_INT_ONLY_ABOVE = 6
"""Widths at which int alone is searched unless types are named."""
_NARROW_SEARCH = (95, 150)
_WIDE_SEARCH = (75, 150)
_WIDE_POT = 6
"""Magnitude bits from which pot must be asked for by `wide_pot`: it reaches 2^62 or more."""
_EQUAL = 2.0**-40
"""Scores closer than this share of the tensor's energy are equal (rounding of the sums)."""
_SEARCH_SHARE = 0.8
"""Share of the work that is the search, for progress."""
_ROWS_ENCODED = 64
_LAST_STEP = 1000
_LARGEST = 2.0**500
"""Magnitudes must lie in 1/_LARGEST.._LARGEST or be 0, so that their squares fit in float64."""


@dataclass(frozen=True, eq=False)
class QuantizedTensor:
    """A tensor as codes and scales: value = decode(code) * scale.

    Attributes
    ----------
    name
        Name of the tensor.
    kind, bits, signed
        The number type chosen.
    codes
        uint8, in the shape of the tensor.
    alpha, scale
        float64 [channels] (one for an activation): the real number of the type's largest value, and
        of its unit; `scale = alpha / grid_max`.
    is_weight
        Whether dimension 0 is the channel of `scale`.
    mse
        Mean squared error of the codes.
    mse_by_type
        Least mean squared error of every type searched.
    power
        Mean square of the tensor.
    """

    name: str
    kind: NumberType
    bits: int
    signed: bool
    codes: Tensor
    alpha: Tensor
    scale: Tensor
    is_weight: bool
    mse: float
    mse_by_type: dict[NumberType, float]
    power: float

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio `10 log10(power / mse)` in dB; infinite when nothing is lost."""
        if self.mse == 0.0:
            return math.inf
        return 10.0 * math.log10(self.power / self.mse) if self.power else -math.inf

    def values(self) -> Tensor:
        """Return the numbers that the codes stand for, float64, in the tensor's shape."""
        table = decode_table(self.kind, self.bits, self.signed)
        units = torch.tensor([float(value) for value in table], dtype=torch.float64)
        rows = units[self.codes.long()].reshape(len(self.scale), -1)
        return (rows * self.scale[:, None]).reshape(self.codes.shape)

    def integers(self) -> Tensor:
        """Return the decoded codes, int64, in the tensor's shape."""
        return decode(self.codes, self.kind, self.bits, self.signed)


def candidate_types(
    types: str | Iterable[str] | None, bits: int, signed: bool, *, wide_pot: bool = False
) -> tuple[NumberType, ...]:
    """Return the types to search, in the fixed order.

    Parameters
    ----------
    types
        Names; None for every type that is safe at that width: all four up to 6 bits (without a pot
        that reaches 2^62), int alone above.
    bits, signed
        Width and sign of the codes.
    wide_pot
        Let pot have 6 or 7 magnitude bits, values up to 2^62 or 2^126.

    Raises
    ------
    InputError
        If the names are not good types, or one of them has no code at that width.
    """
    check_format(NumberType.INT, bits, signed)
    wide = magnitude_bits(bits, signed) >= _WIDE_POT and not wide_pot
    if types is None:
        if bits > _INT_ONLY_ABOVE:
            return (NumberType.INT,)
        return tuple(kind for kind in NumberType if not (kind == NumberType.POT and wide))
    chosen = parse_types(types)
    for kind in chosen:
        check_format(kind, bits, signed)
    if NumberType.POT in chosen and wide:
        n = magnitude_bits(bits, signed)
        raise InputError(
            f"types must leave out pot at {n} magnitude bits unless wide_pot is set, not reach "
            f"2^{2**n - 2}"
        )
    return chosen


def quantize(
    tensor: Tensor,
    bits: int = 4,
    types: str | Iterable[str] | None = None,
    *,
    is_weight: bool,
    signed: bool | None = None,
    search: tuple[int, int] | None = None,
    wide_pot: bool = False,
    name: str = "tensor",
    progress: Callable[[float], None] | None = None,
) -> QuantizedTensor:
    """Choose the type and the scales of a tensor and return its codes.

    Parameters
    ----------
    tensor
        Floating tensor, not empty; a weight has two or more dimensions, the channels first.
    bits
        Width of the codes, 3..8.
    types
        Candidate types (see `candidate_types`).
    is_weight
        Weight (per-channel scales, signed) or activation (one scale).
    signed
        Sign of an activation; None: signed if a value is negative. Negative values of an unsigned
        tensor become 0, with a warning.
    search
        Range of alpha, hundredths of absmax, upper end excluded; None: 75..149, or 95..149 above
        6 bits.
    wide_pot
        See `candidate_types`.
    name
        What error messages call the tensor.
    progress
        Called with the share done, 0..1.

    Raises
    ------
    InputError
        If the tensor or an option is not as above, or the tensor holds NaN or infinity.
    """
    rows = _checked_rows(tensor, is_weight, name)
    signed = _sign(rows, is_weight, signed, name)
    kinds = candidate_types(types, bits, signed, wide_pot=wide_pot)
    candidates = CandidateSearch(kinds, bits, signed, _checked_search(search, bits))
    absmax = rows.abs().amax(dim=1).double()
    _check_magnitudes(absmax, name)
    report = progress or _silent

    errors, steps = _search(candidates, rows, absmax, lambda share: report(_SEARCH_SHARE * share))
    power = _power(rows)
    scores = errors.mean(axis=0)
    winner = int(np.argmax(scores <= scores.min() + _EQUAL * power))
    ratios = torch.from_numpy(candidates.ratios[steps[:, winner]])
    alpha = torch.where(absmax > 0, absmax * ratios, 1.0)
    scale = alpha / float(grid_max(kinds[winner], bits, signed))
    codes, mse = _encode(
        rows,
        scale,
        (kinds[winner], bits, signed),
        lambda share: report(_SEARCH_SHARE + (1 - _SEARCH_SHARE) * share),
    )
    mse_by_type = {kind: float(score) for kind, score in zip(kinds, scores, strict=True)}
    mse_by_type[kinds[winner]] = mse
    return QuantizedTensor(
        name=name,
        kind=kinds[winner],
        bits=bits,
        signed=signed,
        codes=codes.reshape(tensor.shape),
        alpha=alpha,
        scale=scale,
        is_weight=is_weight,
        mse=mse,
        mse_by_type=mse_by_type,
        power=power,
    )


def _search(
    candidates: CandidateSearch, rows: Tensor, absmax: Tensor, report: Callable[[float], None]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the least error and its step, both [channels, types]; zero channels have error 0."""
    errors = np.zeros((len(rows), len(candidates.formats)))
    steps = np.zeros(errors.shape, dtype=np.int64)
    live = absmax.nonzero()[:, 0]
    for start in range(0, len(live), candidates.rows_at_once):
        index = live[start : start + candidates.rows_at_once]
        part = rows[index[0] : index[-1] + 1]
        if len(part) != len(index):
            part = rows[index]
        found, steps[index] = candidates.best(part, absmax[index])
        errors[index] = found * absmax[index, None].numpy() ** 2
        report((int(index[-1]) + 1) / len(rows))
    return errors, steps


def _encode(
    rows: Tensor,
    scale: Tensor,
    number_format: tuple[NumberType, int, bool],
    report: Callable[[float], None],
) -> tuple[Tensor, float]:
    """Return the uint8 codes of the rows and their mean squared error."""
    levels = np.array([float(value) for value in grid(*number_format)])
    emitted = np.array(canonical_codes(*number_format), dtype=np.uint8)
    codes = np.empty(tuple(rows.shape), dtype=np.uint8)
    loss = 0.0
    for start in range(0, len(rows), _ROWS_ENCODED):
        at = slice(start, start + _ROWS_ENCODED)
        unit = scale[at, None].numpy()
        column = 0
        for piece in column_pieces(rows[at]):
            place = nearest_index(piece / unit, *number_format)
            codes[at, column : column + piece.shape[1]] = emitted[place]
            loss += float(np.square(levels[place] * unit - piece).sum())
            column += piece.shape[1]
        report(min(start + _ROWS_ENCODED, len(rows)) / len(rows))
    return torch.from_numpy(codes), loss / rows.numel()


def _power(rows: Tensor) -> float:
    """Mean square of the rows."""
    total = 0.0
    for start in range(0, len(rows), _ROWS_ENCODED):
        pieces = column_pieces(rows[start : start + _ROWS_ENCODED])
        total += sum(float(np.square(piece).sum()) for piece in pieces)
    return total / rows.numel()


def _checked_rows(tensor: Tensor, is_weight: bool, name: str) -> Tensor:
    """Return the tensor as [channels, elements] if it can be quantised."""
    if not tensor.is_floating_point():
        raise InputError(f"{name} must hold floating-point numbers, not {tensor.dtype}")
    if is_weight and tensor.dim() < 2:
        raise InputError(
            f"{name} must have 2 or more dimensions (output channels first), not shape "
            f"{tuple(tensor.shape)}"
        )
    if tensor.numel() == 0:
        raise InputError(f"{name} must not be empty, not shape {tuple(tensor.shape)}")
    tensor = tensor.detach()
    if tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float()
    rows = tensor.reshape(tensor.shape[0] if is_weight else 1, -1)
    finite = rows.isfinite()
    if not finite.all():
        flat = int((~finite).flatten().nonzero()[0, 0])
        index = [int(i) for i in np.unravel_index(flat, tuple(tensor.shape))]
        raise InputError(f"{name} must be finite, not {rows.flatten()[flat].item()} at {index}")
    return rows


def _check_magnitudes(absmax: Tensor, name: str) -> None:
    """Refuse float64 numbers whose squares leave float64."""
    wrong = ((absmax > _LARGEST) | ((absmax > 0) & (absmax < 1 / _LARGEST))).nonzero()
    if len(wrong):
        channel = int(wrong[0, 0])
        raise InputError(
            f"{name} must have magnitudes in 2^-500..2^500 or 0, not at most "
            f"{absmax[channel].item()!r} in channel {channel}"
        )


def _checked_search(search: tuple[int, int] | None, bits: int) -> range:
    if search is None:
        return range(*(_NARROW_SEARCH if bits > _INT_ONLY_ABOVE else _WIDE_SEARCH))
    low, high = search
    if not 1 <= low < high <= _LAST_STEP + 1:
        raise InputError(
            f"search must be hundredths with 1 <= first < end <= {_LAST_STEP + 1}, "
            f"not {low}..{high}"
        )
    return range(low, high)


def _sign(rows: Tensor, is_weight: bool, signed: bool | None, name: str) -> bool:
    """Return whether the codes are signed."""
    if is_weight:
        if signed is False:
            raise InputError(f"signed must be true for the weight {name}, not false")
        return True
    negative = bool((rows < 0).any())
    if signed is False and negative:
        warnings.warn(f"{name}: negative values become 0 in an unsigned type", stacklevel=3)
    return negative if signed is None else signed


def _silent(_share: float) -> None:
    return None

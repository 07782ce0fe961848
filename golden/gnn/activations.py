"""Activation functions in float64, and as tables of 256 bytes.

The table of `f` with an input unit `s_in` and an output unit `s_out` holds, at the address
`code & 255` of the byte `code` in -128..127,

    sat_8(floor(f(code * s_in) / s_out + 1/2)).

The units are free, so a table also changes the scale. Sigmoid and tanh have the output unit 1/127:
1.0 is a code, and `127 - z` is exactly `1 - z`. With 1/128 a gate could never be fully open. Their
input need not reach beyond the point where the output rounds to 1, which bounds `s_in`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .fixed import lookup
from .graph import Integers, Reals
from .units import LARGEST, codes_of, unit_of

__all__ = ["Activation", "Finish", "activate", "saturation_point", "table"]

_FULL = 126.6 / 127.0
"""Rounds to 127 on either side of 0; at 126.5 a last digit of libm would decide."""
_SIGMOID_END = math.log(_FULL / (1.0 - _FULL))
_TANH_END = math.atanh(_FULL)


class Activation(StrEnum):
    """What is applied to a layer's output, element by element."""

    NONE = "none"
    RELU = "relu"
    ELU = "elu"
    GELU = "gelu"
    SIGMOID = "sigmoid"
    TANH = "tanh"

    @property
    def by_table(self) -> bool:
        """Whether LUT8 computes it; the others keep the scale."""
        return self not in (Activation.NONE, Activation.RELU)


def activate(x: Reals, kind: Activation) -> Reals:
    """Return the activation of real numbers of any shape."""
    match kind:
        case Activation.NONE:
            return x
        case Activation.RELU:
            return np.maximum(x, 0.0)
        case Activation.ELU:
            return np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))
        case Activation.GELU:
            erf = np.array([math.erf(each) for each in (x / math.sqrt(2.0)).flat]).reshape(x.shape)
            return 0.5 * x * (1.0 + erf)
        case Activation.SIGMOID:
            # By tanh: exp(-x) would overflow.
            return 0.5 * (1.0 + np.tanh(0.5 * x))
        case Activation.TANH:
            return np.tanh(x)


def saturation_point(kind: Activation) -> float:
    """Return the magnitude beyond which a table's output no longer changes; infinite if none."""
    return {Activation.SIGMOID: _SIGMOID_END, Activation.TANH: _TANH_END}.get(kind, math.inf)


def table(kind: Activation, unit_in: float, unit_out: float) -> Integers:
    """Return the table of an activation, int64 [256], the entry of code 0 first and of -1 last."""
    codes = np.arange(256).astype(np.int8).astype(np.float64)
    return codes_of(activate(codes * unit_in, kind), unit_out)


@dataclass(frozen=True, eq=False)
class Finish:
    """The int8 activation at the end of a layer.

    Attributes
    ----------
    unit_in, unit_out
        Units of the codes before and after; the same for ReLU and none.
    relu
        Whether negative codes become 0.
    table
        int64 [256] for LUT8, or None.
    """

    unit_in: float
    unit_out: float
    relu: bool
    table: Integers | None

    @classmethod
    def of(
        cls,
        kind: Activation,
        x: Reals,
        *,
        least: float = 0.0,
        unit_in: float | None = None,
        unit_out: float | None = None,
    ) -> Finish:
        """Return the activation for calibration data.

        Parameters
        ----------
        x
            Real values before the activation.
        least
            `unit_out` is no less; where no table changes the unit, neither may `unit_in` be.
        unit_in
            The unit of the codes before, if something else decides it.
        unit_out
            The unit of a table's codes, if something else decides it.
        """
        y = activate(x, kind)
        if not kind.by_table:
            unit = unit_of(y, least=least) if unit_in is None else unit_in
            return cls(unit, unit, kind is Activation.RELU, None)
        end = saturation_point(kind)
        before = unit_of(np.clip(x, -end, end)) if unit_in is None else unit_in
        if unit_out is None:
            unit_out = max(1.0 / LARGEST if math.isfinite(end) else unit_of(y), least)
        return cls(before, unit_out, False, table(kind, before, unit_out))

    def __call__(self, codes: Integers) -> Integers:
        if self.table is not None:
            return lookup(codes, self.table)
        return np.maximum(codes, 0) if self.relu else codes

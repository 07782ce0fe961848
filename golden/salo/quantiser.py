"""Symmetric quantiser of queries, keys and values for an array whose logit scale is a power of two.

`x` becomes `round(x / scale_x)`, ties to even, and the scales keep the contract

    scale_q * scale_k * scale * log2(e) = 2^-f

with `scale` the factor of the logits (`1 / sqrt(dk)` unless told), so that a score over `2^f` is a
base-2 logit. The smallest scales without clipping are `a_q = max|q| / q_max` and
`a_k = max|k| / kv_max`; f is the largest shift that they allow, and the slack

    slack = 2^-f / (a_q * a_k * scale * log2(e)),

in [1, 2) unless f is at its upper limit, makes them larger: `scale_q = a_q * s`,
`scale_k = a_k * slack / s`. Rounding adds noise of variance `scale^2 / 12` to each element, and so
`dk (scale_q^2 mean(k^2) + scale_k^2 mean(q^2)) / 12` to a score in real units. Where the product of
the scales is given, that is least at `scale_q / scale_k = rms(q) / rms(k)`, which gives

    s = sqrt(slack * (rms(q) / a_q) / (rms(k) / a_k)), no less than 1 and no more than the slack:

half of the slack each, in octaves, if q and k are alike; all of it to q if q has bits to spare.

Source: the project's brief, section 4.3, general scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from ...errors import InputError
from .attention import Mask, attention
from .formats import MAX_SHIFT, Format

__all__ = ["AddedError", "QuantizedAttention", "added_error", "quantize"]

_LARGEST = 2.0**400
"""Magnitudes lie in 1/_LARGEST.._LARGEST or are 0, so that their products fit float64."""
_ROUNDING = 1e-9
"""Octaves that the scales may be short of a power of two: float64 rounding, where they are one."""


@dataclass(frozen=True, eq=False)
class QuantizedAttention:
    """Integers, and the real numbers of their units.

    Attributes
    ----------
    q, k, v
        int64 [heads, queries, dk], [heads, keys, dk], [heads, keys, dv].
    scale_q, scale_k, scale_v
        float64 [heads]: real value of an integer's unit. An output of the array is in units of
        `scale_v`.
    shifts
        The program constant f of each head.
    free_q, free_k
        float64 [heads]: the scales `a_q` and `a_k` that there would be without the contract.
    scale
        Factor of the logits.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    scale_q: Tensor
    scale_k: Tensor
    scale_v: Tensor
    shifts: tuple[int, ...]
    free_q: Tensor
    free_k: Tensor
    scale: float

    @property
    def slack(self) -> Tensor:
        """Factor by which the contract enlarges `scale_q * scale_k`, float64 [heads]."""
        return (self.scale_q / self.free_q) * (self.scale_k / self.free_k)


@dataclass(frozen=True)
class AddedError:
    """Relative L2 error of attention over all heads, against the numbers before quantisation.

    Attributes
    ----------
    free
        With operands rounded to the free scales: what a quantiser of that width costs at least.
    contract
        With operands rounded to the scales of the contract.
    """

    free: float
    contract: float

    @property
    def ratio(self) -> float:
        """What the contract costs, `contract / free`; 1 where neither has an error."""
        return self.contract / self.free if self.free else math.inf if self.contract else 1.0


def quantize(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    fmt: Format,
    *,
    per_head: bool = False,
    scale: float | None = None,
    shift_range: tuple[int, int] = (0, MAX_SHIFT),
) -> QuantizedAttention:
    """Quantize the operands of attention.

    Parameters
    ----------
    q, k, v
        Real numbers [heads, queries, dk], [heads, keys, dk], [heads, keys, dv].
    fmt
        `q_bits` and `kv_bits` give the ranges.
    per_head
        Give each head its own scales and f; else all heads have the same.
    scale
        Factor of the logits, above 0; `1 / sqrt(dk)` if None.
    shift_range
        Least and largest f of the array. To quantize operands of one program one after another
        (private projections of global rows), give both the f that suits both.

    Raises
    ------
    InputError
        If shapes do not fit, a number is NaN or infinite or beyond 2^400, or logits are so large
        that not even the least f can hold them.
    """
    for name, tensor in (("q", q), ("k", k), ("v", v)):
        _check(name, tensor)
    heads, dk = q.shape[0], q.shape[2]
    if k.shape[0] != heads or k.shape[2] != dk:
        raise InputError(f"k must be [{heads}, keys, {dk}], not {list(k.shape)}")
    if v.shape[:2] != k.shape[:2]:
        raise InputError(f"v must be [{heads}, {k.shape[1]}, dv], not {list(v.shape)}")
    factor = 1.0 / math.sqrt(dk) if scale is None else scale
    if not 1.0 / _LARGEST <= factor <= _LARGEST:
        raise InputError(f"scale must be a number in 2^-400..2^400, not {scale!r}")
    low, high = shift_range
    if not 0 <= low <= high <= MAX_SHIFT:
        raise InputError(f"shift_range must be ascending in 0..{MAX_SHIFT}, not {shift_range}")
    free_q = _free_scale(q, fmt.q_max, per_head)
    free_k = _free_scale(k, fmt.kv_max, per_head)
    scale_v = _free_scale(v, fmt.kv_max, per_head)
    groups = [slice(h, h + 1) for h in range(heads)] if per_head else [slice(heads)]
    scale_q, scale_k, shifts = free_q.clone(), free_k.clone(), [0] * heads
    for group in groups:
        a_q, a_k = float(free_q[group][0]), float(free_k[group][0])
        unit = a_q * a_k * factor * math.log2(math.e)
        shift = min(high, math.floor(_ROUNDING - math.log2(unit)))
        if shift < low:
            raise InputError(
                f"logits must be such that a unit of the score is at most 2^-{low} octaves, not "
                f"{unit:.3g}: scale q or k down, or use more bits"
            )
        slack = max(1.0, math.ldexp(1.0 / unit, -shift))
        share = _share(_rms(q[group]) / a_q, _rms(k[group]) / a_k, slack)
        scale_q[group] = a_q * share
        scale_k[group] = math.ldexp(1.0 / (a_q * share * factor * math.log2(math.e)), -shift)
        shifts[group] = [shift] * len(shifts[group])
    return QuantizedAttention(
        _rounded(q, scale_q, fmt.q_max), _rounded(k, scale_k, fmt.kv_max),
        _rounded(v, scale_v, fmt.kv_max), scale_q, scale_k, scale_v, tuple(shifts), free_q, free_k,
        factor,
    )  # fmt: skip


def added_error(
    q: Tensor, k: Tensor, v: Tensor, mask: Mask, quantized: QuantizedAttention, fmt: Format
) -> AddedError:
    """Return what quantisation costs, with and without the contract, under a mask.

    Parameters
    ----------
    q, k, v
        What was quantized.
    mask
        As for `attention`; the same for every head.
    quantized, fmt
        What became of it.
    """
    free_q = _rounded(q, quantized.free_q, fmt.q_max) * quantized.free_q[:, None, None]
    free_k = _rounded(k, quantized.free_k, fmt.kv_max) * quantized.free_k[:, None, None]
    contract_q = quantized.q * quantized.scale_q[:, None, None]
    contract_k = quantized.k * quantized.scale_k[:, None, None]
    values = quantized.v * quantized.scale_v[:, None, None]
    power = free = contract = 0.0
    for h in range(len(q)):
        exact = attention(q[h], k[h], v[h], mask, quantized.scale)
        power += float(exact.square().sum())
        rounded = attention(free_q[h], free_k[h], values[h], mask, quantized.scale)
        free += float((rounded - exact).square().sum())
        rounded = attention(contract_q[h], contract_k[h], values[h], mask, quantized.scale)
        contract += float((rounded - exact).square().sum())
    if not power:
        return AddedError(0.0, 0.0)
    return AddedError(math.sqrt(free / power), math.sqrt(contract / power))


def _check(name: str, tensor: Tensor) -> None:
    if tensor.ndim != 3 or 0 in tensor.shape:
        raise InputError(f"{name} must be [heads, tokens, d], not {list(tensor.shape)}")
    if not tensor.is_floating_point():
        raise InputError(f"{name} must hold real numbers, not {tensor.dtype}")
    magnitude = tensor.detach().double().abs()
    # Written so that NaN is wrong too.
    wrong = ~((magnitude == 0.0) | ((magnitude >= 1.0 / _LARGEST) & (magnitude <= _LARGEST)))
    if bool(wrong.any()):
        index = [int(i) for i in wrong.nonzero()[0]]
        raise InputError(
            f"{name} must be 0 or 2^-400..2^400 in magnitude, not {float(tensor[tuple(index)])} at "
            f"{index}"
        )


def _free_scale(tensor: Tensor, largest: int, per_head: bool) -> Tensor:
    """`max|x| / largest`, float64 [heads]; of zeros, as if the largest were 1."""
    peak = tensor.detach().double().abs().amax(dim=(1, 2))
    if not per_head:
        peak = peak.amax().expand(len(peak)).clone()
    return peak.masked_fill(peak == 0.0, 1.0) / largest


def _rms(tensor: Tensor) -> float:
    peak = float(tensor.detach().double().abs().max()) or 1.0
    return peak * math.sqrt(float((tensor.detach().double() / peak).square().mean()))


def _share(q: float, k: float, slack: float) -> float:
    """Factor of q's scale: `sqrt(slack * q / k)` in 1..slack; q and k are 0 for zeros."""
    ideal = math.sqrt(slack * q / k) if q and k else math.sqrt(slack)
    return min(max(ideal, 1.0), slack)


def _rounded(tensor: Tensor, scale: Tensor, largest: int) -> Tensor:
    units = tensor.detach().double() / scale[:, None, None]
    return units.round().clamp(-largest, largest).long()

"""Attention in float64, under any mask: what the array approximates.

`out_i = sum over allowed j of softmax_j(scale * q_i . k_j) v_j`; 0 for a query without keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...errors import InputError

__all__ = ["Mask", "attention", "base2_scale"]

Mask = Tensor | Callable[[int, int], Tensor]
"""Allowed pairs: bool [queries, keys], or a function of (start, stop) that returns those rows."""


def base2_scale(shift: int) -> float:
    """Return the scale of integer operands with the program constant f: `ln 2 * 2^-f`."""
    return math.ldexp(math.log(2.0), -shift)


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Mask, scale: float, *, block_rows: int = 256
) -> Tensor:
    """Return attention of each query, float64 [queries, dv].

    Parameters
    ----------
    q, k, v
        Numbers [queries, dk], [keys, dk], [keys, dv].
    mask
        The allowed pairs; a function is asked for `block_rows` queries at a time, so that no array
        of queries times keys ever exists.
    scale
        Factor of the logits.

    Raises
    ------
    InputError
        If shapes do not fit, or the mask is not boolean.
    """
    if q.ndim != 2 or k.ndim != 2 or v.ndim != 2 or q.shape[1:] != k.shape[1:]:
        raise InputError(
            f"q, k and v must be [queries, dk], [keys, dk] and [keys, dv], not {list(q.shape)}, "
            f"{list(k.shape)} and {list(v.shape)}"
        )
    if len(k) != len(v):
        raise InputError(f"v must have {len(k)} rows, not {len(v)}")
    keys, values = k.double(), v.double()
    outputs = torch.zeros((len(q), v.shape[1]), dtype=torch.float64)
    if not len(k):
        return outputs
    for start in range(0, len(q), block_rows):
        stop = min(start + block_rows, len(q))
        allowed = mask[start:stop] if isinstance(mask, Tensor) else mask(start, stop)
        if allowed.dtype != torch.bool or list(allowed.shape) != [stop - start, len(k)]:
            raise InputError(
                f"mask must be boolean {[stop - start, len(k)]} for queries {start}..{stop - 1}, "
                f"not {allowed.dtype} {list(allowed.shape)}"
            )
        scores = (q[start:stop].double() * scale) @ keys.T
        scores = scores.masked_fill(~allowed, -math.inf)
        # A row without keys has maximum -infinity; any finite number keeps its weights at 0.
        scores -= scores.amax(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float64).min)
        weights = scores.exp()
        total = weights.sum(dim=1, keepdim=True)
        outputs[start:stop] = (weights @ values) / total.masked_fill(total == 0.0, 1.0)
    return outputs

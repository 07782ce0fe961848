"""Queries, keys and values of a PyTorch attention module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from .attention import RealOperands

__all__ = ["project"]

_HEADS = ("num_heads", "num_attention_heads", "n_heads")
_NAMES = (("query", "key", "value"), ("q_proj", "k_proj", "v_proj"))


def project(module: nn.Module, x: Tensor) -> tuple[RealOperands, RealOperands | None]:
    """Return what a self-attention module attends with.

    Parameters
    ----------
    module
        `nn.MultiheadAttention`; or a module with its number of heads (`num_heads`,
        `num_attention_heads` or `n_heads`) and linear projections `query`, `key`, `value` or
        `q_proj`, `k_proj`, `v_proj`, as most models have it.
    x
        Real [tokens, embedding].

    Returns
    -------
    tuple
        [heads, tokens, d] each; and those of global queries, from `query_global`, `key_global`,
        `value_global` (Longformer), or None if it has none.

    Raises
    ------
    InputError
        If the module is none of these, or does what an engine cannot.
    """
    if x.ndim != 2:
        raise InputError(f"x must be [tokens, embedding], not {list(x.shape)}")
    with torch.no_grad():
        if isinstance(module, nn.MultiheadAttention):
            return _multihead(module, x), None
        heads = _heads(module)
        for names in _NAMES:
            if all(isinstance(getattr(module, name, None), nn.Module) for name in names):
                own = _projected(module, names, heads, x)
                globals_ = tuple(f"{name}_global" for name in names)
                if all(hasattr(module, name) for name in globals_):
                    return own, _projected(module, globals_, heads, x)
                return own, None
    raise InputError(
        f"module must have projections {' or '.join(', '.join(names) for names in _NAMES)}, or be "
        f"nn.MultiheadAttention, not {type(module).__name__}"
    )


def _heads(module: Any) -> int:
    for name in _HEADS:
        count = getattr(module, name, None)
        if isinstance(count, int) and count >= 1:
            return count
    raise InputError(
        f"module must tell its number of heads as {' or '.join(_HEADS)}, not be without it "
        f"({type(module).__name__})"
    )


def _projected(module: Any, names: tuple[str, ...], heads: int, x: Tensor) -> RealOperands:
    return RealOperands(*(_split(getattr(module, name)(x), name, heads) for name in names))


def _multihead(module: nn.MultiheadAttention, x: Tensor) -> RealOperands:
    if module.bias_k is not None or module.add_zero_attn:
        raise InputError(
            "module must attend to its tokens alone, not also to add_bias_kv or add_zero_attn"
        )
    if module.in_proj_weight is None:
        weights = (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
    else:
        weights = module.in_proj_weight.chunk(3)
    biases = (None,) * 3 if module.in_proj_bias is None else module.in_proj_bias.chunk(3)
    return RealOperands(*(
        _split(nn.functional.linear(x, weight, bias), name, module.num_heads)
        for name, weight, bias in zip("qkv", weights, biases, strict=True)
    ))  # fmt: skip


def _split(x: Tensor, name: str, heads: int) -> Tensor:
    """[tokens, heads * d] as [heads, tokens, d]."""
    tokens, width = x.shape
    if width % heads:
        raise InputError(f"{name} must give a multiple of {heads} heads, not {width}")
    return x.reshape(tokens, heads, width // heads).transpose(0, 1)

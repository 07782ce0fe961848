"""Patterns from FlexAttention: mask functions and block masks (torch.nn.attention.flex_attention).

Functions are evaluated on the CPU, a stretch of rows at a time, by `create_mask`, so that they may
index tensors and be put together with `and_masks` and `or_masks`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_mask

from ....errors import InputError
from ...checks import check_range
from ..pattern import Pattern
from .boolean import from_rows

__all__ = ["from_block_mask", "from_mask_mod"]

MaskMod = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

_MASK_ARGUMENTS, _SCORE_ARGUMENTS = 4, 5
_MAX_HEADS = 1 << 20


def from_mask_mod(
    mask_mod: MaskMod, queries: int, keys: int, *, batch: int = 0, head: int = 0
) -> Pattern:
    """Return the pattern of a `mask_mod(b, h, q_idx, kv_idx)` for one batch entry and head.

    Raises
    ------
    InputError
        If it is a score_mod, or does not return booleans.
    """
    check_range("batch", batch, 0, _MAX_HEADS)
    check_range("head", head, 0, _MAX_HEADS)
    _check_mask_mod(mask_mod)
    return from_rows(
        queries, keys, lambda start, stop: _rows(mask_mod, start, stop, keys, batch, head)
    )


def from_block_mask(
    block_mask: BlockMask, *, batch: int | None = None, head: int | None = None
) -> Pattern:
    """Return the pattern of a `BlockMask` for one batch entry and head.

    Full blocks allow all their pairs, partial blocks those that `mask_mod` allows, others none.

    Parameters
    ----------
    block_mask
        As `create_block_mask` or `BlockMask.from_kv_blocks` returns it.
    batch, head
        May be left out where there is one.

    Raises
    ------
    InputError
        If it is no BlockMask, or batch or head are missing or out of range.
    """
    if not isinstance(block_mask, BlockMask):
        raise InputError(f"block_mask must be a BlockMask, not {type(block_mask).__name__}")
    batches, heads = block_mask.kv_num_blocks.shape[:2]
    batch, head = _chosen("batch", batch, batches), _chosen("head", head, heads)
    queries, keys = block_mask.seq_lengths
    size_q, size_k = block_mask.BLOCK_SIZE
    place = min(batch, batches - 1), min(head, heads - 1)
    count = -(-keys // size_k)
    partial = _block_map(block_mask.kv_num_blocks, block_mask.kv_indices, place, count)
    full = _block_map(block_mask.full_kv_num_blocks, block_mask.full_kv_indices, place, count)

    def rows(start: int, stop: int) -> NDArray[np.bool_]:
        block = np.arange(start, stop) // size_q
        allowed = np.zeros((stop - start, count * size_k), np.bool_)
        if full is not None:
            allowed |= np.repeat(full[block], size_k, axis=1)
        allowed = allowed[:, :keys]
        if partial is not None and partial[block].any():
            some = np.repeat(partial[block], size_k, axis=1)[:, :keys]
            allowed |= some & _rows(block_mask.mask_mod, start, stop, keys, batch, head)
        return allowed

    return from_rows(queries, keys, rows)


def _check_mask_mod(mask_mod: MaskMod) -> None:
    if not callable(mask_mod):
        raise InputError(f"mask_mod must be a function, not {type(mask_mod).__name__}")
    parameters = inspect.signature(mask_mod).parameters.values()
    positional = [
        each for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        and each.default is each.empty
    ]  # fmt: skip
    if len(positional) == _SCORE_ARGUMENTS:
        raise InputError("mask_mod must be a function of (b, h, q_idx, kv_idx), not a score_mod")
    if len(positional) != _MASK_ARGUMENTS:
        raise InputError(
            f"mask_mod must be a function of (b, h, q_idx, kv_idx), not of {len(positional)} "
            "arguments"
        )


def _rows(
    mask_mod: MaskMod, start: int, stop: int, keys: int, batch: int, head: int
) -> NDArray[np.bool_]:
    def shifted(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        return mask_mod(b + batch, h + head, q_idx + start, kv_idx)

    with torch.no_grad():
        mask = create_mask(shifted, 1, 1, stop - start, keys, device="cpu")
    if mask.dtype != torch.bool:
        raise InputError(f"mask_mod must return booleans, not {mask.dtype}")
    matrix: NDArray[Any] = mask.expand(1, 1, stop - start, keys)[0, 0].numpy()
    return matrix


def _chosen(name: str, value: int | None, count: int) -> int:
    if value is None and count == 1:
        return 0
    if value is None:
        raise InputError(f"{name} must be given for a block mask of {count}")
    # A block mask of one is used for all.
    check_range(name, value, 0, count - 1 if count > 1 else _MAX_HEADS)
    return value


def _block_map(
    counts: Tensor | None, indices: Tensor | None, place: tuple[int, int], blocks: int
) -> NDArray[np.bool_] | None:
    """Blocks listed, bool [query blocks, key blocks]."""
    if counts is None or indices is None:
        return None
    count, index = counts[place].cpu().numpy(), indices[place].cpu().numpy()
    listed = np.arange(index.shape[1]) < count[:, None]
    result = np.zeros((len(count), blocks), np.bool_)
    row, entry = np.nonzero(listed)
    result[row, index[row, entry]] = True
    return result

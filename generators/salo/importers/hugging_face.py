"""Patterns of Hugging Face's Longformer and BigBird, from their configs.

A config is a mapping (as `config.json` has it) or an object with its fields; transformers need not
be installed. What a config says beyond a set of allowed pairs is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....errors import InputError
from ...checks import check_range
from ..pattern import MAX_TOKENS, Pattern
from ..terms import Band, Blocks, GlobalColumns, GlobalRows, Term

__all__ = ["from_bigbird", "from_longformer"]

_PLAIN: dict[str, tuple[Any, ...]] = {
    # Relative positions add a bias to scores; decoders of these models mask in another way.
    "position_embedding_type": ("absolute", None),
    "is_decoder": (False, None),
    "add_cross_attention": (False, None),
}
_LONGFORMER: dict[str, tuple[Any, ...]] = {
    "model_type": ("longformer", None),
    "attention_dilation": (1, None),
    "autoregressive": (False, None),
    "attention_mode": ("sliding_chunks", "tvm", None),
}
_BIGBIRD: dict[str, tuple[Any, ...]] = {"model_type": ("big_bird", None)}

Config = Mapping[str, Any] | object


def from_longformer(
    config: Config,
    tokens: int,
    *,
    layer: int = 0,
    global_attention_mask: Sequence[int] | None = None,
) -> Pattern:
    """Return the pattern of a Longformer layer.

    A query sees `w / 2` keys on each side, so `w + 1` with its own, and all global tokens; global
    tokens see everything. The model projects the queries, keys and values of global rows apart
    (`query_global` and so on): schedule with `global_row_kv` private to have it so.

    Parameters
    ----------
    config
        With `attention_window`: even, for all layers or one for each.
    tokens
        Of the sequence.
    layer
        Which.
    global_attention_mask
        1 for each global token and 0 for the others; none are global if left out.

    Raises
    ------
    InputError
        If something is missing, unsupported or out of its range.
    """
    _check_plain(config, _PLAIN | _LONGFORMER)
    check_range("tokens", tokens, 1, MAX_TOKENS)
    windows = _field(config, "attention_window")
    if isinstance(windows, Sequence):
        check_range("layer", layer, 0, len(windows) - 1)
        window = windows[layer]
    else:
        window = windows
    if isinstance(window, bool) or not isinstance(window, int) or window < 2 or window % 2:
        raise InputError(f"attention_window must be positive and even, not {window!r}")
    terms: list[Term] = [Band(-(window // 2), window // 2)]
    chosen = _global_tokens(global_attention_mask, tokens)
    if chosen:
        terms += [GlobalColumns(chosen), GlobalRows(chosen)]
    return Pattern(tokens, tokens, terms)


def from_bigbird(
    config: Config,
    tokens: int,
    *,
    seed: int | None = None,
    random_blocks: Sequence[Sequence[int]] | None = None,
) -> Pattern:
    """Return the pattern of one head of a BigBird layer.

    Blocks see their neighbours, the first and the last block, and random blocks; the first and the
    last block see everything. Sequences of up to `(5 + 2 r) * block_size` tokens are attended to in
    full, as the model does.

    Parameters
    ----------
    config
        With `attention_type`, `block_size` and `num_random_blocks` (r).
    tokens
        Of the sequence; its last block may be cut.
    seed
        Of the random blocks. The model draws anew for each layer and head.
    random_blocks
        Instead of a seed: the blocks of each query block but the first and the last, as the model
        holds them (`rand_attn` of a head).

    Raises
    ------
    InputError
        If something is missing, unsupported or out of its range.
    """
    _check_plain(config, _PLAIN | _BIGBIRD)
    check_range("tokens", tokens, 1, MAX_TOKENS)
    kind = _field(config, "attention_type", "block_sparse")
    if kind not in ("block_sparse", "original_full"):
        raise InputError(f"attention_type must be block_sparse or original_full, not {kind!r}")
    size, count = _field(config, "block_size", 64), _field(config, "num_random_blocks", 3)
    check_range("block_size", size, 1, MAX_TOKENS)
    check_range("num_random_blocks", count, 0, MAX_TOKENS)
    if kind == "original_full" or tokens <= (5 + 2 * count) * size:
        return Pattern(tokens, tokens, [Band(1 - tokens, tokens - 1)])
    blocks = -(-tokens // size)
    last = blocks - 1
    pairs = {(0, other) for other in range(blocks)} | {(last, other) for other in range(blocks)}
    near = {block: {0, last, block - 1, block, block + 1} for block in range(1, last)}
    if random_blocks is None:
        drawn = _drawn(near, count, blocks, seed)
    else:
        drawn = _checked(random_blocks, near, count, blocks)
    for block, others in near.items():
        pairs |= {(block, other) for other in (*others, *drawn[block])}
    return Pattern(tokens, tokens, [Blocks(size, pairs)])


def _drawn(
    near: dict[int, set[int]], count: int, blocks: int, seed: int | None
) -> dict[int, list[int]]:
    if count and seed is None:
        raise InputError("seed must be given for random blocks (or random_blocks), not None")
    if seed is not None:
        check_range("seed", seed, 0, 1 << 63)
    generator = np.random.default_rng(seed)
    drawn = {}
    for block, others in near.items():
        free = [other for other in range(blocks) if other not in others]
        drawn[block] = generator.choice(free, count, replace=False).tolist()
    return drawn


def _checked(
    random_blocks: Sequence[Sequence[int]], near: dict[int, set[int]], count: int, blocks: int
) -> dict[int, list[int]]:
    if len(random_blocks) != len(near):
        raise InputError(
            f"random_blocks must be {len(near)} lists (not for the first and last block), not "
            f"{len(random_blocks)}"
        )
    drawn = {}
    for block, row in zip(near, random_blocks, strict=True):
        own = [int(other) for other in row]
        if len(own) != count:
            raise InputError(f"random_blocks must be {count} for each block, not {len(own)}")
        for other in own:
            # The model would count a key twice that a window or another draw has already.
            if not 0 <= other < blocks or other in near[block] or own.count(other) > 1:
                raise InputError(
                    f"random_blocks of block {block} must be 0 to {blocks - 1}, apart from its "
                    f"window and once each, not {other}"
                )
        drawn[block] = own
    return drawn


def _global_tokens(mask: Sequence[int] | None, tokens: int) -> list[int]:
    if mask is None:
        return []
    values = np.asarray(mask)
    if values.shape != (tokens,):
        raise InputError(
            f"global_attention_mask must have {tokens} entries, not the shape {list(values.shape)}"
        )
    for value in values:
        if value not in (0, 1):
            raise InputError(f"global_attention_mask must be 0 or 1, not {value}")
    chosen: list[int] = np.flatnonzero(values).tolist()
    return chosen


def _field(config: Config, name: str, *default: Any) -> Any:
    if isinstance(config, Mapping):
        value = config.get(name, *default)
    else:
        value = getattr(config, name, *(default or (None,)))
    if value is None:
        raise InputError(f"{name} must be in the config, and is missing")
    return value


def _check_plain(config: Config, allowed: dict[str, tuple[Any, ...]]) -> None:
    for name, values in allowed.items():
        given = config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)
        for each in given if isinstance(given, list | tuple) else [given]:
            if each not in values:
                shown = " or ".join(str(value) for value in values if value is not None)
                raise InputError(f"{name} must be {shown} to be supported, not {given!r}")

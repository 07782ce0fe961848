"""The patterns of brief section 5.4 at full size, and a naive oracle of what tiles compute."""

from __future__ import annotations

import numpy as np

from gatewright.generators.salo.importers.hugging_face import from_bigbird, from_longformer
from gatewright.generators.salo.importers.vision import from_swin, from_vil
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.terms import Band, Blocks, GlobalColumns, GlobalRows


def with_globals(count, *terms):
    return [*terms, GlobalColumns(range(count)), GlobalRows(range(count))]


def longformer(tokens=4096, window=512):
    mask = [1] + [0] * (tokens - 1)
    return from_longformer({"attention_window": window}, tokens, global_attention_mask=mask)


def bigbird(tokens=4096):
    return from_bigbird({"block_size": 64, "num_random_blocks": 3}, tokens, seed=1)


def dilated(step, taps, tokens=4096):
    half = taps // 2 * step
    return Pattern(tokens, tokens, with_globals(1, Band(-half, half, step)))


def streaming(tokens=4096, window=1024, sinks=4):
    return Pattern(tokens, tokens, [Band(1 - window, 0), GlobalColumns(range(sinks))], causal=True)


def strided(tokens=2048, stride=128):
    return Pattern(tokens, tokens, [Band(1 - stride, 0), Band(-tokens, 0, stride)])


def fixed(tokens=2048, size=128, summary=8):
    own = Blocks(size, [(block, block) for block in range(tokens // size)])
    columns = [key for key in range(tokens) if key % size >= size - summary]
    return Pattern(tokens, tokens, [own, GlobalColumns(columns)], causal=True)


def dense(tokens, causal=False):
    return Pattern(tokens, tokens, [Band(1 - tokens, tokens - 1)], causal=causal)


FULL_SIZE = {
    "longformer 513": (longformer, 64, 2_043_134, 1992, 0.92),
    "longformer 512": (
        lambda: Pattern(4096, 4096, with_globals(1, Band(-256, 255))), 64, 2_039_295, 1992, 0.92
    ),
    "longformer with 3 globals": (
        lambda: Pattern(1000, 1000, with_globals(3, Band(-64, 64))), 64, 130_444, 128, 0.92
    ),
    "vil 1": (lambda: from_vil(56, 56, 15), 64, 620_929, 736, 0.76),
    "vil 2": (lambda: from_vil(28, 28, 15), 64, 134_065, 175, 0.69),
    "bigbird": (bigbird, 64, 2_547_712, 2476, 0.92),
    "dilated 4": (lambda: dilated(4, 65), 64, 270_142, 256, 0.92),
    "dilated 2": (lambda: dilated(2, 513), 64, 1_977_342, 1936, 0.92),
    "streaming": (streaming, 64, 3_682_810, 3600, 0.92),
    "strided": (strided, 64, 269_376, 354, 0.68),
    "fixed": (fixed, 64, 254_976, 304, 0.75),
    "swin": (lambda: from_swin(56, 56, 7), 32, 153_664, 256, 0.53),
    "causal": (lambda: dense(1024, causal=True), 64, 524_800, 528, 0.89),
    "dense": (lambda: dense(512), 64, 262_144, 256, 0.92),
}
"""Pattern, dk = dv, allowed pairs, most tiles and least utilisation on 32 x 32, S 2, X 1, G 1."""


SMALL = {
    "longformer": lambda: longformer(67, 10),
    "3 globals": lambda: Pattern(61, 61, with_globals(3, Band(-6, 6))),
    "vil": lambda: from_vil(8, 9, 5),
    "swin": lambda: from_swin(12, 12, 4),
    "shifted swin": lambda: from_swin(12, 12, 4, 2),
    "bigbird": lambda: from_bigbird({"block_size": 8, "num_random_blocks": 2}, 96, seed=1),
    "dilated": lambda: dilated(3, 9, 70),
    "streaming": lambda: streaming(80, 20, 3),
    "strided": lambda: strided(72, 12),
    "fixed": lambda: fixed(72, 12, 3),
    "causal": lambda: dense(45, causal=True),
    "dense": lambda: dense(37),
}
"""Each kind, small enough to be simulated."""


def times_computed(batch, queries, keys):
    """How often tiles compute each pair, int [queries, keys], by looking at one after another."""
    times = np.zeros((queries, keys), np.int64)
    for rows, tokens in (
        (batch.queries, batch.tokens), (batch.rider_queries, batch.rider_tokens)
    ):  # fmt: skip
        for tile_rows, tile_tokens in zip(rows, tokens, strict=True):
            for query, seen in zip(tile_rows, tile_tokens, strict=True):
                for token in seen[seen >= 0]:
                    times[query, token] += 1
    return times

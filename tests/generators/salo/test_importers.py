from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.attention.flex_attention import (
    BlockMask,
    and_masks,
    create_block_mask,
    create_mask,
    or_masks,
)

from gatewright.errors import InputError
from gatewright.generators.salo.importers import boolean
from gatewright.generators.salo.importers.boolean import from_boolean
from gatewright.generators.salo.importers.description import from_description
from gatewright.generators.salo.importers.flex_attention import from_block_mask, from_mask_mod
from gatewright.generators.salo.importers.hugging_face import from_bigbird, from_longformer
from gatewright.generators.salo.importers.vision import from_swin, from_vil
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.terms import Band, Blocks, GlobalColumns, GlobalRows, Window2d


def whole(pattern):
    return pattern.block(0, pattern.queries)


def window(b, h, q_idx, kv_idx):
    return (q_idx - kv_idx).abs() <= 40


def causal(b, h, q_idx, kv_idx):
    return q_idx >= kv_idx


def of_head(b, h, q_idx, kv_idx):
    return kv_idx % (2 + h + 3 * b) == 0


@pytest.mark.parametrize("kind", [torch.from_numpy, np.asarray, lambda mask: mask[None, None]])
def test_boolean(kind, monkeypatch):
    monkeypatch.setattr(boolean, "PAIRS_AT_ONCE", 100)
    mask = np.random.default_rng(1).random((30, 23)) < 0.3
    assert (whole(from_boolean(kind(mask))) == mask).all()


@pytest.mark.parametrize(
    "mask_mod", [window, causal, and_masks(window, causal), or_masks(causal, of_head)]
)
def test_mask_mod(mask_mod, monkeypatch):
    monkeypatch.setattr(boolean, "PAIRS_AT_ONCE", 5000)
    for batch, head in ((0, 0), (1, 2)):
        expected = create_mask(mask_mod, 2, 3, 130, 200, device="cpu")[batch, head]
        pattern = from_mask_mod(mask_mod, 130, 200, batch=batch, head=head)
        assert (whole(pattern) == expected.numpy()).all()


def test_mask_mod_that_looks_into_a_tensor():
    document = torch.arange(90) // 35
    pattern = from_mask_mod(lambda b, h, q, kv: document[q] == document[kv], 90, 90)
    assert (whole(pattern) == (document[:, None] == document).numpy()).all()


@pytest.mark.parametrize("size", [128, (64, 32)])
@pytest.mark.parametrize("tokens", [(256, 256), (300, 210)])
def test_block_mask(size, tokens):
    block_mask = create_block_mask(
        and_masks(window, or_masks(causal, of_head)), 2, 3, *tokens, device="cpu", BLOCK_SIZE=size
    )
    for batch, head in ((0, 1), (1, 2)):
        expected = create_mask(block_mask.mask_mod, 2, 3, *tokens, device="cpu")[batch, head]
        pattern = from_block_mask(block_mask, batch=batch, head=head)
        assert (whole(pattern) == expected.numpy()).all()


def test_block_mask_by_its_blocks_alone():
    """Blocks that are not listed are left out, whatever the mask_mod would say."""
    counts = torch.tensor([[[1, 2]]], dtype=torch.int32)
    indices = torch.tensor([[[[1, 0], [0, 1]]]], dtype=torch.int32)
    block_mask = BlockMask.from_kv_blocks(counts, indices, BLOCK_SIZE=16)
    expected = np.kron([[0, 1], [1, 1]], np.ones((16, 16))).astype(bool)
    assert (whole(from_block_mask(block_mask)) == expected).all()


def test_full_blocks_do_not_ask_the_mask_mod():
    counts = torch.tensor([[[0]]], dtype=torch.int32)
    full = torch.tensor([[[1]]], dtype=torch.int32)
    indices = torch.tensor([[[[0]]]], dtype=torch.int32)
    block_mask = BlockMask.from_kv_blocks(
        counts, indices, full, indices, BLOCK_SIZE=16, mask_mod=lambda b, h, q, kv: q < 0
    )
    assert whole(from_block_mask(block_mask)).all()


def test_longformer():
    mask = [0] * 100
    mask[0] = mask[17] = 1
    near = np.abs(np.subtract.outer(np.arange(100), np.arange(100)))
    chosen = np.array(mask, bool)
    for config, layer, half in (
        ({"attention_window": 10, "model_type": "longformer"}, 0, 5),
        ({"attention_window": [10, 20]}, 1, 10),
        (SimpleNamespace(attention_window=[6, 8], position_embedding_type="absolute"), 0, 3),
    ):
        pattern = from_longformer(config, 100, layer=layer, global_attention_mask=mask)
        assert (whole(pattern) == (near <= half) | chosen | chosen[:, None]).all()
        assert pattern.global_queries == (0, 17)
    assert from_longformer({"attention_window": 4}, 9).global_queries == ()


def test_bigbird():
    config = {"attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 2}
    mask = whole(from_bigbird(config, 62, seed=3))  # the 16th block is cut
    padded = np.zeros((64, 64), bool)
    padded[:62, :62] = mask
    blocks = padded.reshape(16, 4, 16, 4)
    listed = blocks.any(axis=(1, 3))
    assert (np.kron(listed, np.ones((4, 4), bool))[:62, :62] == mask).all()
    assert listed[[0, 15]].all() and listed[:, [0, 15]].all()
    near = np.abs(np.subtract.outer(np.arange(16), np.arange(16))) <= 1
    assert listed[near].all()
    near[:, [0, 15]] = near[[0, 15]] = True
    assert ((listed & ~near).sum(axis=1)[1:15] == 2).all()
    assert (whole(from_bigbird(config, 62, seed=3)) == mask).all()
    assert (whole(from_bigbird(config, 62, seed=4)) != mask).any()
    drawn = [np.flatnonzero(row).tolist() for row in (listed & ~near)[1:15]]
    assert (whole(from_bigbird(SimpleNamespace(**config), 62, random_blocks=drawn)) == mask).all()


def test_bigbird_attends_to_short_sequences_in_full():
    config = {"block_size": 4, "num_random_blocks": 2}
    assert whole(from_bigbird(config, 36)).all()
    assert not whole(from_bigbird(config, 37, seed=0)).all()
    assert whole(from_bigbird({**config, "attention_type": "original_full"}, 60)).all()


def test_vision():
    vil = Pattern(37, 37, [Window2d(5, 7, 3, 3, 2), GlobalColumns([0, 1]), GlobalRows([0, 1])])
    assert (whole(from_vil(5, 7, 3, 2)) == whole(vil)).all()
    assert from_vil(5, 7, 3, 0).queries == 35
    swin = from_swin(8, 4, 4, 2)
    assert swin.counts.tolist() == [4] * 8 + [8] * 16 + [4] * 8


def test_description():
    description = {
        "queries": 40, "keys": 50, "causal": True,
        "terms": [
            {"band": {"lo": -4, "hi": 4, "step": 2}}, {"global_cols": [1]}, {"global_rows": [9]},
            {"window2d": {"height": 4, "width": 5, "rows": 3, "cols": 1}},
            {"windows2d": {"height": 4, "width": 5, "rows": 2, "cols": 2, "shift": [1, 0]}},
            {"blocks": {"size": 8, "blocks": [[4, 0]]}},
        ],
    }  # fmt: skip
    pattern = from_description(description)
    assert (pattern.queries, pattern.keys, pattern.causal, len(pattern.terms)) == (40, 50, True, 6)
    assert pattern.terms[0] == Band(-4, 4, 2)
    assert pattern.terms[3] == Window2d(4, 5, 3, 1)
    assert pattern.terms[5] == Blocks(8, [(4, 0)])
    square = from_description({"queries": 9, "terms": [{"band": {"lo": 0, "hi": 0}}]})
    assert (square.keys, square.causal) == (9, False)


def score_mod(score, b, h, q_idx, kv_idx):
    return score


BIG = {"block_size": 4, "num_random_blocks": 1}
LONG = {"attention_window": 4}
HEADS = create_block_mask(causal, 1, 2, 128, 128, device="cpu")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: from_boolean(torch.zeros(4, 4)),
         "mask must be boolean (a bias is not supported), not float32"),
        (lambda: from_boolean(np.full((4, 4), -np.inf)),
         "mask must be boolean (a bias is not supported), not float64"),
        (lambda: from_boolean(torch.ones(4, 4, dtype=torch.int64)),
         "mask must be boolean (a bias is not supported), not int64"),
        (lambda: from_boolean(np.ones((2, 4, 4), bool)),
         "mask must be one matrix [queries, keys], not of shape [2, 4, 4]"),
        (lambda: from_boolean(np.ones(4, bool)),
         "mask must be one matrix [queries, keys], not of shape [4]"),
        (lambda: from_boolean(np.ones((4, 0), bool)),
         "keys must be a whole number from 1 to 65536, not 0"),
        (lambda: from_mask_mod(score_mod, 4, 4),
         "mask_mod must be a function of (b, h, q_idx, kv_idx), not a score_mod"),
        (lambda: from_mask_mod(lambda q, k: q == k, 4, 4),
         "mask_mod must be a function of (b, h, q_idx, kv_idx), not of 2 arguments"),
        (lambda: from_mask_mod(None, 4, 4), "mask_mod must be a function, not NoneType"),
        (lambda: from_mask_mod(lambda b, h, q, kv: q - kv, 4, 4),
         "mask_mod must return booleans, not torch.int64"),
        (lambda: from_mask_mod(causal, 4, 4, head=-1),
         "head must be a whole number from 0 to 1048576, not -1"),
        (lambda: from_block_mask(torch.ones(2, 2, dtype=torch.bool)),
         "block_mask must be a BlockMask, not Tensor"),
        (lambda: from_block_mask(HEADS), "head must be given for a block mask of 2"),
        (lambda: from_block_mask(HEADS, head=2), "head must be a whole number from 0 to 1, not 2"),
        (lambda: from_longformer({}, 9), "attention_window must be in the config, and is missing"),
        (lambda: from_longformer({"attention_window": 5}, 9),
         "attention_window must be positive and even, not 5"),
        (lambda: from_longformer({"attention_window": [4, 0]}, 9, layer=1),
         "attention_window must be positive and even, not 0"),
        (lambda: from_longformer({"attention_window": [4]}, 9, layer=1),
         "layer must be a whole number from 0 to 0, not 1"),
        (lambda: from_longformer(LONG | {"attention_dilation": [1, 2]}, 9),
         "attention_dilation must be 1 to be supported, not [1, 2]"),
        (lambda: from_longformer(LONG | {"position_embedding_type": "relative_key"}, 9),
         "position_embedding_type must be absolute to be supported, not 'relative_key'"),
        (lambda: from_longformer(LONG | {"is_decoder": True}, 9),
         "is_decoder must be False to be supported, not True"),
        (lambda: from_longformer(LONG | {"model_type": "bert"}, 9),
         "model_type must be longformer to be supported, not 'bert'"),
        (lambda: from_longformer(LONG, 3, global_attention_mask=[1, 0]),
         "global_attention_mask must have 3 entries, not the shape [2]"),
        (lambda: from_longformer(LONG, 2, global_attention_mask=[1, 2]),
         "global_attention_mask must be 0 or 1, not 2"),
        (lambda: from_bigbird(BIG, 60),
         "seed must be given for random blocks (or random_blocks), not None"),
        (lambda: from_bigbird(BIG, 60, seed=-1),
         f"seed must be a whole number from 0 to {1 << 63}, not -1"),
        (lambda: from_bigbird(BIG | {"attention_type": "flash"}, 60),
         "attention_type must be block_sparse or original_full, not 'flash'"),
        (lambda: from_bigbird(BIG | {"block_size": 0}, 60),
         "block_size must be a whole number from 1 to 65536, not 0"),
        (lambda: from_bigbird(BIG, 32, random_blocks=[[4]] * 5),
         "random_blocks must be 6 lists (not for the first and last block), not 5"),
        (lambda: from_bigbird(BIG, 32, random_blocks=[[4, 5]] * 6),
         "random_blocks must be 1 for each block, not 2"),
        (lambda: from_bigbird(BIG, 32, random_blocks=[[3]] * 6),
         "random_blocks of block 2 must be 0 to 7, apart from its window and once each, not 3"),
        (lambda: from_vil(4, 4, 2), "rows must be positive and odd, not 2"),
        (lambda: from_vil(4, 4, 3, -1),
         "global_tokens must be a whole number from 0 to 65536, not -1"),
        (lambda: from_swin(8, 9, 4), "width must be a multiple of window = 4, not 9"),
        (lambda: from_swin(8, 8, 4, 4), "shift must be from 0 to rows - 1 = 3, not 4"),
        (lambda: from_description({"terms": []}), "pattern must have queries, and has terms"),
        (lambda: from_description({"queries": 4, "terms": [], "bias": 1}),
         "pattern must be of queries, keys, causal, terms, not 'bias'"),
        (lambda: from_description({"queries": 4, "terms": {}}), "terms must be a list, not {}"),
        (lambda: from_description({"queries": 4, "terms": [], "causal": 1}),
         "causal must be true or false, not 1"),
        (lambda: from_description({"queries": 4, "terms": [{"alibi": {}}]}),
         "terms must be of band, global_cols, global_rows, window2d, windows2d, blocks, not "
         "'alibi'"),
        (lambda: from_description({"queries": 4, "terms": ["band"]}),
         "terms must each be one of band, global_cols, global_rows, window2d, windows2d, blocks, "
         "not 'band'"),
        (lambda: from_description({"queries": 4, "terms": [{"band": [1, 2]}]}),
         "band must be a mapping of its arguments, not [1, 2]"),
        (lambda: from_description({"queries": 4, "terms": [{"band": {"lo": 1}}]}),
         "band must have hi, and has lo"),
        (lambda: from_description({"queries": 4, "terms": [{"band": {"lo": 1, "high": 2}}]}),
         "band must be of lo, hi, step, not 'high'"),
        (lambda: from_description({"queries": 4, "terms": [{"global_cols": 1}]}),
         "global_cols must be a list of tokens, not 1"),
        (lambda: from_description(
            {"queries": 4, "terms": [{"blocks": {"size": 2, "blocks": [[1]]}}]}),
         "blocks must be pairs of whole numbers, not [1]"),
        (lambda: from_description(
            {"queries": 4, "terms": [{"blocks": {"size": 2, "blocks": 1}}]}),
         "blocks must be a list of (query block, key block), not 1"),
        (lambda: from_description({"queries": 4, "terms": [{"windows2d": {
            "height": 2, "width": 2, "rows": 2, "cols": 2, "shift": 1}}]}),
         "shift must be two whole numbers, not 1"),
    ],
)  # fmt: skip
def test_refusals(make, message):
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == message

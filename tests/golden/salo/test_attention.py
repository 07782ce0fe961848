from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from gatewright.errors import InputError
from gatewright.golden.salo.attention import attention, base2_scale

from .cases import MASKS


def operands(queries, keys, dk, dv):
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn((queries, dk), generator=generator, dtype=torch.float64),
        torch.randn((keys, dk), generator=generator, dtype=torch.float64),
        torch.randn((keys, dv), generator=generator, dtype=torch.float64),
    )


@pytest.mark.parametrize("name", MASKS)
def test_against_torch(name):
    mask = MASKS[name]
    q, k, v = operands(*mask.shape, 16, 24)
    expected = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.5)
    keyless = ~mask.any(dim=1)
    actual = attention(q, k, v, mask, 0.5, block_rows=100)
    assert torch.allclose(actual[~keyless], expected[~keyless], atol=1e-13)
    assert not actual[keyless].any()


def test_blocks_by_function_and_rows_without_keys():
    q, k, v = operands(70, 50, 8, 3)
    mask = torch.rand((70, 50), generator=torch.Generator().manual_seed(2)) < 0.1
    mask[[0, 33, 69]] = False
    asked = []

    def rows(start, stop):
        asked.append((start, stop))
        return mask[start:stop]

    actual = attention(q, k, v, rows, 1.0, block_rows=32)
    assert asked == [(0, 32), (32, 64), (64, 70)]
    assert torch.equal(actual, attention(q, k, v, mask, 1.0, block_rows=32))
    assert not actual[[0, 33, 69]].any()
    assert bool(torch.isfinite(actual).all())


def test_one_key_equal_logits_and_large_ones():
    q, k, v = operands(4, 6, 8, 3)
    one = torch.eye(4, 6, dtype=torch.bool)
    assert torch.equal(attention(q, k, v, one, 1.0), v[:4])
    every = torch.ones((4, 6), dtype=torch.bool)
    mean = v.mean(dim=0).expand(4, 3)
    assert torch.allclose(attention(q * 0, k, v, every, 1.0), mean, atol=1e-15)
    best = (q @ k.T).argmax(dim=1)
    assert torch.allclose(attention(q, k, v, every, 1e6), v[best])


def test_scale_of_integers():
    assert base2_scale(0) == math.log(2)
    assert base2_scale(12) * 4096 == math.log(2)
    score = torch.tensor([[3.0]])
    out = attention(score, torch.tensor([[1.0], [0.0]]), torch.tensor([[1.0], [0.0]]),
                    torch.ones((1, 2), dtype=torch.bool), base2_scale(0))  # fmt: skip
    assert float(out) == pytest.approx(8 / 9)


def test_bad_input():
    q, k, v = operands(4, 6, 8, 3)
    mask = torch.ones((4, 6), dtype=torch.bool)
    with pytest.raises(InputError, match="mask must be boolean"):
        attention(q, k, v, mask.float(), 1.0)
    with pytest.raises(InputError, match=r"\[4, 6\]"):
        attention(q, k, v, mask[:, :5], 1.0)
    with pytest.raises(InputError, match="q, k and v"):
        attention(q[:, :5], k, v, mask, 1.0)
    with pytest.raises(InputError, match="v must have 6 rows"):
        attention(q, k, v[:5], mask, 1.0)

from __future__ import annotations

import math

import pytest
import torch

from gatewright.errors import InputError
from gatewright.golden.salo.formats import HW8, Format
from gatewright.golden.salo.quantiser import AddedError, added_error, quantize

from .cases import MASKS

WIDE = Format(q_bits=12)


def heads(count=2, n=64, dk=16, dv=8, std=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    q, k = (torch.randn((count, n, dk), generator=generator) for _ in range(2))
    v = torch.randn((count, n, dv), generator=generator)
    return q * std, k, v


@pytest.mark.parametrize("fmt", [HW8, WIDE, Format(q_bits=4, kv_bits=4)])
@pytest.mark.parametrize("per_head", [False, True])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_contract_ranges_and_rounding(fmt, per_head, scale):
    for seed in range(6):
        q, k, v = heads(std=0.001 * 3**seed, seed=seed)
        q[1] *= 5
        made = quantize(q, k, v, fmt, per_head=per_head, scale=scale)
        factor = 1 / 4 if scale is None else scale
        for h in range(2):
            octave = made.scale_q[h] * made.scale_k[h] * factor * math.log2(math.e)
            assert float(octave) == pytest.approx(2.0 ** -made.shifts[h], rel=1e-14)
        assert len(set(made.shifts)) == len(made.scale_q.unique()) == (2 if per_head else 1)
        assert bool((made.slack >= 1 - 1e-12).all() and (made.slack < 2).all())
        # Nothing is clipped, and every number is within half a unit.
        for real, whole, unit, limit in (
            (q, made.q, made.scale_q, fmt.q_max), (k, made.k, made.scale_k, fmt.kv_max),
            (v, made.v, made.scale_v, fmt.kv_max),
        ):  # fmt: skip
            assert int(whole.abs().max()) <= limit
            assert int(whole.abs().max()) > limit // 2 - 1
            difference = whole * unit[:, None, None] - real.double()
            assert bool((difference.abs() <= unit[:, None, None] * 0.5000001).all())
        assert int(made.v.abs().max()) == fmt.kv_max


def test_largest_shift_and_its_limits():
    q = torch.full((1, 1, 1), 127.0)
    k = torch.full((1, 1, 1), 127 * math.log(2.0), dtype=torch.float64)
    v = torch.ones((1, 1, 1))
    # The free scales give one octave exactly, or just above it.
    made = quantize(q, k, v, HW8, scale=1.0)
    assert made.shifts == (0,)
    assert float(made.slack) == pytest.approx(1)
    assert quantize(q / 1000, k, v, HW8, scale=1.0).shifts == (9,)
    limited = quantize(q / 1000, k, v, HW8, scale=1.0, shift_range=(0, 4))
    assert limited.shifts == (4,)
    assert float(limited.slack) == pytest.approx(1000 / 16)
    with pytest.raises(InputError, match="at most 2\\^-10 octaves"):
        quantize(q / 1000, k, v, HW8, scale=1.0, shift_range=(10, 12))
    with pytest.raises(InputError, match="at most 2\\^-0 octaves, not 2"):
        quantize(q * 2, k, v, HW8, scale=1.0)
    assert quantize(q * 1e-30, k, v, HW8, scale=1.0).shifts == (31,)


def test_slack_is_split_to_the_least_noise():
    q, k, v = heads(1, 512, 64, 8)
    made = quantize(q, k, v, HW8)
    shares = (float(made.scale_q / made.free_q), float(made.scale_k / made.free_k))
    # Alike: about the square root each.
    assert shares[0] == pytest.approx(math.sqrt(float(made.slack)), rel=0.1)
    assert shares[1] == pytest.approx(math.sqrt(float(made.slack)), rel=0.1)
    # Bits to spare in q: it takes all.
    wide = quantize(q, k, v, WIDE)
    assert float(wide.scale_k / wide.free_k) == pytest.approx(1)
    assert float(wide.scale_q / wide.free_q) == pytest.approx(float(wide.slack))


def test_noise_of_the_split_is_less_than_of_all_slack_in_q():
    q, k, v = heads(1, 512, 64, 8)
    # Slack just below 2 is the worst case.
    made = quantize(q, k, v, HW8)
    q = q * float(made.slack) / 1.95
    made = quantize(q, k, v, HW8)
    assert 1.9 < float(made.slack) < 2
    scores = q[0].double() @ k[0].double().T

    def noise(scale_q, scale_k):
        rounded = (q[0] / scale_q).round().double() @ (k[0] / scale_k).round().double().T
        return float((rounded * scale_q * scale_k - scores).square().mean())

    a_q, a_k = float(made.free_q), float(made.free_k)
    split = noise(float(made.scale_q), float(made.scale_k))
    one_sided = noise(a_q * float(made.slack), a_k)
    free = noise(a_q, a_k)
    # (2 slack) against (slack^2 + 1), in units of the noise of either operand.
    assert split / free == pytest.approx(1.95, rel=0.1)
    assert one_sided / free == pytest.approx((1.95**2 + 1) / 2, rel=0.1)


def test_added_error():
    mask = MASKS["longformer"]
    for std, free, most in ((1.0, 0.02, 1.12), (3.0, 0.035, 1.6)):
        q, k, v = heads(1, len(mask), 64, 64, std)
        made = quantize(q, k, v, HW8)
        eight = added_error(q, k, v, mask, made, HW8)
        assert 0.5 * free < eight.free < free
        assert 1.0 < eight.ratio < most
        wide = added_error(q, k, v, mask, quantize(q, k, v, WIDE), WIDE)
        assert wide.contract < eight.contract
        assert wide.ratio < 1.02
    zeros = torch.zeros_like(q)
    nothing = added_error(q, k, zeros, mask, quantize(q, k, zeros, HW8), HW8)
    assert nothing == AddedError(0.0, 0.0)
    assert nothing.ratio == 1.0
    assert AddedError(0.0, 0.1).ratio == math.inf


def test_added_error_of_several_heads_is_of_all():
    q, k, v = heads(2, 32)
    every = torch.ones((32, 32), dtype=torch.bool)
    both = added_error(q, k, v, every, quantize(q, k, v, HW8, per_head=True), HW8)
    apart = [
        added_error(*(x[h : h + 1] for x in (q, k, v)), every,
                    quantize(*(x[h : h + 1] for x in (q, k, v)), HW8), HW8)
        for h in range(2)
    ]  # fmt: skip
    assert min(e.contract for e in apart) <= both.contract <= max(e.contract for e in apart)


def test_zeros_and_gradients():
    q, k, v = heads(1)
    made = quantize(q * 0, k.requires_grad_(), v * 0, HW8)
    assert not made.q.any()
    assert not made.v.any()
    assert float(made.scale_q * made.scale_k) > 0
    assert not made.k.requires_grad


def test_bad_input():
    q, k, v = heads()
    for value, text in ((math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (1e300, "1e")):
        bad = k.double()
        bad[1, 2, 3] = value
        with pytest.raises(InputError, match=f"k must be 0 or .* not {text}.* at \\[1, 2, 3\\]"):
            quantize(q, bad, v, HW8)
    with pytest.raises(InputError, match="v must hold real numbers, not"):
        quantize(q, k, v.long(), HW8)
    with pytest.raises(InputError, match=r"q must be \[heads, tokens, d\]"):
        quantize(q[0], k, v, HW8)
    with pytest.raises(InputError, match=r"k must be \[2, keys, 16\]"):
        quantize(q, k[:, :, :8], v, HW8)
    with pytest.raises(InputError, match=r"v must be \[2, 64, dv\]"):
        quantize(q, k, v[:, :9], HW8)
    for scale in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="scale must be a number"):
            quantize(q, k, v, HW8, scale=scale)
    for limits in ((3, 2), (-1, 5), (0, 32)):
        with pytest.raises(InputError, match="shift_range must be ascending"):
            quantize(q, k, v, HW8, shift_range=limits)

"""Attention on the model: near PyTorch's, as near as the integers allow, whatever the operands."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from gatewright.errors import InputError
from gatewright.flows.salo.attention import RealOperands, quantize_operands, run_model
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.schedule import make_schedule
from gatewright.generators.salo.shape import ArrayShape
from gatewright.generators.salo.terms import Band, Explicit, GlobalColumns, GlobalRows
from gatewright.golden.salo.formats import HW8, HW12

PATTERN = Pattern(48, 48, [Band(-5, 5), GlobalColumns([2]), GlobalRows([2])])
CROSS = Pattern(20, 33, [Band(-3, 9)], causal=True)


def operands(pattern: Pattern, heads: int = 2, dk: int = 8, dv: int = 12, seed: int = 0):
    torch.manual_seed(seed)
    return RealOperands(
        torch.randn(heads, pattern.queries, dk), torch.randn(heads, pattern.keys, dk),
        torch.randn(heads, pattern.keys, dv),
    )  # fmt: skip


def tiles(pattern: Pattern, feed: str = "shared"):
    return make_schedule(pattern, ArrayShape(8, 8, 2, 1, 1, feed), dk=8, dv=12).tiles


def mask(pattern: Pattern) -> torch.Tensor:
    return torch.from_numpy(pattern.block(0, pattern.queries))


def relative(given: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((given - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("pattern", [PATTERN, CROSS])
@pytest.mark.parametrize(("numbers", "budget"), [(HW8, 0.004), (HW12, 0.0005)])
def test_errors_are_those_of_the_outputs(pattern, numbers, budget) -> None:
    given = operands(pattern)
    done = run_model(pattern, tiles(pattern), given, numbers)
    wanted = scaled_dot_product_attention(
        given.q.double(), given.k.double(), given.v.double(), attn_mask=mask(pattern)
    )
    assert done.error == pytest.approx(relative(done.outputs, wanted), rel=1e-9)
    assert done.error < 0.05
    assert 0 < done.datapath_error < budget
    assert abs(done.error - done.quantiser_error) <= 1.01 * done.datapath_error
    assert done.largest_error < 0.3
    assert not done.exponent_saturated and not done.output_saturated


def test_global_queries_read_their_own_operands() -> None:
    rows, riders = operands(PATTERN), operands(PATTERN, seed=1)
    riders.v.mul_(50)  # another scale, and another f for the same logits
    riders.q.mul_(3)
    done = run_model(PATTERN, tiles(PATTERN, "private"), rows, HW8, riders=riders)
    wanted = scaled_dot_product_attention(rows.q, rows.k, rows.v, attn_mask=mask(PATTERN))
    own = scaled_dot_product_attention(riders.q, riders.k, riders.v, attn_mask=mask(PATTERN))
    wanted[:, 2] = own[:, 2]
    assert relative(done.outputs[:, 2], wanted[:, 2].double()) < 0.1
    others = [query for query in range(48) if query != 2]
    assert relative(done.outputs[:, others], wanted[:, others].double()) < 0.05
    assert done.datapath_error < 0.004


def test_private_feeds_may_carry_the_operands_of_the_rows() -> None:
    rows = operands(PATTERN)
    done = run_model(PATTERN, tiles(PATTERN, "private"), rows, HW8)
    assert done.error < 0.05


def test_scale_and_shift() -> None:
    given = operands(PATTERN)
    free, _ = quantize_operands(given, None, HW8)
    shift = free.shifts[0] - 3
    done = run_model(
        PATTERN, tiles(PATTERN), given, HW8, scale=1.0, shifts=(shift, shift)
    )
    assert done.shift == shift
    wanted = scaled_dot_product_attention(
        given.q.double(), given.k.double(), given.v.double(), attn_mask=mask(PATTERN), scale=1.0
    )
    assert done.error == pytest.approx(relative(done.outputs, wanted), rel=1e-9)
    assert done.error < 0.2


def test_queries_without_keys_give_zeros() -> None:
    seen = torch.tensor([0, 0, 2, 2]).numpy()
    pattern = Pattern(3, 4, [Explicit(seen, torch.tensor([1, 3], dtype=torch.int32).numpy())])
    done = run_model(pattern, tiles(pattern), operands(pattern), HW8)
    assert (done.outputs[:, [0, 2]] == 0).all()
    assert (done.outputs[:, 1] != 0).any() and done.error < 0.05


def test_zeros_have_no_error() -> None:
    rows = RealOperands(*(torch.zeros(1, 48, 8) for _ in range(3)))
    done = run_model(PATTERN, tiles(PATTERN), rows, HW8)
    assert (done.error, done.quantiser_error, done.datapath_error) == (0.0, 0.0, 0.0)


def test_saturation_is_told() -> None:
    rows = RealOperands(*(torch.full((1, 48, 8), 100.0) for _ in range(3)))
    with pytest.warns(UserWarning, match="some logits saturated"):
        done = run_model(PATTERN, tiles(PATTERN), rows, HW8)
    assert done.exponent_saturated
    assert math.isfinite(done.error)


def test_progress_of_all_heads() -> None:
    told: list[tuple[str, float]] = []
    run_model(PATTERN, tiles(PATTERN), operands(PATTERN, heads=2), HW8,
              progress=lambda step, part: told.append((step, part)))  # fmt: skip
    shares = [part for step, part in told if step == "model of the machine"]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert ("PyTorch", 1.0) in told


def test_operands_that_do_not_fit_are_refused() -> None:
    given = operands(PATTERN)
    short = RealOperands(given.q[:, :47], given.k, given.v)
    with pytest.raises(InputError, match="q must have 48 queries as the pattern has, not 47"):
        run_model(PATTERN, tiles(PATTERN), short, HW8)
    with pytest.raises(InputError, match="global_row_kv must be private for operands of global"):
        run_model(PATTERN, tiles(PATTERN), given, HW8, riders=given)
    other = RealOperands(given.q, given.k, given.v[:, :, :5])
    with pytest.raises(InputError, match=r"global v must be \[2, 48, 12\] like v, not \[2, 48, 5]"):
        run_model(PATTERN, tiles(PATTERN, "private"), given, HW8, riders=other)
    given.k[1, 3, 4] = math.nan
    with pytest.raises(InputError, match=r"k must be 0 or .* not nan at \[1, 3, 4\]"):
        run_model(PATTERN, tiles(PATTERN), given, HW8)

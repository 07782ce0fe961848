from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewright.golden.salo.datapath import EMPTY, Sums, logits, merge, normalise, round_shift
from gatewright.golden.salo.exponential import exponential
from gatewright.golden.salo.formats import HW8, HW12, Format

from .loop import Row, half_up, outputs_of


@given(st.integers(-(2**55), 2**55), st.integers(0, 62))
def test_rounding_shift_is_to_nearest_ties_up(x, s):
    assert int(round_shift(torch.tensor(x), s)) == half_up(Fraction(x, 2**s))


def test_a_cap_at_the_width_changes_nothing_and_a_lower_one_does():
    width = 26
    ends = torch.tensor([-(1 << width - 1), (1 << width - 1) - 1])
    for s in range(width, 63):
        assert not round_shift(ends, s).any()
    # An unsigned number of 18 bits needs 19.
    assert int(round_shift(torch.tensor((1 << 18) - 1), 18)) == 1
    assert int(round_shift(torch.tensor((1 << 18) - 1), 19)) == 0


@pytest.mark.parametrize("fmt", [HW8, HW12])
@pytest.mark.parametrize("shift", [0, 3, 9, 10, 11, 13, 14, 20, 31])
def test_logits_of_scores(fmt, shift):
    generator = torch.Generator().manual_seed(shift)
    scores = torch.randint(-(1 << 20), 1 << 20, (2000,), generator=generator)
    scores[:4] = torch.tensor([0, -1, 64 * 127 * 127, -64 * 127 * 127])
    n, e, saturated = logits(scores, shift, fmt)
    low, high = fmt.octave_range
    for score, octave, mantissa, flag in zip(
        scores.tolist(), n.tolist(), e.tolist(), saturated.tolist(), strict=True
    ):
        t = half_up(Fraction(score << fmt.fraction_bits, 1 << shift))
        whole, fraction = divmod(t, 1 << fmt.fraction_bits)
        assert octave == min(max(whole, low), high)
        assert flag == (whole != octave)
        # The fraction is that of the logit, saturated or not.
        assert mantissa == int(exponential(torch.tensor(fraction), fmt))
    assert bool(saturated.any()) == (shift < 11)


octave = st.one_of(st.none(), st.integers(-40, 40), st.sampled_from([-512, 511]))


def sums_of(parts, fmt, scale):
    """Sums of one row each, plausible but for nothing: (octave, total, numerator)."""
    rows = Sums.empty(len(parts), 1)
    for i, (n, total, num) in enumerate(parts):
        if n is not None:
            rows.maximum[i], rows.total[i], rows.numerators[i, 0] = n, total * scale, num * scale
    return rows


part = st.tuples(octave, st.integers(2048, 1 << 18), st.integers(-(1 << 25), 1 << 25))


@given(st.lists(part, min_size=2, max_size=6), st.sampled_from([1, 64, 1 << 20]))
def test_merge_is_the_recurrence(parts, scale):
    slow, fast = Row(1), Sums.empty(1, 1)
    for n, total, num in parts:
        fast = merge(fast, sums_of([(n, total, num)], HW8, scale))
        if n is not None:
            slow.add(n, total * scale, [num * scale])
    assert int(fast.maximum) == (EMPTY if slow.m is None else slow.m)
    assert int(fast.total) == slow.l
    assert fast.numerators.tolist() == [slow.num]


@given(part, part, part)
def test_merge_commutes_and_is_associative_within_rounding(a, b, c):
    x, y, z = (sums_of([each], HW8, 1) for each in (a, b, c))
    there, back = merge(x, y), merge(y, x)
    assert torch.equal(there.total, back.total)
    assert torch.equal(there.numerators, back.numerators)
    left, right = merge(merge(x, y), z), merge(x, merge(y, z))
    assert torch.equal(left.maximum, right.maximum)
    # Either side rounds four times at most, by half a unit.
    assert abs(int(left.total - right.total)) <= 4
    assert abs(int(left.numerators - right.numerators)) <= 4


def test_merge_leaves_its_operands_alone():
    x, y = sums_of([(0, 5000, 77)], HW8, 1), sums_of([(3, 4000, -9)], HW8, 1)
    merge(x, y)
    assert (int(x.total), int(x.numerators)) == (5000, 77)
    assert (int(y.total), int(y.numerators)) == (4000, -9)


def slow_normalise(total, numerators, fmt):
    rows = []
    flags = []
    for each, row in zip(total.tolist(), numerators.tolist(), strict=True):
        sums = Row(len(row))
        sums.l, sums.num = each, row
        out, flag = outputs_of(sums, fmt)
        rows.append(out)
        flags.append(flag)
    return rows, flags


@pytest.mark.parametrize(
    "fmt", [HW8, HW12, Format(mantissa_bits=13, guard_bits=16, out_fraction_bits=12),
            Format(kv_bits=4, guard_bits=2)],
)  # fmt: skip
def test_normalisation_against_exact_numbers(fmt):
    generator = torch.Generator().manual_seed(0)
    least = 1 << fmt.mantissa_bits - 1 + fmt.guard_bits
    # Up to 2^17 keys.
    length = torch.randint(0, 18, (3000,), generator=generator)
    total = torch.randint(least, 2 * least, (3000,), generator=generator) << length
    total |= torch.randint(0, least, (3000,), generator=generator)
    mean = (torch.rand((3000, 2), generator=generator, dtype=torch.float64) * 2 - 1) * fmt.kv_max
    # A few are beyond every value, as rounding could leave them.
    mean[::50] *= 3
    numerators = (mean * total[:, None]).long()
    outputs, saturated = normalise(Sums(torch.zeros_like(total), total, numerators), fmt)
    expected, flags = slow_normalise(total, numerators, fmt)
    assert outputs.tolist() == expected
    assert saturated.any(dim=1).tolist() == flags
    assert any(flags) == (fmt.kv_bits == 8)
    assert outputs.dtype == (torch.int16 if fmt.output_bits == 16 else torch.int32)


@pytest.mark.parametrize("fmt", [HW8, HW12])
def test_reciprocal_of_every_mantissa(fmt):
    """r is the nearest multiple of 2^-F to 2 / mantissa: |r L / 2^(b+F) - 1| < 2^-(F+1)."""
    total = torch.arange(1 << 15, 1 << 16) << max(0, fmt.guard_bits + fmt.mantissa_bits - 16)
    ones = Sums(torch.zeros_like(total), total, fmt.kv_max * total[:, None])
    outputs, saturated = normalise(ones, fmt)
    assert not saturated.any()
    # v times L over L is v: what "one key" needs.
    assert bool((outputs == fmt.kv_max << fmt.out_fraction_bits).all())


@pytest.mark.parametrize("fmt", [HW8, HW12, Format(kv_bits=6, guard_bits=7)])
def test_one_key_gives_its_value_exactly(fmt):
    low, high = fmt.mantissa_range
    e = torch.arange(low, high + 1) << fmt.guard_bits
    v = torch.arange(-fmt.kv_max, fmt.kv_max + 1)
    outputs, saturated = normalise(Sums(torch.zeros_like(e), e, e[:, None] * v), fmt)
    assert bool((outputs == v << fmt.out_fraction_bits).all())
    assert not saturated.any()


def test_no_key():
    outputs, saturated = normalise(Sums.empty(2, 3), HW8)
    assert not outputs.any()
    assert not saturated.any()

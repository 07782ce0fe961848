from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gatewright.errors import InputError
from gatewright.golden.salo.datapath import Sums, merge, scan
from gatewright.golden.salo.formats import HW8, HW12, Format

FORMATS = [HW8, HW12, Format(kv_bits=5, mantissa_bits=11, guard_bits=0, out_fraction_bits=3)]


def test_widths_of_the_brief():
    assert HW8.score_bits(128) == 22
    assert HW8.score_bits(64) == 21
    assert HW8.sum_bits(33) == 18
    assert HW8.numerator_bits(33) == 26
    assert (HW8.output_bits, HW8.reciprocal_fraction_bits) == (16, 15)
    assert HW8.sum_fraction_bits == 11
    assert HW12.sum_fraction_bits == 16
    assert (HW12.output_bits, HW12.reciprocal_fraction_bits) == (20, 19)
    # "L: add ceil(log2(tiles)) bits."
    assert HW8.sum_bits(33 * 16) == HW8.sum_bits(33) + 4


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("keys", [1, 5, 33])
def test_widths_hold_the_largest_sums_and_no_bit_is_spare(fmt, keys):
    tiles = 5
    e = torch.full((2, keys), fmt.mantissa_range[1])
    values = torch.tensor([[fmt.kv_max, -fmt.kv_max]])
    same = torch.zeros((2, keys), dtype=torch.int64)
    tile = scan(same, e, torch.ones_like(e, dtype=torch.bool), same, values, fmt)
    block = Sums.empty(2, 2)
    for _ in range(tiles):
        block = merge(block, tile)
    for sums, count in ((tile, keys), (block, keys * tiles)):
        assert int(sums.total[0]).bit_length() == fmt.sum_bits(count)
        assert int(sums.numerators[0, 0]).bit_length() + 1 == fmt.numerator_bits(count)
        assert torch.equal(sums.numerators[0, 0], -sums.numerators[0, 1])


@pytest.mark.parametrize("fmt", FORMATS)
def test_width_of_a_score(fmt):
    for dk in (1, 2, 63, 64, 65, 256):
        largest = dk * fmt.q_max * fmt.kv_max
        assert largest < 1 << fmt.score_bits(dk) - 1
        assert fmt.score_bits(dk) <= fmt.score_bits(max(1, dk // 2)) + 2


def test_largest_octave():
    for dk, shift in ((64, 10), (64, 12), (1, 14), (256, 0)):
        largest = HW8.largest_octave(dk, shift)
        score = dk * 127 * 127
        assert -(-score // 2**shift) == largest
        assert abs(-score >> shift) <= largest


@pytest.mark.parametrize(
    "change",
    [
        {"q_bits": 1}, {"q_bits": 13}, {"kv_bits": 9}, {"mantissa_bits": 7},
        {"mantissa_bits": 14}, {"fraction_bits": 7}, {"guard_bits": -1}, {"guard_bits": 17},
        {"exp_bits": 18}, {"out_fraction_bits": 13}, {"exp_segments": 12}, {"guard_bits": 1},
        {"q_bits": 8.0}, {"exp_bits": True},
    ],
)  # fmt: skip
def test_bad_parameters(change):
    with pytest.raises(InputError, match=next(iter(change))):
        replace(HW8, **change)

from __future__ import annotations

import math

import pytest
import torch

from gatewright.golden.salo.exponential import exponential, lines
from gatewright.golden.salo.formats import HW8, HW12, Format

from .loop import IC8, IC12, SL8, SL12
from .loop import exponential as slow


def test_tables_of_the_brief():
    assert lines(HW8).intercepts == tuple(IC8)
    assert lines(HW8).slopes == tuple(SL8)
    assert lines(HW12).intercepts == tuple(IC12)
    assert lines(HW12).slopes == tuple(SL12)


@pytest.mark.parametrize("fmt", [HW8, HW12])
def test_every_fraction_against_the_briefs_formula(fmt):
    every = torch.arange(1 << fmt.fraction_bits)
    expected = [slow(fr, fmt.fraction_bits) for fr in every.tolist()]
    assert exponential(every, fmt).tolist() == expected


def relative_error(fmt):
    every = torch.arange(1 << fmt.fraction_bits)
    exact = torch.exp2(every.double() / len(every)) * fmt.mantissa_range[0]
    return exponential(every, fmt) / exact - 1


def test_errors_of_the_brief():
    eight, twelve = relative_error(HW8), relative_error(HW12)
    assert float(eight.min()) == pytest.approx(-0.00405, abs=5e-6)
    assert float(eight.max()) == pytest.approx(0.00385, abs=5e-6)
    assert abs(float(eight.mean())) < 6e-6
    # 0.15 % rms, no bias beyond 0.01 %.
    assert float(eight.square().mean().sqrt()) < 0.002
    assert float(twelve.abs().max()) < 0.00024
    assert abs(float(twelve.mean())) < 0.0001


@pytest.mark.parametrize("segments", [8, 16])
@pytest.mark.parametrize("mantissa_bits", range(8, 14))
def test_every_format_rises_and_stays_in_range(segments, mantissa_bits):
    for fraction_bits in range(8, 15):
        fmt = Format(
            mantissa_bits=mantissa_bits, fraction_bits=fraction_bits, exp_segments=segments
        )
        every = exponential(torch.arange(1 << fraction_bits), fmt)
        assert bool((every.diff() >= 0).all())
        low, high = fmt.mantissa_range
        assert int(every[0]) == low
        assert int(every[-1]) <= high
        # Half a unit of the mantissa, the least-squares line's distance from the curve at its ends
        # (h^2 / 12 of the second derivative), and half a unit of each coefficient.
        line = math.log(2) ** 2 / 12 / segments**2 * 1.05
        intercept, slope = 0.5**fmt.intercept_fraction_bits, 0.5**fmt.slope_fraction_bits
        bound = 0.5 / low + line + 0.5 * intercept + 0.5 * slope / segments
        assert float(relative_error(fmt).abs().max()) < bound

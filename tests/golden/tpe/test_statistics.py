"""The brief's tables of digits (section 2), and expectations against counting."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewright.errors import InputError
from gatewright.golden.tpe.distributions import gaussian, laplace, numbers, rectified, uniform
from gatewright.golden.tpe.encodings import Encoding, encode, nonzero_digits
from gatewright.golden.tpe.statistics import (
    digit_statistics,
    expected_cycles,
    expected_maximum,
)

INT8 = numbers(8, True)
DISTRIBUTIONS = {
    **{f"sd {sd}": gaussian(sd, 8) for sd in (5, 10, 20, 30, 40, 50)},
    "relu": rectified(gaussian(40, 8)),
    "laplace": laplace(15, 8),
}
MEANS = {
    "booth": [1.547, 1.926, 2.294, 2.530, 2.673, 2.769, 1.348, 2.172],
    "ent": [1.399, 1.762, 2.115, 2.335, 2.490, 2.605, 1.245, 2.000],
    "naf": [1.396, 1.731, 2.063, 2.259, 2.397, 2.500, 1.198, 1.952],
    "bits": [3.823, 3.931, 3.976, 3.988, 3.993, 3.996, 1.408, 3.938],
    "sign_magnitude": [1.463, 1.890, 2.344, 2.619, 2.815, 2.968, 1.408, 2.200],
}


@pytest.mark.parametrize("encoding", Encoding)
def test_means_of_the_brief(encoding):
    found = [
        digit_statistics(INT8, encoding, 8, True, probabilities).mean
        for probabilities in DISTRIBUTIONS.values()
    ]
    # The brief rounds 1.92549 (booth, sd 10) up.
    assert found == pytest.approx(MEANS[encoding], abs=0.00052)


@pytest.mark.parametrize(
    "encoding, mean",
    [("booth", 3.0), ("ent", 747 / 256), ("naf", 711 / 256), ("bits", 4.0),
     ("sign_magnitude", 897 / 256)],
)  # fmt: skip
def test_uniform_means(encoding, mean):
    assert digit_statistics(INT8, encoding, 8, True).mean == mean
    by_probability = digit_statistics(INT8, encoding, 8, True, uniform(8, True))
    assert by_probability.mean == pytest.approx(mean, abs=1e-12)
    assert by_probability.total == pytest.approx(1)


@pytest.mark.parametrize(
    "encoding, histogram",
    [("booth", (1, 12, 54, 108, 81)), ("ent", (1, 15, 60, 108, 72)), ("naf", (1, 15, 72, 120, 48))],
)
def test_histograms(encoding, histogram):
    statistics = digit_statistics(INT8, encoding, 8, True)
    assert statistics.histogram == histogram
    assert statistics.most == 4
    assert statistics.density == sum(i * n for i, n in enumerate(histogram)) / 1024


@pytest.mark.parametrize(
    "width, signed, sums", [(8, True, (768, 747, 711)), (8, False, (896, 853, 796)),
                            (4, True, (24, 23, 23))],
)  # fmt: skip
def test_uniform_sums(width, signed, sums):
    values = numbers(width, signed)
    found = [digit_statistics(values, e, width, signed).digits for e in ("booth", "ent", "naf")]
    assert tuple(found) == sums


def test_booth_share_of_three_digits():
    shares = digit_statistics(INT8, "booth", 8, True).probabilities()
    assert shares[:4].sum() == pytest.approx(0.684, abs=0.0005)


def test_a_tensor_is_counted():
    values = torch.randint(-32768, 32767, (3, 41, 7), dtype=torch.int16).numpy()
    statistics = digit_statistics(values, "ent", 16, True)
    counts = nonzero_digits(values, "ent", 16, True)
    assert statistics.total == values.size
    assert statistics.digits == counts.sum()
    assert statistics.histogram == tuple(np.bincount(counts.ravel(), minlength=9))
    by_weight = (encode(values, "ent", 16, True) != 0).sum(axis=(0, 1, 2))
    assert statistics.by_weight == tuple(by_weight)


def test_expected_cycles_are_those_of_every_operand_in_every_group():
    values = numbers(4, True)
    pairs = np.stack(np.meshgrid(values, values), -1).reshape(-1, 2)
    present = (encode(pairs, "naf", 4, True) != 0).sum(axis=1)
    statistics = digit_statistics(values, "naf", 4, True)
    for minimum in (0, 1):
        mean = np.maximum(present, minimum).sum(axis=1).mean() / 2
        assert expected_cycles(statistics, 2, minimum) == pytest.approx(mean)
    alone = np.maximum(1, nonzero_digits(values, "naf", 4, True)).mean()
    assert expected_cycles(statistics, None, 1) == pytest.approx(alone)


def test_expected_maximum_of_every_pair_of_sums():
    probabilities = np.array([0.5, 0.25, 0.25])
    sums = [(x + y, p * q) for x, p in enumerate(probabilities) for y, q in
            enumerate(probabilities)]  # fmt: skip
    mean = sum(max(s, t) * p * q for s, p in sums for t, q in sums)
    assert expected_maximum(probabilities, 2, 2) == pytest.approx(mean)


@pytest.mark.parametrize(
    "sd, pair, slowest", [(10, 3.00, 6.48), (20, 4.26, 8.60), (40, 5.74, 11.06),
                          (None, 7.71, 13.67)],
)  # fmt: skip
def test_digit_pairs_of_laconic(sd, pair, slowest):
    """Section 3.7: NAF, mean digits of a times digits of b, and the largest of 16 lanes."""
    probabilities = uniform(8, True) if sd is None else gaussian(sd, 8)
    shares = digit_statistics(INT8, "naf", 8, True, probabilities).probabilities()
    pairs = np.zeros(17)
    for i, p in enumerate(shares):
        for j, q in enumerate(shares):
            pairs[i * j] += p * q
    assert pairs @ np.arange(17) == pytest.approx(pair, abs=0.006)
    # The brief's figures of the maximum come from a sample.
    assert expected_maximum(pairs, 1, 16) == pytest.approx(slowest, abs=0.02)


def test_distributions():
    assert gaussian(1000, 8)[1:-1] == pytest.approx(uniform(8, True)[1:-1], rel=0.02)
    assert rectified(uniform(2, True)).tolist() == [0, 0, 0.75, 0.25]
    for probabilities in DISTRIBUTIONS.values():
        assert probabilities.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: gaussian(0, 8), "deviation must be a positive number, not 0"),
        (lambda: laplace(float("inf"), 8), "scale must be a positive number, not inf"),
        (lambda: uniform(33, False), "width must be an integer in 2..32, not 33"),
        (lambda: digit_statistics(INT8[:0], "naf", 8, True),
         "values must hold at least one number, not none"),
    ],
)  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(InputError) as refused:
        call()
    assert str(refused.value) == message

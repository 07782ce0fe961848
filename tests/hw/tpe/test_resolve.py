from __future__ import annotations

import numpy as np
import pytest

from gatewright.hw.tpe.resolve import Resolve, ResolveParameters
from gatewright.tests.hw.bit_parallel import BitParallel

CASES = [
    ResolveParameters(width=32),
    ResolveParameters(width=32, words=2, stages=4),
    ResolveParameters(width=32, words=1, stages=3, result_width=8, saturate=True),
    ResolveParameters(width=13, words=1, result_width=5),
    ResolveParameters(width=13, stages=13, result_width=12, saturate=True),
    ResolveParameters(width=1),
    ResolveParameters(width=40, words=3, stages=2, saturate=True),
    ResolveParameters(width=9, result_width=1, saturate=True),
]


def wanted(p, words):
    total = sum(words) % (1 << p.width)
    total = np.where(total >> p.width - 1 == 1, total - (1 << p.width), total)
    bits = p.result_bits
    if p.saturate:
        total = np.clip(total, -(1 << bits - 1), (1 << bits - 1) - 1)
    return total % (1 << bits)


@pytest.mark.parametrize("p", CASES, ids=str)
def test_resolve(p):
    """Random and small totals, a pair each cycle, with stalls of each lane's own."""
    lanes = 1024
    rng = np.random.default_rng(2)
    unit = BitParallel(Resolve(p), lanes)
    names = ["sum", "carry", *(f"word_{k}" for k in range(p.words))]
    waiting = [[] for _ in range(lanes)]
    compared = 0
    for _ in range(24):
        words = rng.integers(0, 1 << p.width, (len(names), lanes))
        # Every other total is small, of either sign.
        near = rng.integers(-300, 300, lanes) - words[1:].sum(0)
        words[0] = np.where(rng.integers(0, 2, lanes), near, words[0]) % (1 << p.width)
        enable = rng.integers(0, 3, lanes) > 0
        unit.settle(**dict(zip(names, words, strict=True)), enable=enable * 1)
        shown, sums = unit.read("result"), wanted(p, words)
        for lane in range(lanes):
            queue = waiting[lane]
            if len(queue) >= p.latency:
                assert shown[lane] == queue[-p.latency]
                compared += 1
            if enable[lane]:
                queue.append(sums[lane])
        unit.clock()
    assert compared > 8 * lanes * (p.latency < 8)


def test_cuts_cover_all_columns():
    for p in CASES:
        assert [low for low, _ in p.cuts] == [0, *(high for _, high in p.cuts[:-1])]
        assert p.cuts[-1][1] == p.width and p.latency == len(p.cuts)

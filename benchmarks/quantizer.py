"""Quantiser against the loop that everyone writes first: 75 scale steps and 4 types.

Both choose the type and the scales of a weight; the loop rounds the whole tensor, in float32, once
per candidate. Both on one core; a ratio of two times in one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from rows import Row, row
from torch import Tensor

from gatewright.golden.flint.quantiser import quantize
from gatewright.golden.flint.types import NumberType, grid

SHAPE = (1024, 1024)
LARGE = (4096, 4096)
BITS = 4
REPEATS = 3


def straightforward(x: Tensor) -> str:
    """Return the best type by trying every candidate on the whole tensor."""
    absmax = x.abs().amax(dim=1, keepdim=True)
    scores = {}
    for kind in NumberType:
        values = torch.tensor(grid(kind, BITS, True), dtype=torch.float32)
        midpoints = (values[1:] + values[:-1]) / 2
        best = torch.full((len(x),), torch.inf)
        for step in range(75, 150):
            scale = absmax * (step * 0.01) / values[-1]
            q = values[torch.bucketize(x / scale, midpoints, right=True)] * scale
            best = torch.minimum(best, (q - x).square().mean(dim=1))
        scores[kind] = float(best.sum())
    return min(scores, key=lambda kind: scores[kind])


def run() -> list[Row]:
    threads = torch.get_num_threads()
    # One core each: a second one's gain depends on who else uses the machine.
    torch.set_num_threads(1)
    try:
        return _rows()
    finally:
        torch.set_num_threads(threads)


def _rows() -> list[Row]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SHAPE, generator=generator)
    quantize(x[:64], BITS, is_weight=True)
    fast = min(_seconds(lambda: quantize(x, BITS, is_weight=True)) for _ in range(REPEATS))
    slow = _seconds(lambda: straightforward(x))
    if straightforward(x[:64]) != quantize(x[:64], BITS, is_weight=True).kind:
        raise RuntimeError("the loop and the quantiser must choose the same type")
    large = torch.randn(LARGE, generator=generator)
    whole = _seconds(lambda: quantize(large, BITS, is_weight=True))
    return [
        row(f"quantiser, {SHAPE[0]}x{SHAPE[1]} weight, 4 types, 75 steps", fast, "s",
            baseline=slow, inverse=True, target=10.0, target_is="ratio"),
        row(f"quantiser, {LARGE[0]}x{LARGE[1]} weight", whole, "s"),
    ]  # fmt: skip


def _seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


if __name__ == "__main__":
    for each in run():
        print(each)

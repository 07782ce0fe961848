"""What the tests of all arrays with tiles of A and B share: tiles, operands, waits and resets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from gatewright.golden.tpe.cycles import Schedule
from gatewright.hw.tpe.parameters import OperandParameters
from gatewright.tests.hw.tpe.array_bench import ArrayBench, Run, at

NARROW = OperandParameters(4, True, 3, True)
"""For tests of control: the simulator takes less time."""

each_operands = pytest.mark.parametrize("operands", [
    OperandParameters(4, True, 8, True), OperandParameters(8, False, 8, True),
    OperandParameters(5, True, 3, False), OperandParameters(4, False, 2, False),
], ids=lambda o: f"{'us'[o.a_signed]}{o.a_width}x{'us'[o.b_signed]}{o.b_width}")  # fmt: skip


@dataclass
class Tile:
    """``a`` [m, K] times ``b`` [K, n], at most as large as the array, plus ``c`` [m, n] if there.

    ``goes_on``: the sums of the tile before are kept, in arrays that keep them.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray | None = None
    goes_on: bool = False


Check = Callable[..., Run]
"""Runs tiles through a bench, with options of `ArrayBench.run`; their results must be right."""


def padded(matrix: np.ndarray, rows: int, cols: int) -> np.ndarray:
    return np.pad(matrix, [(0, rows - matrix.shape[0]), (0, cols - matrix.shape[1])])


def ids_of(units: dict[type, type], values: Iterable[tuple[type, Any]]) -> list[str]:
    """Names for pairs of a class of parameters, whose unit is in ``units``, and a level."""
    return [f"{units[cls].__name__}-{level.value}" for cls, level in values]


def long_carries(depth: int) -> tuple[list[Tile], list[int]]:
    """Tiles of one row and column, and results: K = ``depth`` that is even, or K = 1.

    All -128 is the largest sum; 127 and -127 in turn run through all carries.
    """
    lowest = Tile(np.full((1, depth), -128), np.full((depth, 1), -128))
    signs = np.where(np.arange(depth) % 2, -127, 127)
    swinging = Tile(signs[None], np.full((depth, 1), 127))
    squares = Tile(signs[None], signs[:, None])
    single = Tile(np.array([[-128]]), np.array([[127]]))
    tiles = [lowest, swinging, squares, single, single, lowest]
    return tiles, [depth << 14, 0, depth * 127**2, -128 * 127, -128 * 127, depth << 14]


def check_waits(check: Check, bench: ArrayBench, tiles: Sequence[Tile], names: Iterable[str]):
    """Each stream waits, from each cycle on, for some cycles."""
    cycles = check(bench, tiles).out[-1] + 1
    for name in names:
        for cycle in range(cycles):
            check(bench, tiles, waits={name: at(range(cycle, cycle + 1 + 4 * (cycle % 3)))})


def check_resets(
    check: Check, sends: Callable[..., Any], bench: ArrayBench, before: list[Tile],
    after: list[Tile],
):  # fmt: skip
    """At any cycle: nothing of what went in before comes out after."""
    p = bench.unit.p
    for cycle in range(check(bench, before).out[-1] + 1):
        check(bench, after, first=sends(p, before), reset=cycle)


def tiles_of_product(a: np.ndarray, b: np.ndarray, model: Schedule) -> list[Tile]:
    return [
        Tile(a[t.m.start : t.m.stop, t.k.start : t.k.stop],
             b[t.k.start : t.k.stop, t.n.start : t.n.stop])
        for t in model.tiles
    ]  # fmt: skip


def check_product(
    a: np.ndarray, b: np.ndarray, model: Schedule, results: Sequence[np.ndarray]
) -> None:
    """The results of all tiles, added up over K, against torch."""
    total = np.zeros((len(a), b.shape[1]), np.int64)
    for t, rows in zip(model.tiles, results, strict=True):
        total[t.m.start : t.m.stop, t.n.start : t.n.stop] += rows[: len(t.m), : len(t.n)]
    product = torch.from_numpy(a.astype(np.int64)) @ torch.from_numpy(b.astype(np.int64))
    np.testing.assert_array_equal(total, product.numpy())

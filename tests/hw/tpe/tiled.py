"""Tiles through arrays whose cycles depend on operands, against integers and the cycle model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gatewright.tests.hw.tpe.array_bench import ArrayBench, Run, at, fitted, integers

Tiles = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Tiled:
    """How tiles get through an array, and when.

    Attributes
    ----------
    create
        Makes the unit from its parameters.
    steps
        Transfers of a tile (parameters, a, b).
    cycles
        Cycles of all first rows of results, from the first transfer on (parameters, tiles).
    """

    create: Callable[[Any], Any]
    steps: Callable[[Any, np.ndarray, np.ndarray], list[dict]]
    cycles: Callable[[Any, Tiles], list[int]]

    def sends(self, p: Any, tiles: Tiles) -> dict[str, list[dict]]:
        return {"i": [step for a, b in tiles for step in self.steps(p, a, b)]}

    def model(self, p: Any, tiles: Tiles) -> list[int]:
        """Cycles of all rows of results."""
        return [first + row for first in self.cycles(p, tiles) for row in range(p.rows)]

    def check(
        self, p: Any, tiles: Tiles, *, cycles: bool = True, c: np.ndarray | None = None,
        **options: Any,
    ) -> Run:
        """Products are those of integers; with ``cycles``, they come when the model says."""
        sends = self.sends(p, tiles)
        if c is not None:
            sends["c"] = c.tolist()
        result = bench(self.create, p).run(sends, p.rows * len(tiles), idle=3, **options)
        assert (result.rows == expected(p, tiles, c)).all()
        assert result.lasts == ([0] * (p.rows - 1) + [1]) * len(tiles)
        if cycles:
            assert result.out == self.model(p, tiles)
        return result

    def check_waits(self, p: Any, tiles: Tiles, side: str) -> None:
        """A side waits for two cycles, at each cycle once."""
        for cycle in range(max(self.model(p, tiles)) + 2):
            self.check(p, tiles, cycles=False, waits={side: at([cycle, cycle + 1])})

    def check_resets(self, p: Any, before: Tiles, after: Tiles) -> None:
        """At any cycle: what was taken in before is gone, and what comes after is as from new."""
        for cycle in range(1, max(self.model(p, before)) + 2):
            result = bench(self.create, p).run(
                self.sends(p, before), p.rows * len(after), reset=cycle,
                restart=self.sends(p, after), idle=20,
            )  # fmt: skip
            assert (result.rows == expected(p, after)).all()
            assert [each - cycle - 1 for each in result.out] == self.model(p, after)


@cache
def bench(create: Callable[[Any], Any], p: Any) -> ArrayBench:
    return ArrayBench(create(p), "ic" if p.c_input else "i")


def random_tiles(p: Any, depths: list[int], seed: int = 1, density: float = 1.0) -> Tiles:
    """Random operands, of which a share is not 0."""
    rng = np.random.default_rng(seed)
    tiles = []
    for k in depths:
        a = integers(rng, p.operands.a_shape, (p.rows, k))
        b = integers(rng, p.operands.b_shape, (k, p.cols))
        tiles.append((a * (rng.random(a.shape) < density), b * (rng.random(b.shape) < density)))
    return tiles


def padded(p: Any, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A and B with the rows, columns and operands of the array: 0 where a tile has none."""
    (m, k), n = a.shape, b.shape[1]
    more = -k % p.lanes
    return np.pad(a, [(0, p.rows - m), (0, more)]), np.pad(b, [(0, more), (0, p.cols - n)])


def expected(p: Any, tiles: Tiles, c: np.ndarray | None = None) -> np.ndarray:
    """All rows of results."""
    pairs = [padded(p, a, b) for a, b in tiles]
    total = np.concatenate([a @ b for a, b in pairs])
    total = total if c is None else total + c
    return fitted(total, p.accumulator_width, p.result_width, p.saturate)

"""The array: tiles without a bubble and with idle cycles, against the golden model."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from gatewright.hw.salo.array_parameters import ArrayParameters
from gatewright.hw.salo.row import RowParameters
from gatewright.hw.salo.skew import SkewParameters
from gatewright.tests.hw.salo.array_bench import ArrayBench, Tile, expected, random_tile
from gatewright.tests.hw.salo.reference import FORMATS, datapath


def shape(size: int, segments: int, gather: int, riders: str, torus: int, pipeline: int = 1):
    """``riders``: their number, and ``p`` if they have feeds of their own."""
    return ArrayParameters(
        datapath=datapath("hw8", dk_max=16, keys=size * (segments if torus else 1) + gather,
                          pipeline=pipeline),
        rows=size, cols=size * (segments if torus else 1), segments=segments, gather=gather,
        global_rows=int(riders[0]), torus=bool(torus),
        global_row_kv="private" if riders.endswith("p") else "shared",
    )  # fmt: skip


SHAPES = [
    shape(4, 1, 0, "0", 0), shape(4, 1, 1, "1", 1), shape(4, 2, 2, "2", 0),
    shape(4, 2, 0, "1p", 1), shape(4, 1, 2, "0", 1), shape(4, 2, 1, "2p", 0),
    shape(4, 1, 1, "2", 1, pipeline=0), shape(4, 2, 1, "1", 0, pipeline=0),
]  # fmt: skip
LARGE = [
    shape(8, 1, 1, "1", 1), shape(8, 2, 0, "2", 0), shape(8, 1, 2, "0", 0),
    shape(8, 2, 2, "1p", 0, pipeline=0),
]  # fmt: skip


def name_of(p: ArrayParameters) -> str:
    return (
        f"{p.rows}x{p.cols}-S{p.segments}-X{p.gather}-G{p.global_rows}{p.global_row_kv[0]}"
        f"-T{int(p.torus)}-P{p.datapath.pipeline}"
    )


def check(
    p: ArrayParameters, tiles: list[Tile], *, skewed: bool = False, fmt: str = "hw8"
) -> tuple[list[int], list[int]]:
    """Compare all sums; return when tiles began, and when the sums of row 0 came."""
    starts, rows, riders = ArrayBench(p, 1, skewed=skewed).run(tiles)
    wanted = [expected(p, FORMATS[fmt][0], tile) for tile in tiles]
    for i, found in enumerate(rows):
        assert found.rows == [each[0][i] for each in wanted], f"row {i}"
        delays = [
            cycle - t0 - tile.q.shape[1]
            for cycle, t0, tile in zip(found.cycles, starts, tiles, strict=True)
        ]
        assert set(delays) == {p.latency}
    for g, found in enumerate(riders):
        assert found.rows == [each[1][g] for each in wanted], f"rider {g}"
        for cycle, t0, tile in zip(found.cycles, starts, tiles, strict=True):
            assert cycle - t0 - tile.q.shape[1] == p.rider_latency(g)
    return starts, rows[0].cycles


@pytest.mark.one_in(8)
@pytest.mark.parametrize("p", SHAPES, ids=name_of)
def test_random_tiles(p: ArrayParameters) -> None:
    """Of any sizes, with and without idle cycles between; some rows and some tiles have no key."""
    rng = np.random.default_rng(3)
    sizes = [(1, 1), (5, 3), (2, 7), (16, 4), (1, 6)]
    densities = [0.2, 0.7, 1.0, 0.7, 0.0, 1.0, 0.2, 0.7]
    check(p, [
        random_tile(p, rng, *sizes[n % 5], density=density) for n, density in enumerate(densities)
    ])  # fmt: skip


@pytest.mark.thorough
@pytest.mark.one_in(8)
@pytest.mark.parametrize("p", LARGE, ids=name_of)
def test_large(p: ArrayParameters) -> None:
    rng = np.random.default_rng(4)
    sizes = [(3, 2), (1, 1), (5, 3)]
    check(p, [random_tile(p, rng, *size) for size in sizes])


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("p", "size"), [(SHAPES[1], (6, 5)), (SHAPES[2], (1, 1)), (SHAPES[7], (1, 1))],
    ids=lambda each: name_of(each) if isinstance(each, ArrayParameters) else str(each),
)  # fmt: skip
def test_no_bubble(p: ArrayParameters, size: tuple[int, int]) -> None:
    """``dk + dv + 2`` cycles from one tile to the next, though several are in the array at once."""
    rng = np.random.default_rng(5)
    tiles = [dataclasses.replace(random_tile(p, rng, *size), idle=0) for _ in range(8)]
    starts, ends = check(p, tiles)
    assert set(np.diff(starts)) == set(np.diff(ends)) == {sum(size) + 2}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("p", [SHAPES[2], SHAPES[5]], ids=name_of)
def test_skew(p: ArrayParameters) -> None:
    """All of a tile comes in the cycle of its stage, and delays do the rest."""
    rng = np.random.default_rng(6)
    check(p, [random_tile(p, rng, 4, 3) for _ in range(3)], skewed=True)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("p", [SHAPES[3], SHAPES[6]], ids=name_of)
def test_poison(p: ArrayParameters) -> None:
    """Pairs that are not allowed have the largest scores and values there are, at the least f."""
    rng = np.random.default_rng(7)
    tame = [random_tile(p, rng, 8, 4, density=0.5) for _ in range(3)]
    tame = [dataclasses.replace(t, wrap=False, shift=p.datapath.shift_least + 4) for t in tame]
    tiles = []
    for tile in tame:
        q = np.full_like(tile.q, 127)
        k = [np.where(np.arange(p.ports)[:, None] % 2, each // 16, 127) for each in tile.k]
        v = [np.where(np.arange(p.ports)[:, None] % 2, each, -127) for each in tile.v]
        allowed = tile.allowed.copy()
        for i in range(p.rows):
            for j in range(p.cols):
                allowed[i, j] &= (i - j % p.segment_cols + p.segment_cols - 1) % 2 == 1
        riders = tile.rider_allowed & allowed[-1, : p.cols]
        tiles.append(dataclasses.replace(
            tile, q=q, k=k, v=v, allowed=allowed, rider_allowed=riders
        ))  # fmt: skip
    saturated = [dataclasses.replace(tile, allowed=np.ones_like(tile.allowed)) for tile in tiles]
    assert any(row[1] for tile in saturated for row in expected(p, FORMATS["hw8"][0], tile)[0])
    check(p, tiles)


def test_hw12() -> None:
    p = ArrayParameters(
        datapath=datapath("hw12", dk_max=16, keys=5), rows=4, cols=4, gather=1, global_rows=1
    )
    rng = np.random.default_rng(8)
    check(p, [random_tile(p, rng, 5, 4) for _ in range(4)], fmt="hw12")


def test_ports_of_the_brief() -> None:
    """Section 2.1: port p < C - 1 starts C - 1 - p cycles late, the others at once."""
    p = ArrayParameters(gather=1, global_rows=1)
    assert p.ports == 63
    assert [p.kv_delay(0, port) for port in range(63)] == [max(0, 31 - port) for port in range(63)]
    # With one gather column and one rider both finish together.
    assert p.latency == p.rider_latency(0) == 32 + 1 + 1 + p.datapath.pipeline


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 0}, "rows must be in 1 to 128, not 0"),
        ({"cols": 129}, "cols must be in 1 to 128, not 129"),
        ({"gather": 9}, "gather must be in 0 to 8, not 9"),
        ({"global_rows": 5}, "global_rows must be in 0 to 4, not 5"),
        ({"segments": 3}, "segments must divide cols = 32, not 3"),
        ({"segments": 0}, "segments must divide cols = 32, not 0"),
        ({"global_row_kv": "both"}, "global_row_kv must be shared or private, not 'both'"),
        ({"rows": 16, "torus": True}, "torus must have rows = cols / segments = 32, not 16"),
        ({"gather": 2}, "keys must be at least cols + gather = 34, not 33"),
    ],
)
def test_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ArrayParameters(**options)


def test_parts_refused() -> None:
    for make, message in (
        (lambda: RowParameters(datapath("hw8"), 34), "cols must be in 1 to keys = 33, not 34"),
        (lambda: SkewParameters(0, (1,)), "width must be at least 1, not 0"),
        (lambda: SkewParameters(8, (-1,)), "delays must be from 0 on, at least one, not (-1,)"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            make()

"""Random tiles in volume, over sizes, types, datapaths and outputs, with stalls everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gatewright.flows.simulation.batched import BatchedModel
from gatewright.tests.flint.arrays import build_array, run_tiles
from gatewright.verification.flint.stimulus import Design, corner_tiles, random_tile
from gatewright.verification.stalls import Stall

CODES = "output=codes "
LARGE = "rows=16 cols=16 " + CODES
ARRAYS = [
    "rows=2 cols=3 share=2 types=int bits=8 pe=auto max_k=511 " + CODES,
    LARGE,
    "rows=8 cols=8 share=3 types=int,flint,pot,float pe=shift",
    "rows=1 cols=1 share=1 pe=plain bias_bits=0 max_k=257",
    "rows=1 cols=16 share=2 pe=digit output_depth=1 activation_sign=signed max_k=300",
    "rows=16 cols=1 share=4 pe=naive types=flint,float output_depth=3 bias_bits=30",
    "rows=3 cols=2 share=1 types=int,flint,float bits=5 weight_bits=3 pe=plain",
    "rows=3 cols=8 share=2 types=pot,float activation_sign=unsigned pe=naive " + CODES
    + "output_types=int,flint,pot,float output_bits=3 multiplier_width=32",
    "rows=2 cols=2 share=1 types=int,flint,pot,float pe=digit requantizer_stages=1 output_depth=2 "
    + CODES + "output_types=flint output_sign=unsigned output_bits=6 multiplier_width=2",
    "rows=8 cols=1 share=3 bits=8 types=int,flint,float weight_types=flint pe=shift max_k=257 "
    + CODES + "requantizer_stages=5 output_bits=4",
]  # fmt: skip
DEPTHS = (0, 1, 2, 3, 31, 257)
STALLS: list[dict[str, Stall]] = [
    {},
    dict.fromkeys(("tile", "activation", "weight", "bias", "scale", "result"), Stall(0.3)),
    {"result": Stall(0.9, 30), "activation": Stall(0.2, 5)},
    {"bias": Stall(0.97, 60), "scale": Stall(0.97, 60), "weight": Stall(0.6)},
    {"tile": Stall(0.9, 40), "result": Stall(0.5)},
]


def exercise(build_folder: Path, settings: str, *, seed: int, count: int) -> None:
    model = BatchedModel(build_array(build_folder, settings), seed=seed)
    design = Design.of(model.manifest)
    rng = np.random.default_rng(seed)
    for number, stall in enumerate(STALLS):
        depths = [min(int(depth), design.max_depth) for depth in rng.choice(DEPTHS, count)]
        tiles = [random_tile(design, rng, depth) for depth in depths]
        if not number:
            tiles += corner_tiles(design, rng, deepest=600)
        there = {stream.name for stream in model.manifest.streams}
        pauses = {name: each for name, each in stall.items() if name in there}
        run = run_tiles(model, tiles, pauses, seed=seed + number)
        assert run.ports == {"error": 0}
        if "result" in pauses:
            assert run.blocked["result"] > 0, "the pauses must have had an effect"


@pytest.mark.one_in(12)
@pytest.mark.parametrize("settings", ARRAYS)
def test_random_tiles(tmp_path: Path, settings: str) -> None:
    exercise(tmp_path, settings, seed=1, count=25)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_random_arrays(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)

    def pick(*values: object) -> object:
        return values[int(rng.integers(len(values)))]

    chosen = {
        "rows": pick(1, 2, 3, 8, 16), "cols": pick(1, 2, 3, 8, 16), "share": pick(1, 2, 3, 4),
        "types": pick("int", "flint", "int,flint", "int,float", "flint,float", "int,flint,float"),
        "bits": pick(*range(3, 9)), "weight_bits": pick(*range(3, 9)),
        "activation_sign": pick("signed", "unsigned", "both"),
        "pe": pick("auto", "plain", "shift", "naive"), "bias_bits": pick(0, 3, 16, 40),
        "max_k": pick(257, 300, 511, 4096), "output": pick("codes", "accumulator"),
        "output_depth": pick("null", 1, 2, 5), "output_bits": pick("null", *range(3, 9)),
        "requantizer_stages": pick(1, 2, 3, 4, 5), "multiplier_width": pick(2, 9, 16, 32),
    }  # fmt: skip
    settings = " ".join(f"{name}={value}" for name, value in chosen.items())
    exercise(tmp_path, settings, seed=seed, count=60)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("settings", "least", "largest", "depth"),
    [
        ("types=int,flint", -1024, 1024, 1),
        ("types=int activation_sign=unsigned", -120, 105, 63),
        ("types=pot activation_sign=signed pe=shift", -4096, 4096, 64),
    ],
)
def test_accumulator_at_its_bound(
    tmp_path: Path, settings: str, least: int, largest: int, depth: int
) -> None:
    """The worst sums are exact; one bit less would not hold one of them."""
    settings += f" rows=2 cols=2 bias_bits=9 max_k={depth}"
    model = BatchedModel(build_array(tmp_path, settings))
    design = Design.of(model.manifest)
    low, high = depth * least - 256, depth * largest + 255
    half = 1 << design.accumulator_bits - 1
    assert -half <= low and high < half, "the accumulator is too narrow"
    assert not (-half // 2 <= low and high < half // 2), "the accumulator is wider than it needs be"
    tiles = corner_tiles(design, np.random.default_rng(0), deepest=depth)
    sums = [design.outcome(tile).accumulators for tile in tiles]
    assert min(int(each.min()) for each in sums) == low
    assert max(int(each.max()) for each in sums) == high
    run_tiles(model, tiles)


@pytest.mark.thorough
def test_steady_state_cycles(tmp_path: Path) -> None:
    """Tiles follow each other at once, in the documented cycles, whatever their types."""
    model = BatchedModel(build_array(tmp_path, LARGE))
    design = Design.of(model.manifest)
    assert (design.overhead, design.first_row) == (16 + 4 - 1, 4 + (4 + 1 + 3 + 1) - 1)
    rng = np.random.default_rng(0)
    tiles = [random_tile(design, rng, 40 + index % 7) for index in range(20)]
    tiles[4] = replace(random_tile(design, rng, 0), bias=tiles[4].bias)
    run = run_tiles(model, tiles)
    beats, results = run.when["activation"].astype(int), run.when["result"].astype(int)
    begins = [beats[sum(t.depth for t in tiles[:index])] for index in range(len(tiles))]
    for index, tile in enumerate(tiles):
        if index != 4:
            assert results[16 * index] == begins[index] + tile.depth + design.first_row
        if index + 1 < len(tiles) and index not in (3, 4):
            assert begins[index + 1] - begins[index] == tile.depth + design.overhead

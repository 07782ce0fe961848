"""The weighted-sum module: blocks of random tiles, and vectors for each way to merge."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
import torch
from amaranth.sim import Simulator

from gatewright.golden.salo import datapath as golden
from gatewright.hw.salo.stages import Stage
from gatewright.hw.salo.weighted_sum import WeightedSum, WeightedSumParameters
from gatewright.tests.hw.salo.reference import Sums, datapath, empty


@dataclass
class Tile:
    """Sums of a tile and where they belong; ``dk`` and ``idle`` cycles are before."""

    sums: Sums
    first: bool
    last: bool
    slot: int = 0
    dk: int = 1
    idle: int = 0


def run(p: WeightedSumParameters, tiles: list[Tile], seed: int) -> list[list[int]]:
    """L and all O of each block that ends; whatever need not be steady is random."""
    rng = random.Random(seed)
    unit = WeightedSum(p)
    formats = p.datapath
    cycles: list[dict[str, int]] = []

    def cycle(stage: Stage, tile: Tile, **values: int) -> None:
        noise = {
            "maximum": rng.randint(-(1 << formats.exp_bits - 1), (1 << formats.exp_bits - 1) - 1),
            "sum": rng.randint(-(1 << formats.sum_bits - 1), (1 << formats.sum_bits - 1) - 1),
            "seen": rng.getrandbits(1), "first": rng.getrandbits(1), "last": rng.getrandbits(1),
        }  # fmt: skip
        if p.slots > 1:
            noise["slot"] = tile.slot
        cycles.append({**noise, "stage": stage, **values})

    for tile in tiles:
        for _ in range(tile.idle):
            cycle(Stage.IDLE, tile, **({"slot": rng.randrange(p.slots)} if p.slots > 1 else {}))
        for c in range(tile.dk):
            cycle(Stage.SCORE if c else Stage.FIRST, tile)
        top = tile.sums.maximum
        cycle(
            Stage.EXP, tile, seen=int(top is not None), first=int(tile.first), last=int(tile.last),
            **({} if top is None else {"maximum": top}),
        )  # fmt: skip
        cycle(Stage.SUM, tile, sum=tile.sums.total)
        for each in tile.sums.numerators:
            cycle(Stage.VALUE, tile, sum=each)
    cycles += [dict(cycles[0], stage=Stage.IDLE)] * 2
    found: list[list[int]] = []

    async def bench(ctx) -> None:
        before = Stage.IDLE
        for values in cycles:
            for name, value in values.items():
                ctx.set(getattr(unit, name), value)
            stage = ctx.get(unit.out_stage)
            if stage is Stage.SUM:
                found.append([])
            if stage is not Stage.IDLE:
                assert stage is before
                found[-1].append(ctx.get(unit.out))
            before = values["stage"]
            await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def merged(tiles: list[Tile]) -> list[list[int]]:
    """The same by the rule in Python integers, checked against the golden model's."""
    blocks: dict[int, Sums] = {}
    results = []
    for tile in tiles:
        before = empty(len(tile.sums.numerators)) if tile.first else blocks[tile.slot]
        after = before.added(tile.sums)
        assert _golden(before, tile.sums) == (after.maximum, [after.total, *after.numerators])
        blocks[tile.slot] = after
        if tile.last:
            results.append([after.total, *after.numerators])
    return results


def _golden(block: Sums, tile: Sums) -> tuple[int | None, list[int]]:
    sums = [
        golden.Sums(
            torch.tensor([golden.EMPTY if each.maximum is None else each.maximum]),
            torch.tensor([each.total]), torch.tensor([each.numerators]),
        )
        for each in (block, tile)
    ]  # fmt: skip
    after = golden.merge(*sums)
    top = int(after.maximum[0])
    stream = [int(after.total[0]), *after.numerators[0].tolist()]
    return None if top == golden.EMPTY else top, stream


def random_sums(p: WeightedSumParameters, rng: random.Random, dv: int, near: int) -> Sums:
    if rng.random() < 0.15:
        return empty(dv)
    formats = p.datapath
    most = ((1 << formats.mantissa_bits) - 1 << formats.guard_bits) * formats.keys
    total = rng.choice((most, rng.randint(2048, most)))
    span = total * 127
    limit = 1 << formats.exp_bits - 1
    wide = rng.random() < 0.1
    top = rng.randint(-limit, limit - 1) if wide else near + rng.randint(-20, 20)
    return Sums(
        min(max(top, -limit), limit - 1), total,
        [rng.choice((span, -span, rng.randint(-span, span))) for _ in range(dv)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "options"), [("hw8", {}), ("hw12", {}), ("hw8", {"slots": 3, "dv_max": 5})]
)
def test_random_blocks(name: str, options: dict[str, int]) -> None:
    """Blocks of 1 to 12 tiles, those of several slots in turns, in any number of elements."""
    p = WeightedSumParameters(**{
        "datapath": datapath(name, keys=9), "dv_max": 7, "block_keys": 9 * 12, **options,
    })  # fmt: skip
    rng = random.Random(repr((name, options)))
    tiles: list[Tile] = []
    left = [0] * p.slots
    sizes, near = [1] * p.slots, [0] * p.slots
    while len(tiles) < 150 or any(left):
        slot = rng.randrange(p.slots)
        first = left[slot] == 0
        if first:
            if len(tiles) >= 150:
                continue
            left[slot], sizes[slot] = rng.randint(1, 12), rng.randint(1, p.dv_max)
            near[slot] = rng.randint(-480, 480)
        left[slot] -= 1
        sums = random_sums(p, rng, sizes[slot], near[slot])
        tiles.append(Tile(
            sums, first, left[slot] == 0, slot, rng.choice((1, 1, 2, 5)), rng.choice((0, 0, 1, 3))
        ))  # fmt: skip
    assert run(p, tiles, 1) == merged(tiles)


VECTORS = {
    "equal": ([(5, 100, -7), (5, 28, 9)], [128, 2]),
    "tile larger by 1: halves up": ([(4, 101, -7), (5, 28, 9)], [51 + 28, -3 + 9]),
    "block larger by 1": ([(5, 28, 9), (4, 101, -7)], [51 + 28, -3 + 9]),
    "further than any sum is wide": ([(-512, 4000, -4000), (511, 1, 1)], [1, 1]),
    "the same the other way": ([(511, 1, 1), (-512, 4000, -4000)], [1, 1]),
    "shift of half": ([(0, 64, -64), (7, 1000, 0)], [1001, 0]),
    "tile without keys": ([(3, 10, 11), None], [10, 11]),
    "keys after none": ([None, (-3, 10, 11)], [10, 11]),
    "no keys at all": ([None, None], [0, 0]),
    "one tile": ([(-512, 4080, -518160)], [4080, -518160]),
}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name: str) -> None:
    p = WeightedSumParameters(datapath=datapath("hw8", keys=9), dv_max=3, block_keys=36)
    sums, result = VECTORS[name]
    # What a block before left there must not matter.
    dirt = Tile(Sums(500, 36000, [-4000000]), True, False)
    tiles = [dirt, *(
        Tile(empty(1) if each is None else Sums(each[0], each[1], [each[2]]), n == 0,
             n == len(sums) - 1)
        for n, each in enumerate(sums)
    )]  # fmt: skip
    assert run(p, tiles, 2) == merged(tiles) == [result]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dv_max": 0}, "dv_max must be in 1 to 256, not 0"),
        ({"block_keys": 32}, "block_keys must be in 33 to 16777216, not 32"),
        ({"slots": 0}, "slots must be in 1 to 4096, not 0"),
    ],
)
def test_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        WeightedSumParameters(**options)


def test_widths() -> None:
    """4,096 keys: 1 + ceil(log2(4096 * 255 * 127)) + 4 bits, and ceil(log2(4096 * 255)) + 4."""
    p = WeightedSumParameters(block_keys=4096)
    assert (p.sum_bits, p.total_bits) == (32, 24)

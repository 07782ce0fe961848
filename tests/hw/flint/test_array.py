"""The whole array in Amaranth's own simulator: tiny sizes, every datapath, no Verilog."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from gatewright.hw.flint.array import FlintArray
from gatewright.hw.flint.datapath import NaiveDatapath, PlainDatapath, ShiftDatapath
from gatewright.hw.flint.digit_datapath import DigitDatapath
from gatewright.hw.flint.parameters import ArrayParameters, accumulator_bits
from gatewright.hw.flint.types import OperandFormats, TypeKind
from gatewright.tests.hw.flint.reference import value_table

ACTIVATION = OperandFormats.of([TypeKind.INT, TypeKind.FLINT], 4, (False, True))
WEIGHT = OperandFormats.of([TypeKind.INT, TypeKind.FLINT], 4)
DATAPATHS = {cls.name: cls for cls in (PlainDatapath, ShiftDatapath, NaiveDatapath, DigitDatapath)}


def parameters(name: str, width: int | None = None, **changes: object) -> ArrayParameters:
    values: dict[str, object] = {
        "datapath": DATAPATHS[name](ACTIVATION, WEIGHT), "rows": 3, "cols": 2, "share": 2,
        "max_depth": 6, "bias_bits": 7, "result_formats": None, "multiplier_bits": 8,
        "accumulator_bits": width or accumulator_bits(ACTIVATION, WEIGHT, 6, 7),
        "requantizer_stages": 2, "result_depth": 2,
    }  # fmt: skip
    return ArrayParameters(**(values | changes))


def values_of(formats: OperandFormats, index: int) -> list[int]:
    each = formats.formats[index]
    return value_table(each.kind.name.lower(), each.bits, each.signed)


Tile = tuple[int, int, list[list[int]], list[list[int]], list[int]]


def simulate(p: ArrayParameters, tiles: list[Tile], pace: float) -> list[list[int]]:
    """Feed tiles (types, activations [K][R], weights [K][C], bias [C]); return the result rows."""
    array = FlintArray(p)
    rows: list[list[int]] = []
    rng = random.Random(5)

    async def send(ctx: Any, port: Any, beats: list[Any]) -> None:
        for beat in beats:
            while rng.random() > pace:
                await ctx.tick()
            ctx.set(port.valid, 1)
            ctx.set(port.payload, beat)
            await ctx.tick().until(port.ready)
            ctx.set(port.valid, 0)

    async def send_tiles(ctx: Any) -> None:
        beats = []
        for a_type, w_type, activations, _, _ in tiles:
            a, w = ACTIVATION.formats[a_type], WEIGHT.formats[w_type]
            activation = {"kind": a.kind, "signed": int(a.signed)}
            beats.append({
                "depth": len(activations), "activation": activation, "weight": {"kind": w.kind},
            })  # fmt: skip
        await send(ctx, array.tile, beats)

    async def send_activations(ctx: Any) -> None:
        await send(ctx, array.activation, [beat for tile in tiles for beat in tile[2]])

    async def send_weights(ctx: Any) -> None:
        await send(ctx, array.weight, [beat for tile in tiles for beat in tile[3]])

    async def send_biases(ctx: Any) -> None:
        await send(ctx, array.bias, [tile[4] for tile in tiles])

    async def receive(ctx: Any) -> None:
        for _ in range(len(tiles) * p.rows):
            while rng.random() > pace:
                await ctx.tick()
            ctx.set(array.result.ready, 1)
            (row,) = await ctx.tick().sample(array.result.payload).until(array.result.valid)
            rows.append([row[col] for col in range(p.cols)])
            ctx.set(array.result.ready, 0)
        assert not ctx.get(array.error)

    simulator = Simulator(array)
    simulator.add_clock(1e-6)
    for process in (send_tiles, send_activations, send_weights, send_biases):
        simulator.add_testbench(process, background=True)
    simulator.add_testbench(receive)
    simulator.run()
    return rows


def product(p: ArrayParameters, tile: Tile) -> list[list[int]]:
    a_type, w_type, activations, weights, bias = tile
    a, w = values_of(ACTIVATION, a_type), values_of(WEIGHT, w_type)
    return [
        [
            bias[col]
            + sum(a[x[row]] * w[y[col]] for x, y in zip(activations, weights, strict=True))
            for col in range(p.cols)
        ]
        for row in range(p.rows)
    ]


def random_tile(p: ArrayParameters, rng: random.Random, depth: int) -> Tile:
    return (
        rng.randrange(len(ACTIVATION.formats)), rng.randrange(len(WEIGHT.formats)),
        [[rng.randrange(16) for _ in range(p.rows)] for _ in range(depth)],
        [[rng.randrange(16) for _ in range(p.cols)] for _ in range(depth)],
        [rng.randrange(-64, 64) for _ in range(p.cols)],
    )  # fmt: skip


@pytest.mark.one_in(6)
@pytest.mark.parametrize("name", DATAPATHS)
@pytest.mark.parametrize("pace", [1.0, 0.5])
def test_tiles(name: str, pace: float) -> None:
    p = parameters(name)
    rng = random.Random(name)
    tiles = [random_tile(p, rng, depth) for depth in (3, 0, 1, 6, 2, 1)]
    assert simulate(p, tiles, pace) == [row for tile in tiles for row in product(p, tile)]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", DATAPATHS)
def test_one_bit_less_overflows(name: str) -> None:
    """The derived width is needed: the worst sum is exact in it and wraps in one bit less."""
    u_flint = next(i for i, each in enumerate(ACTIVATION.formats) if str(each) == "flint4u")
    s_flint = next(i for i, each in enumerate(WEIGHT.formats) if str(each) == "flint4s")
    worst: Tile = (u_flint, s_flint, [[8] * 3] * 6, [[0b0100] * 2] * 6, [63] * 2)
    exact = parameters(name)
    assert simulate(exact, [worst], 1.0) == product(exact, worst) == [[6 * 64 * 16 + 63] * 2] * 3
    narrow = parameters(name, exact.accumulator_bits - 1)
    assert simulate(narrow, [worst], 1.0) == [
        [6 * 64 * 16 + 63 - (1 << narrow.accumulator_bits)] * 2
    ] * 3  # fmt: skip

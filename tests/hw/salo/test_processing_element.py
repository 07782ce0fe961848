"""The processing element alone: random tiles and random sums that come in."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from amaranth.sim import Simulator

from gatewright.hw.salo.parameters import DatapathParameters
from gatewright.hw.salo.processing_element import ProcessingElement
from gatewright.hw.salo.stages import Stage
from gatewright.tests.hw.salo.reference import Sums, datapath, empty, one_key, operand


@dataclass
class Tile:
    """What an element gets in a tile: dk, dv, operands, and the sums of the elements before it."""

    shift: int
    q: list[int]
    k: list[int]
    v: list[int]
    allowed: bool
    sums: Sums
    idle: int

    @property
    def stages(self) -> list[Stage]:
        score = [Stage.FIRST] + [Stage.SCORE] * (len(self.q) - 1)
        return [*score, Stage.EXP, Stage.SUM, *[Stage.VALUE] * len(self.v)]


def random_tile(p: DatapathParameters, rng: random.Random, dk: int, dv: int) -> Tile:
    tame = rng.random() < 0.5
    q = [operand(rng, p.q_bits) for _ in range(dk)]
    k = [operand(rng, p.kv_bits) // (8 if tame else 1) for _ in range(dk)]
    f = rng.randint(p.shift_least, p.shift_most)
    v = [operand(rng, p.kv_bits) for _ in range(dv)]
    own = one_key(p, f, q, k, v)
    limit = 1 << p.exp_bits - 1
    # Near the own octave, mostly: that is where sums are shifted by some bits.
    near = own.maximum + rng.randint(-30, 30) if rng.random() < 0.8 else rng.randint(-limit, limit)
    most = ((1 << p.mantissa_bits) - 1 << p.guard_bits) * (p.keys - 1)
    total = rng.choice((most, rng.randint(0, most), rng.randint(0, 4000)))
    span = total * ((1 << p.kv_bits - 1) - 1)
    before = Sums(
        min(max(near, -limit), limit - 1), total,
        [rng.choice((span, -span, rng.randint(-span, span))) for _ in v], rng.random() < 0.3,
    )  # fmt: skip
    if rng.random() < 0.2:
        before = empty(dv)
    return Tile(f, q, k, v, rng.random() < 0.75, before, rng.choice((0, 0, 0, 1, 5)))


def expected(p: DatapathParameters, tile: Tile) -> Sums:
    if not tile.allowed:
        return tile.sums
    own = one_key(p, tile.shift, tile.q, tile.k, tile.v)
    result = tile.sums.added(own)
    return Sums(
        result.maximum, result.total, result.numerators, tile.sums.saturated or own.saturated
    )


def run(p: DatapathParameters, tiles: list[Tile], seed: int) -> list[Sums]:
    """Drive the element; whatever need not be steady is random."""
    rng = random.Random(seed)
    unit = ProcessingElement(p)
    start, starts = 1, []
    for tile in tiles:
        starts.append(start)
        start += len(tile.stages) + tile.idle
    cycles = [
        {
            "stage": Stage.IDLE, "shift": rng.getrandbits(p.shift_bits),
            "q": rng.randint(-(1 << p.q_bits - 1), (1 << p.q_bits - 1) - 1),
            "kv": rng.randint(-(1 << p.kv_bits - 1), (1 << p.kv_bits - 1) - 1),
            "allowed": rng.getrandbits(1), "seen": rng.getrandbits(1),
            "saturated": rng.getrandbits(1),
            "maximum": rng.randint(-(1 << p.exp_bits - 1), (1 << p.exp_bits - 1) - 1),
            "sum": rng.randint(-(1 << p.sum_bits - 1), (1 << p.sum_bits - 1) - 1),
        }
        for _ in range(start + 8)
    ]  # fmt: skip
    wanted: dict[int, list[tuple[int, str]]] = {}
    for index, (t0, tile) in enumerate(zip(starts, tiles, strict=True)):
        dk = len(tile.q)
        for c, stage in enumerate(tile.stages):
            cycles[t0 + c]["stage"] = stage
            if c < dk + 2:
                cycles[t0 + c]["shift"] = tile.shift - p.shift_least
            if c < dk:
                cycles[t0 + c] |= {"q": tile.q[c], "kv": tile.k[c]}
            elif c >= dk + 2:
                cycles[t0 + c]["kv"] = tile.v[c - dk - 2]
        cycles[t0]["allowed"] = int(tile.allowed)
        # Element cycle 0 is t0 + 1.
        compared = t0 + 1 + dk + p.pipeline
        cycles[compared] |= {
            "seen": int(tile.sums.maximum is not None), "saturated": int(tile.sums.saturated),
        }  # fmt: skip
        if tile.sums.maximum is not None:
            cycles[compared]["maximum"] = tile.sums.maximum
        for c, value in enumerate([tile.sums.total, *tile.sums.numerators]):
            cycles[compared + 1 + c]["sum"] = value
            wanted.setdefault(compared + 2 + c, []).append((index, "sum"))
        wanted.setdefault(compared + 1, []).append((index, "maximum"))
    found = [Sums(None, 0, []) for _ in tiles]
    streams: list[list[int]] = [[] for _ in tiles]

    async def bench(ctx) -> None:
        for cycle, values in enumerate(cycles):
            for name, value in values.items():
                ctx.set(getattr(unit, name), value)
            for index, what in wanted.get(cycle, []):
                if what == "sum":
                    streams[index].append(ctx.get(unit.sum_next))
                else:
                    seen = ctx.get(unit.seen_next)
                    found[index].maximum = ctx.get(unit.maximum_next) if seen else None
                    found[index].saturated = bool(ctx.get(unit.saturated_next))
            for name in ("stage", "shift"):
                if cycle:
                    last = cycles[cycle - 1][name]
                    assert ctx.get(getattr(unit, f"{name}_next")) == last
            before = cycles[cycle - 1]
            if before["stage"] in (Stage.FIRST, Stage.SCORE):
                assert ctx.get(unit.q_next) == before["q"] and ctx.get(unit.kv_next) == before["kv"]
            if before["stage"] is Stage.VALUE:
                assert ctx.get(unit.kv_next) == before["kv"]
            await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    for sums, stream in zip(found, streams, strict=True):
        sums.total, *sums.numerators = stream
    return found


@pytest.mark.one_in(8)
@pytest.mark.parametrize("pipeline", [0, 1])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hw8", {}), ("hw12", {}), ("hw8", {"shift_bits": 3, "keys": 2}),
        ("hw8", {"dk_max": 1, "shift_bits": 5}), ("hw12", {"dk_max": 256, "keys": 128}),
    ],
)  # fmt: skip
def test_random_tiles(name: str, options: dict[str, int], pipeline: int) -> None:
    p = datapath(name, pipeline=pipeline, **options)
    rng = random.Random(repr((name, options, pipeline)))
    sizes = [(1, 1), (2, 1), (1, 2), (3, 4), (min(p.dk_max, 17), 5)]
    sizes = [(min(dk, p.dk_max), dv) for dk, dv in sizes]
    tiles = [random_tile(p, rng, *rng.choice(sizes)) for _ in range(150)]
    assert run(p, tiles, 1) == [expected(p, tile) for tile in tiles]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("pipeline", [0, 1])
def test_longest_score_saturates(pipeline: int) -> None:
    """The largest score of either sign, at every f; then one that just fits."""
    p = datapath("hw8", pipeline=pipeline)
    before = Sums(0, 1000, [5])
    top = [127] * p.dk_max
    tiles = [
        Tile(f, top, [sign * each for each in top], [-127], True, before, 0)
        for f in range(p.shift_least, p.shift_most + 1) for sign in (1, -1)
    ]  # fmt: skip
    wanted = [expected(p, tile) for tile in tiles]
    assert {sums.saturated for sums in wanted} == {False, True}
    assert run(p, tiles, 2) == wanted


def test_not_allowed_never_saturates() -> None:
    p = datapath("hw8")
    top = [127] * p.dk_max
    tile = Tile(p.shift_least, top, top, [127], False, Sums(-512, 7, [-3]), 0)
    assert run(p, [tile], 3) == [Sums(-512, 7, [-3])]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("q_bits", 1, "q_bits must be in 2 to 12, not 1"),
        ("kv_bits", 13, "kv_bits must be in 2 to 12, not 13"),
        ("guard_bits", -1, "guard_bits must be in 0 to 16, not -1"),
        ("exp_bits", 7, "exp_bits must be in 8 to 17, not 7"),
        ("dk_max", 257, "dk_max must be in 1 to 256, not 257"),
        ("keys", 0, "keys must be in 1 to 65536, not 0"),
        ("shift_bits", 6, "shift_bits must be in 1 to 5, not 6"),
        ("pipeline", 2, "pipeline must be in 0 to 1, not 2"),
    ],
)
def test_refused(name: str, value: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        DatapathParameters(**{name: value})


def test_widths_of_the_brief() -> None:
    """Section 4.3: score 22 bits for dk = 128; numerators 26 for 33 keys."""
    p = DatapathParameters(dk_max=128, keys=33)
    assert (p.score_bits, p.sum_bits) == (22, 26)
    assert p.shift_most - p.shift_least == 15

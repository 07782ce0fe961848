"""Tiles for an array: what its ports get in which cycle, and what comes out by the golden model."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from amaranth.hdl import Module
from amaranth.sim import Simulator

from gatewright.golden.salo.datapath import EMPTY, logits, scan
from gatewright.golden.salo.formats import Format
from gatewright.hw.salo.array import SaloArray
from gatewright.hw.salo.array_parameters import ArrayParameters
from gatewright.hw.salo.skew import Skew, SkewParameters
from gatewright.hw.salo.stages import Stage

Words = np.ndarray
Row = tuple[int | None, bool, list[int]]
"""m (None if no key counted), whether a logit saturated, and l with all num after it."""


@dataclass
class Tile:
    """Operands as integers: queries [R, dk]; keys and values of each port, [ports, dk] and so on.

    ``allowed`` and ``rider_allowed`` are booleans of [rows, columns] and [riders, columns].
    """

    shift: int
    q: Words
    k: list[Words]
    v: list[Words]
    gather_k: Words
    gather_v: Words
    allowed: Words
    rider_q: Words
    rider_k: Words
    rider_v: Words
    rider_allowed: Words
    wrap: bool
    idle: int

    @property
    def stages(self) -> list[Stage]:
        dk, dv = self.q.shape[1], self.v[0].shape[1]
        return [
            Stage.FIRST, *[Stage.SCORE] * (dk - 1), Stage.EXP, Stage.SUM, *[Stage.VALUE] * dv,
        ]  # fmt: skip


def words(rng: np.random.Generator, bits: int, *shape: int) -> Words:
    """Symmetric operands, a tenth of them extremes."""
    top = (1 << bits - 1) - 1
    drawn = rng.integers(-top, top, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.1, rng.choice([-top, top], shape), drawn)


def random_tile(
    p: ArrayParameters, rng: np.random.Generator, dk: int, dv: int, *, density: float = 0.7
) -> Tile:
    formats = p.datapath
    kv = formats.kv_bits
    keys = [words(rng, kv, p.ports, dk) for _ in range(p.segments)]
    values = [words(rng, kv, p.ports, dv) for _ in range(p.segments)]
    wrap = p.torus and bool(rng.random() < 0.5)
    if wrap:
        for each in (*keys, *values):
            # What the upper ports bring must not matter.
            each[: p.segment_cols - 1] = words(rng, kv, p.segment_cols - 1, each.shape[1])
    middle = (formats.shift_least + formats.shift_most) // 2
    return Tile(
        shift=int(rng.integers(middle - 3, middle + 3)),
        q=words(rng, formats.q_bits, p.rows, dk) // int(rng.choice([1, 4])),
        k=keys, v=values,
        gather_k=words(rng, kv, p.rows, p.gather, dk),
        gather_v=words(rng, kv, p.rows, p.gather, dv),
        allowed=rng.random((p.rows, p.cols + p.gather)) < density,
        rider_q=words(rng, formats.q_bits, p.global_rows, dk),
        rider_k=words(rng, kv, p.global_rows, p.cols, dk),
        rider_v=words(rng, kv, p.global_rows, p.cols, dv),
        rider_allowed=rng.random((p.global_rows, p.cols)) < density,
        wrap=wrap,
        idle=int(rng.choice([0, 0, 1, 2, 9])),
    )  # fmt: skip


def local_keys(p: ArrayParameters, tile: Tile, row: int, what: list[Words]) -> Words:
    """What the elements of a row meet: the wiring of the brief, section 5.1."""
    cols = p.segment_cols
    met = []
    for each in what:
        for j in range(cols):
            port = row - j + cols - 1
            met.append(each[port + cols if tile.wrap and port < cols - 1 else port])
    return np.array(met)


def expected(p: ArrayParameters, fmt: Format, tile: Tile) -> tuple[list[Row], list[Row]]:
    """Sums of rows and of riders by the golden model."""
    rows, riders = [], []
    for i in range(p.rows):
        k = np.concatenate([local_keys(p, tile, i, tile.k), tile.gather_k[i]])
        v = np.concatenate([local_keys(p, tile, i, tile.v), tile.gather_v[i]])
        rows.append(_row(fmt, tile.shift, tile.q[i], k, v, tile.allowed[i]))
    for g in range(p.global_rows):
        k, v = tile.rider_k[g], tile.rider_v[g]
        if not p.private:
            k, v = (local_keys(p, tile, p.rows - 1, each) for each in (tile.k, tile.v))
        riders.append(_row(fmt, tile.shift, tile.rider_q[g], k, v, tile.rider_allowed[g]))
    return rows, riders


def _row(fmt: Format, shift: int, q: Words, k: Words, v: Words, allowed: Words) -> Row:
    octaves, mantissas, saturated = logits(torch.from_numpy(k @ q)[None], shift, fmt)
    mask = torch.from_numpy(allowed)[None]
    sums = scan(octaves, mantissas, mask, torch.arange(len(k))[None], torch.from_numpy(v), fmt)
    top = int(sums.maximum[0])
    return (
        None if top == EMPTY else top, bool((saturated & mask).any()),
        [int(sums.total[0]), *sums.numerators[0].tolist()],
    )  # fmt: skip


@dataclass
class Found:
    """What came out of a row: a stream of (m, saturated) and of sums, by stage."""

    rows: list[Row] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)

    def take(self, cycle: int, stage: int, out: Any) -> None:
        if stage == Stage.EXP.value:
            top = out.maximum if out.seen else None
            self.rows.append((top, bool(out.saturated), []))
            self.cycles.append(cycle)
        elif stage in (Stage.SUM.value, Stage.VALUE.value):
            self.rows[-1][2].append(out.sum)


class ArrayBench:
    """An array, and the ports that it gets in each cycle; what does not matter is random.

    With ``skewed``, words come in the cycle of their stage and through delays.
    """

    def __init__(self, p: ArrayParameters, seed: int, *, skewed: bool = False) -> None:
        self.p = p
        self.array = SaloArray(p)
        self.skewed = skewed
        self.rng = random.Random(seed)
        m = Module()
        m.submodules.array = self.array
        self.inputs = {
            name: getattr(self.array, name)
            for name in ("stage", "shift", "q", "allowed", "kv", "gather", "wrap", "rider_q",
                         "rider_kv", "rider_allowed")
            if hasattr(self.array, name)
        }  # fmt: skip
        makers = {
            "kv": SkewParameters.of_kv, "gather": SkewParameters.of_gather,
            "rider_q": SkewParameters.of_rider_q, "rider_kv": SkewParameters.of_rider_kv,
        }  # fmt: skip
        for name, maker in makers.items():
            if skewed and name in self.inputs:
                m.submodules[f"skew_{name}"] = skew = Skew(maker(p))
                m.d.comb += self.inputs[name].as_value().eq(skew.o.as_value())
                self.inputs[name] = skew.i
        self.module = m

    def run(self, tiles: list[Tile]) -> tuple[list[int], list[Found], list[Found]]:
        """Run tiles; return when each began, and what rows and riders gave."""
        starts, total = [], 2
        for tile in tiles:
            starts.append(total)
            total += len(tile.stages) + tile.idle
        p = self.p
        total += p.cols + p.gather + p.global_rows + 6
        plan = {name: self._noise(port, total) for name, port in self.inputs.items()}
        plan["stage"][:, 0] = Stage.IDLE.value
        for t0, tile in zip(starts, tiles, strict=True):
            self._place(plan, t0, tile)
        packed = {name: self._packed(name, values) for name, values in plan.items()}
        rows = [Found() for _ in range(p.rows)]
        riders = [Found() for _ in range(p.global_rows)]

        async def bench(ctx: Any) -> None:
            ports = {
                name: port.as_value() if hasattr(port, "as_value") else port
                for name, port in self.inputs.items()
            }
            for cycle in range(total):
                for name, port in ports.items():
                    ctx.set(port, packed[name][cycle])
                stage = ctx.get(self.array.out_stage).value
                if stage in (1, 2, 3):
                    out = ctx.get(self.array.out)
                    for i, found in enumerate(rows):
                        found.take(cycle, stage, out[i])
                for g, found in enumerate(riders):
                    stage = ctx.get(self.array.rider_stage[g]).value
                    found.take(cycle, stage, ctx.get(self.array.rider_out[g]))
                await ctx.tick()

        simulator = Simulator(self.module)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        return starts, rows, riders

    def _word_bits(self, name: str) -> int:
        formats = self.p.datapath
        return {
            "stage": 3, "shift": formats.shift_bits, "q": formats.q_bits, "wrap": 1, "allowed": 1,
            "rider_allowed": 1, "rider_q": formats.q_bits,
        }.get(name, formats.kv_bits)  # fmt: skip

    def _noise(self, port: Any, total: int) -> Words:
        """Random words, [cycles, words of the port]; extremes and -128 too."""
        name = next(name for name, each in self.inputs.items() if each is port)
        bits = self._word_bits(name)
        value = port.as_value() if hasattr(port, "as_value") else port
        rng = np.random.default_rng(self.rng.getrandbits(32))
        return rng.integers(0, 1 << bits, (total, len(value) // bits))

    def _packed(self, name: str, values: Words) -> list[int]:
        bits = self._word_bits(name)
        mask = (1 << bits) - 1
        return [
            sum((int(word) & mask) << k * bits for k, word in enumerate(line)) for line in values
        ]

    def _place(self, plan: dict[str, Words], t0: int, tile: Tile) -> None:
        p = self.p
        stages = tile.stages
        length, dk = len(stages), tile.q.shape[1]
        plan["stage"][t0 : t0 + length, 0] = [stage.value for stage in stages]
        plan["shift"][t0 : t0 + dk + 2, 0] = tile.shift - p.datapath.shift_least
        plan["q"][t0 : t0 + dk] = tile.q.T
        if p.torus:
            plan["wrap"][t0 : t0 + length] = tile.wrap

        def place(name: str, word: int, delay: int, key: Words, value: Words) -> None:
            at = t0 + (0 if self.skewed else delay)
            plan[name][at : at + dk, word] = key
            plan[name][at + dk + 2 : at + length, word] = value

        for s in range(p.segments):
            for port in range(p.ports):
                word = s * p.ports + port
                place("kv", word, p.kv_delay(s, port), tile.k[s][port], tile.v[s][port])
        keys = p.cols + p.gather
        for i in range(p.rows):
            for x in range(p.gather):
                word = i * p.gather + x
                key, value = tile.gather_k[i, x], tile.gather_v[i, x]
                place("gather", word, p.gather_delay(x), key, value)
            for j in range(keys):
                plan["allowed"][t0 + j, i * keys + j] = tile.allowed[i, j]
        for g in range(p.global_rows):
            delay = p.rider_delay(g)
            at = t0 + (0 if self.skewed else delay)
            plan["rider_q"][at : at + dk, g] = tile.rider_q[g]
            for j in range(p.cols):
                plan["rider_allowed"][t0 + delay + j, g * p.cols + j] = tile.rider_allowed[g, j]
                if p.private:
                    key, value = tile.rider_k[g, j], tile.rider_v[g, j]
                    place("rider_kv", g * p.cols + j, delay + j, key, value)

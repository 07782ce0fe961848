"""Traffic through arithmetic modulo M, and a reducer of any timing to do it with."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from gatewright.hw.fabric.elastic import ElasticPipeline
from gatewright.hw.modred.reducer import Reducer, ReducerParameters

Values = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class RemainderParameters(ReducerParameters):
    """A reducer by the remainder sign: with ``ranks`` of registers, or of ``cycles`` per result."""

    ranks: int = 0
    cycles: int = 0

    @property
    def bounds(self):
        return ()

    @property
    def latency(self) -> int:
        return self.cycles or self.ranks

    @property
    def interval(self) -> int:
        return self.cycles or 1

    def create(self) -> Remainder:
        return Remainder(self)


class Remainder(Reducer):
    """``x % M`` after the cycles of the parameters."""

    def body(self) -> Module:
        m = Module()
        rest = (self.i.payload.x % self.p.modulus)[: self.p.residue_bits]
        if self.p.cycles:
            self._slow(m, rest)
            return m
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        tag = {"tag": self.i.payload.tag} if self.p.tag_bits else {}
        values = {"r": rest, **tag}
        for rank in range(self.p.ranks):
            values = vars(pipe.cut(f"rank_{rank}", **values))
        pipe.finish(valid=self.o.valid, ready=self.o.ready)
        m.d.comb += [getattr(self.o.payload, name).eq(value) for name, value in values.items()]
        return m

    def _slow(self, m: Module, rest) -> None:
        remaining = Signal(range(self.p.cycles))
        full = Signal()
        done = full & (remaining == 0)
        m.d.comb += [self.o.valid.eq(done), self.i.ready.eq(~full | (done & self.o.ready))]
        with m.If(remaining != 0):
            m.d.sync += remaining.eq(remaining - 1)
        with m.If(done & self.o.ready):
            m.d.sync += full.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [full.eq(1), remaining.eq(self.p.cycles - 1), self.o.payload.r.eq(rest)]
            if self.p.tag_bits:
                m.d.sync += self.o.payload.tag.eq(self.i.payload.tag)


def transfer(
    dut, operands: Sequence[Values], results: Callable[..., Values], *, stalls: float = 0.0,
    seed: int = 0,
) -> tuple[set[int], set[int]]:
    """Send operands in the order of the fields, check the results; return latencies and intervals.

    Both are meaningful only without stalls.
    """
    generator = random.Random(seed)
    m = Module()
    m.submodules.dut = dut
    m.d.sync += Signal().eq(1)  # the clock domain is there without a register too
    inputs = [name for name, _ in dut.i.payload.shape()]
    outputs = [name for name, _ in dut.o.payload.shape()]
    latencies: set[int] = set()
    taken: list[int] = []

    async def bench(ctx):
        waiting: deque[tuple[Values, Values, int]] = deque()
        pending = deque(operands)
        held = None
        cycle = done = 0
        while done < len(operands):
            if held is None and pending and generator.random() >= stalls:
                held = pending.popleft()
                for name, value in zip(inputs, held, strict=True):
                    ctx.set(getattr(dut.i.payload, name), value)
            ctx.set(dut.i.valid, held is not None)
            ctx.set(dut.o.ready, generator.random() >= stalls)
            if held is not None and ctx.get(dut.i.ready):
                waiting.append((held, results(*held), cycle))
                taken.append(cycle)
                held = None
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                sent, expected, start = waiting.popleft()
                got = tuple(ctx.get(getattr(dut.o.payload, name)) for name in outputs)
                assert got == expected, (sent, expected, got)
                latencies.add(cycle - start)
                done += 1
            await ctx.tick()
            cycle += 1
            assert cycle < 60 * (len(operands) + 2) * (dut.p.latency + dut.p.interval + 1)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return latencies, {later - sooner for sooner, later in pairwise(taken)}


def residues(modulus: int, size: int, count: int, seed: int = 0) -> list[Values]:
    """Tuples of residues: all pairs of extremes, then random ones."""
    generator = random.Random(seed)
    extremes = [0, 1, modulus - 1, modulus // 2]
    corners = [tuple(generator.choice(extremes) for _ in range(size)) for _ in range(count // 2)]
    corners[:2] = [(modulus - 1,) * size, (0,) * size]
    drawn = [tuple(generator.randrange(modulus) for _ in range(size)) for _ in range(count // 2)]
    return corners + drawn

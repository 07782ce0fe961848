"""A reducer that divides, to try the tests of reducers on: right, or wrong in one way."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Signal

from gatewright.hw.fabric.elastic import ElasticPipeline
from gatewright.hw.modred.reducer import Bound, Reducer, ReducerParameters

__all__ = ["DividerParameters"]


@dataclass(frozen=True, kw_only=True)
class DividerParameters(ReducerParameters):
    """Parameters.

    ranks
        Registers before the divider, at least 1.
    wrong_from
        Operands from here on are taken for one less.
    slow
        The operand that takes a cycle longer than the others.
    """

    ranks: int = 1
    wrong_from: int | None = None
    slow: int | None = None

    architecture = "divider"

    @property
    def bounds(self) -> tuple[Bound, ...]:
        return ()

    @property
    def latency(self) -> int:
        return self.ranks

    @property
    def interval(self) -> int:
        return 1

    def create(self) -> Divider:
        return Divider(self)


class Divider(Reducer):
    """``r = x mod M``."""

    p: DividerParameters

    def body(self) -> Module:
        m, p = Module(), self.p
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        x = self.i.payload.x
        wrong = 0 if p.wrong_from is None else x >= p.wrong_from
        at = pipe.cut("operand", x=(x - wrong)[: p.width])
        for rank in range(1, p.ranks):
            at = pipe.cut(f"wait_{rank}", x=at.x)
        m.d.comb += self.o.payload.r.eq(at.x % p.modulus)
        if p.slow is None:
            pipe.finish(valid=self.o.valid, ready=self.o.ready)
            return m
        valid, lingers, waited = Signal(), Signal(), Signal()
        m.d.comb += [
            lingers.eq(valid & (at.x == p.slow) & ~waited),
            self.o.valid.eq(valid & ~lingers),
        ]
        m.d.sync += waited.eq(lingers | (waited & self.o.valid & ~self.o.ready))
        pipe.finish(valid=valid, ready=self.o.ready & ~lingers)
        return m

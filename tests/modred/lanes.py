"""Reducers side by side, each in every operand at once: a lane of `BitParallel` for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from gatewright.hw.modred.reducer import ReducerParameters
from gatewright.hw.unit import Unit
from gatewright.tests.hw.bit_parallel import BitParallel

from .banks import expected_residues

__all__ = ["check_every_operand"]


@dataclass(frozen=True)
class SideParameters:
    """The reducers side by side; none has tags."""

    reducers: tuple[ReducerParameters, ...]


class SideBySide(Unit):
    """One beat for all reducers, with nothing to wait for at their outputs."""

    p: SideParameters

    def __init__(self, p: SideParameters) -> None:
        count = len(p.reducers)
        residues = {f"r_{k}": Out(each.residue_bits) for k, each in enumerate(p.reducers)}
        width = max(each.width for each in p.reducers)
        controls = {"valid": In(1), "takes": Out(count), "gives": Out(count)}
        super().__init__(p, {"x": In(width), **controls, **residues})

    def body(self) -> Module:
        m = Module()
        for k, each in enumerate(self.p.reducers):
            m.submodules[f"reducer_{k}"] = reducer = each.create()
            m.d.comb += [
                reducer.i.payload.x.eq(self.x),
                reducer.i.valid.eq(self.valid),
                reducer.o.ready.eq(1),
                self.takes[k].eq(reducer.i.ready),
                self.gives[k].eq(reducer.o.valid),
                getattr(self, f"r_{k}").eq(reducer.o.payload.r),
            ]
        return m


def check_every_operand(reducers: Sequence[ReducerParameters]) -> None:
    """Every residue must be NumPy's, and be there in the documented cycle, in no other."""
    unit = BitParallel(
        SideBySide(SideParameters(tuple(reducers))), 1 << max(each.width for each in reducers)
    )
    xs = np.arange(unit.lanes)
    for cycle in range(max(each.latency for each in reducers) + 1):
        unit.settle(x=xs, valid=cycle == 0)
        assert cycle or (unit.read("takes") == (1 << len(reducers)) - 1).all(), "all must take it"
        due = sum((each.latency == cycle) << k for k, each in enumerate(reducers))
        assert (unit.read("gives") == due).all(), f"other residues than those due in cycle {cycle}"
        for k, each in enumerate(reducers):
            if each.latency == cycle:
                got, expected = unit.read(f"r_{k}"), expected_residues(each, xs)
                wrong = np.flatnonzero(got != expected)
                assert not len(wrong), (
                    f"{len(wrong)} of {len(xs)} residues differ; expected {expected[wrong[0]]}, "
                    f"got {got[wrong[0]]} from {wrong[0]} by {each}"
                )
        unit.clock()

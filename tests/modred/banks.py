"""Many reducers side by side, so that one simulator build covers every small modulus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from gatewright.flows.simulation.batched import BatchedModel
from gatewright.generators.artifacts import Build
from gatewright.generators.build import build_design
from gatewright.generators.config import Config
from gatewright.generators.registry import Details, Generator
from gatewright.hw.modred.reducer import ReducerParameters
from gatewright.hw.unit import Unit

__all__ = ["BankParameters", "ReducerBank", "build_unit", "check_bank", "expected_residues"]

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class BankParameters:
    """The reducers of a bank; none has tags."""

    reducers: tuple[ReducerParameters, ...]

    @property
    def width(self) -> int:
        """Bits of the widest operand."""
        return max(each.width for each in self.reducers)


class ReducerBank(Unit):
    """``r_k = (x mod 2^(W_k)) factor_k mod M_k`` for every reducer k.

    Members
    -------
    i : In(stream)
        ``x``, bits of the widest reducer. Each reducer takes a beat when it can; the beat moves
        when all have taken it.
    o : Out(stream)
        One residue per reducer, when all have one.
    """

    p: BankParameters

    def __init__(self, p: BankParameters) -> None:
        residues = {f"r_{k}": each.residue_bits for k, each in enumerate(p.reducers)}
        super().__init__(
            p,
            {
                "i": In(stream.Signature(data.StructLayout({"x": p.width}))),
                "o": Out(stream.Signature(data.StructLayout(residues))),
            },
        )

    def body(self) -> Module:
        m = Module()
        reducers = [each.create() for each in self.p.reducers]
        every_result = Signal()
        m.d.comb += [
            every_result.eq(Cat(each.o.valid for each in reducers).all()),
            self.o.valid.eq(every_result),
        ]
        settled = []
        for k, reducer in enumerate(reducers):
            m.submodules[f"reducer_{k}"] = reducer
            taken = Signal(name=f"taken_{k}")
            m.d.comb += [
                reducer.i.payload.x.eq(self.i.payload.x),
                reducer.i.valid.eq(self.i.valid & ~taken),
                reducer.o.ready.eq(every_result & self.o.ready),
                self.o.payload[f"r_{k}"].eq(reducer.o.payload.r),
            ]
            settled.append(taken | reducer.i.ready)
            with m.If(self.i.valid):
                m.d.sync += taken.eq((taken | reducer.i.ready) & ~self.i.ready)
        m.d.comb += self.i.ready.eq(Cat(settled).all())
        return m


def build_unit(folder: Path, unit: Unit) -> Build:
    """Emit a unit that no generator makes."""
    details = Details(meanings={}, latency={}, throughput={})
    generator = Generator(
        name="unit", summary="a unit of a test", config=lambda: Config,
        build=lambda _: unit, details=lambda _: details, testbench="",
    )  # fmt: skip
    return build_design(generator, Config(), folder)


def check_bank(model: BatchedModel, p: BankParameters, xs: Numbers, *, seed: int = 0) -> int:
    """Send ``xs`` through a bank, compare every residue, and return the cycles that it took."""
    run = model.run_streams({"i": model.pack("i", {"x": xs})}, {"o": len(xs)}, seed=seed)
    got = model.unpack_array("o", run.outputs["o"])
    for k, each in enumerate(p.reducers):
        expected = expected_residues(each, xs)
        wrong = np.flatnonzero(got[:, k] != expected)
        if len(wrong):
            at = int(wrong[0])
            raise AssertionError(
                f"{len(wrong)} of {len(xs)} residues differ; expected {expected[at]}, got "
                f"{got[at, k]} from {int(xs[at]) & (1 << each.width) - 1} by {each}"
            )
    return run.cycles


def expected_residues(p: ReducerParameters, xs: Numbers) -> Numbers:
    """``(x mod 2^W) factor mod M``, in NumPy."""
    operands = xs & ((1 << p.width) - 1)
    residues: Numbers = operands % p.modulus * p.factor % p.modulus
    return residues


def every_operand(parameters: Sequence[ReducerParameters]) -> Numbers:
    """Every operand of the widest reducer, and thus of each."""
    return np.arange(1 << max(each.width for each in parameters), dtype=np.int64)

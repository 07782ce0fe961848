"""What a generator claims of its hardware: named properties, each with the method that decides it.

A claim is hardware itself: a unit whose output ``holds`` must be 1 whatever comes in. Written in
Amaranth, emitted as Verilog with what it is about inside, it is decided on the Verilog that users
get, by engines that know nothing of generators (:mod:`gatewright.flows.formal`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ..hw.unit import Unit
from .artifacts import Build
from .build import build_design
from .config import Config
from .registry import Details, Generator

__all__ = [
    "Always", "Claim", "ClaimParameters", "ClaimUnit", "Computed", "Counted", "Finding", "ForEvery",
    "Property", "build_unit",
]  # fmt: skip

Integers = np.ndarray[Any, Any]


class Claim:
    """Hardware under a claim: free inputs, what is assumed of them, and what must hold.

    Attributes
    ----------
    m
        Module that holds the units in question and whatever watches them.
    """

    def __init__(self) -> None:
        self.m = Module()
        self.inputs: dict[str, Any] = {}
        self._assumed: list[Any] = []
        self._held: list[Any] = []

    def free(self, shape: Any, name: str) -> Any:
        """Return a signal that has any value in any cycle."""
        if name in self.inputs:
            raise ValueError(f"free signal must have a name of its own, not {name!r}")
        signal = Signal(shape, name=name)
        self.inputs[name] = signal
        return signal

    def constant(self, shape: Any, name: str) -> Any:
        """Return a signal that has any value, the same in all cycles after reset.

        A register that nothing ever writes would not do: synthesis gives it a value of its choice.
        """
        drawn = self.free(shape, name)
        steady = Signal(name=f"{name}_steady")
        held, value = Signal(shape, name=f"{name}_held"), Signal(shape, name=f"{name}_value")
        self.m.d.comb += value.eq(Mux(steady, held, drawn))
        self.m.d.sync += [steady.eq(1), held.eq(value)]
        return value

    def assume(self, condition: Any) -> None:
        """Leave out every run in which ``condition`` was 0 in this or an earlier cycle."""
        self._assumed.append(condition)

    def hold(self, condition: Any) -> None:
        """Claim that ``condition`` is 1 in every cycle."""
        self._held.append(condition)

    def settle(self, assumed: Signal, holds: Signal) -> None:
        """Drive the verdict's signals."""
        if not self._held:
            raise ValueError("a claim must hold something")
        for kind, conditions, target in (
            ("assumption", self._assumed, assumed), ("condition", self._held, holds),
        ):  # fmt: skip
            every: Any = 1
            for index, condition in enumerate(conditions):
                term = Signal(name=f"{kind}_{index}")
                self.m.d.comb += term.eq(Value.cast(condition).bool())
                every = every & term
            self.m.d.comb += target.eq(every)


@dataclass(frozen=True)
class ClaimParameters:
    """A function that writes a claim; it is called anew for each elaboration."""

    write: Callable[[Claim], None]


class ClaimUnit(Unit):
    """A claim as a unit.

    Members
    -------
    one In for each free signal
    assumed, holds : Out(1)
    """

    def __init__(self, p: ClaimParameters) -> None:
        claim = Claim()
        p.write(claim)
        ports = {name: In(Value.cast(signal).shape()) for name, signal in claim.inputs.items()}
        super().__init__(p, {**ports, "assumed": Out(1), "holds": Out(1)})
        self._claim: Claim | None = claim

    def body(self) -> Module:
        claim, self._claim = self._claim, None
        if claim is None:  # a module belongs to one elaboration
            claim = Claim()
            self.p.write(claim)
        for name, signal in claim.inputs.items():
            claim.m.d.comb += Value.cast(signal).eq(getattr(self, name))
        claim.settle(self.assumed, self.holds)
        return claim.m


@dataclass(frozen=True)
class Always:
    """``holds`` is 1 in every cycle, whatever the inputs, from any state through a reset.

    Attributes
    ----------
    write
        Writes the claim.
    bound
        None: for runs of any length. Else for runs of so many cycles after reset.
    inductive
        The state before the first cycle is any, of registers that reset would set too: what then
        holds ``bound`` cycles later always holds, by induction.
    """

    write: Callable[[Claim], None]
    bound: int | None = None
    inductive: bool = False

    @property
    def unit(self) -> Unit:
        return ClaimUnit(ClaimParameters(self.write))


@dataclass(frozen=True)
class ForEvery:
    """A unit gives what the golden model says for every input there is, in simulation.

    Attributes
    ----------
    make
        Makes the unit: plain ports, the outputs ``latency`` cycles after the inputs.
    inputs
        Returns an integer array for each input port: all rows together are every case.
    expected
        Returns an array for each output port that is compared, from those of the inputs.
    latency
        Cycles.
    """

    make: Callable[[], Unit]
    inputs: Callable[[], dict[str, Integers]]
    expected: Callable[[Mapping[str, Integers]], dict[str, Integers]]
    latency: int = 0

    @property
    def unit(self) -> Unit:
        return self.make()


@dataclass(frozen=True)
class Finding:
    """What a computed check came to: how many cases, what it found out, and what is wrong."""

    cases: int
    says: Sequence[str] = ()
    wrong: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Computed:
    """A finite check in exact integers, of numbers that the hardware is made from."""

    check: Callable[[], Finding]


Counted = ForEvery | Computed
"""Methods that go through every case."""


@dataclass(frozen=True)
class Property:
    """One thing that is true of a generator's hardware.

    Attributes
    ----------
    name
        ``block.what``, unique in a generator.
    says
        One sentence.
    method
        How it is decided.
    """

    name: str
    says: str
    method: Always | ForEvery | Computed


def build_unit(unit: Unit, folder: Path, name: str) -> Build:
    """Emit a unit that belongs to no design, with a manifest as simulators want it."""
    details = Details(meanings={}, latency={}, throughput={})
    generator = Generator(
        name=name, summary="a property", config=lambda: Config, build=lambda _: unit,
        details=lambda _: details, testbench="",
    )  # fmt: skip
    return build_design(generator, Config(), folder)

"""What benchmarks/tpe.py synthesises beside the generator's own units."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from gatewright.flows.synthesis import synthesize
from gatewright.generators.artifacts import Build, Manifest, Port, digest
from gatewright.generators.emission import emit
from gatewright.hw.tpe.dot_product import DotProduct, DotProductParameters
from gatewright.hw.tpe.output_stationary import control_ports
from gatewright.hw.tpe.resolve import Resolve, ResolveParameters
from gatewright.hw.tpe.systolic_os import SystolicGrid, SystolicOsParameters
from gatewright.hw.unit import Unit, flat_ports


@dataclass(frozen=True)
class RegisteredParameters:
    """A unit, and its parameters."""

    unit: type[Unit]
    parameters: Any


class Registered(Unit):
    """A unit with registers before its inputs, as an element has in an array.

    The published elements have no ``enable``: here it is 1.
    """

    p: RegisteredParameters

    def __init__(self, p: RegisteredParameters) -> None:
        self._unit = p.unit(p.parameters)
        self._inputs: list[tuple[str, Value]] = []
        self._outputs: list[tuple[str, Value]] = []
        members = {}
        for name, flow, value in flat_ports(self._unit):
            if name == "enable":
                continue
            (self._inputs if flow is In else self._outputs).append((name, value))
            members[name] = flow(len(value))
        super().__init__(p, members)

    def body(self) -> Module:
        m = Module()
        m.submodules.unit = self._unit
        for name, value in self._inputs:
            register = Signal(len(value), name=f"{name}_register", reset_less=True)
            m.d.sync += register.eq(getattr(self, name))
            m.d.comb += value.eq(register)
        m.d.comb += [getattr(self, name).eq(value) for name, value in self._outputs]
        if hasattr(self._unit, "enable"):
            m.d.comb += self._unit.enable.eq(1)
        return m


@dataclass(frozen=True)
class ResolvedTileParameters:
    """A sum of products with carry-save pairs, and the cycles of its last addition."""

    product: DotProductParameters
    stages: int

    @property
    def resolve(self) -> ResolveParameters:
        return ResolveParameters(width=self.product.width, stages=self.stages)


class ResolvedTile(Unit):
    """A tile of OPT2 with the addition that makes numbers of its pairs, as the published one."""

    p: ResolvedTileParameters

    def __init__(self, p: ResolvedTileParameters) -> None:
        self._product = DotProduct(p.product)
        members = {
            name: flow(len(value))
            for name, flow, value in flat_ports(self._product) if flow is In
        }  # fmt: skip
        super().__init__(p, {**members, "result": Out(p.product.width)})

    def body(self) -> Module:
        m = Module()
        m.submodules.product = self._product
        m.submodules.resolve = resolve = Resolve(self.p.resolve)
        for name, flow, value in flat_ports(self._product):
            if flow is In:
                m.d.comb += value.eq(getattr(self, name))
        m.d.comb += [
            resolve.sum.eq(self._product.sum), resolve.carry.eq(self._product.carry),
            resolve.enable.eq(1), self.result.eq(resolve.result),
        ]  # fmt: skip
        return m


class OpenGrid(SystolicGrid):
    """An output-stationary array whose sums all are ports, as those of the published one are."""

    def __init__(self, p: SystolicOsParameters) -> None:
        words = data.ArrayLayout(data.ArrayLayout(p.accumulator_width, p.cols), p.rows)
        correction = data.ArrayLayout(p.accumulator_width, p.rows)
        Unit.__init__(self, p, {
            **control_ports(p), "sum": Out(words), "carry": Out(words),
            "correction": Out(correction),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        elements, _, corrections = self.elements(m)
        for r, row in enumerate(elements):
            m.d.comb += self.correction[r].eq(corrections[r])
            for j, element in enumerate(row):
                m.d.comb += [
                    self.sum[r][j].eq(element.sum), self.carry[r][j].eq(element.carry)
                ]
        return m


@dataclass
class Workshop:
    """Where units become builds, and builds figures; equal ones only once.

    Attributes
    ----------
    folder
        Of all builds.
    target
        For standard cells.
    """

    folder: Path
    target: str
    _reports: dict[Any, dict[str, Any]] = field(default_factory=dict)

    def cells(self, unit: Unit, recipes: str = "full") -> dict[str, Any]:
        """Report of the mapping with the least area x delay, hierarchy dissolved."""
        build = self._build(unit)
        key = build.manifest.hash, recipes
        if key not in self._reports:
            report = synthesize(build, self.target, recipes=recipes, flatten=True)
            self._reports[key] = report
        return self._reports[key]

    def luts(self, unit: Unit) -> float:
        """LUTs on ECP5 without DSP blocks, a carry cell counted twice."""
        build = self._build(unit)
        return float(synthesize(build, "ecp5-85k", dsp=False, place=False)["luts"])

    def _build(self, unit: Unit) -> Build:
        text = emit(unit, name="dut").verilog
        hash = digest(text)
        ports = tuple(
            Port(name, "in" if flow is In else "out", len(value))
            for name, flow, value in flat_ports(unit)
        )
        build = Build(
            self.folder / hash[:16],
            Manifest(
                generator="tpe", design="dut", top="dut", verilog=("dut.v",), config={},
                config_hash="", hash=hash, clock="clk", reset="rst", ports=ports,
            ),
        )
        build.save({"dut.v": text})
        return build


def least_area(report: dict[str, Any]) -> float:
    """Area of the smallest mapping."""
    return float(min(point["area"] for point in report["pareto"]))

"""A generator of another package, as small as one can be: an adder with a register."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewright.generators.registry import Details, Generator

if TYPE_CHECKING:
    from gatewright.generators.config import Config
    from gatewright.hw.unit import Unit


def _config() -> type[Config]:
    from pydantic import Field

    from gatewright.generators.config import Config

    class TinyConfig(Config):
        width: int = Field(8, ge=1, le=64, description="Bits of each operand.")
        names: tuple[str, ...] = Field((), description="Nothing reads them.")

    return TinyConfig


def _build(config: Config) -> Unit:
    from amaranth.hdl import Module
    from amaranth.lib.wiring import In, Out

    from gatewright.hw.unit import Unit

    @dataclass(frozen=True)
    class Parameters:
        width: int

    class TinyAdder(Unit):
        def __init__(self, p: Parameters) -> None:
            ports = {"a": In(p.width), "b": In(p.width), "sum": Out(p.width + 1)}
            super().__init__(p, ports)

        def body(self) -> Module:
            m = Module()
            m.d.sync += self.sum.eq(self.a + self.b)
            return m

    return TinyAdder(Parameters(config.model_dump()["width"]))


def _details(config: Config) -> Details:
    meanings = {"a": "First operand.", "b": "Second operand.", "sum": "Their sum."}
    return Details(meanings, {"cycles": 1}, {"sums per cycle": 1})


generator = Generator(
    name="tiny",
    summary="An adder with a register.",
    config=_config,
    build=_build,
    details=_details,
    testbench="tiny_testbench",
    commands="tiny_commands:app",
)

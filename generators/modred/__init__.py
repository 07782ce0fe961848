"""The modred generator: residues modulo a constant, and arithmetic modulo it (ALLMod)."""

from __future__ import annotations

from ..registry import Generator, deferred, found_in

__all__ = ["generator"]

generator = Generator(
    name="modred",
    summary="modular reduction by a constant, seven methods under one cost model (ALLMod)",
    config=found_in(f"{__name__}.config", "ModredConfig"),
    build=deferred(f"{__name__}.design", "top"),
    details=deferred(f"{__name__}.design", "details"),
    testbench="gatewright.verification.modred.testbench",
    commands="gatewright.cli.modred:app",
    properties=deferred(f"{__name__}.properties", "properties"),
    model=deferred(f"{__name__}.model", "model"),
)

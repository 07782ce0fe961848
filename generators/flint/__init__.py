"""The flint generator: adaptive 4-bit types on a systolic array (ANT)."""

from __future__ import annotations

from ..registry import Generator, deferred, found_in

__all__ = ["generator"]

generator = Generator(
    name="flint",
    summary="adaptive 4-bit types (int, flint, power of two, float) on a systolic array",
    config=found_in(f"{__name__}.config", "FlintConfig"),
    build=deferred(f"{__name__}.design", "top"),
    details=deferred(f"{__name__}.design", "details"),
    testbench="gatewright.verification.flint.testbench",
    commands="gatewright.cli.flint:app",
    properties=deferred(f"{__name__}.properties", "properties"),
    mutated=("processing_element", "controller", "cluster*", "weight_recoder", "operand_border*"),
    model=deferred(f"{__name__}.model", "model"),
)

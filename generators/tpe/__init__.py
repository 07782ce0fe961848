"""The tpe generator: tensor engines that work on the digits of one operand (HPCA 2025)."""

from __future__ import annotations

from ..registry import Generator, deferred, found_in

__all__ = ["generator"]

generator = Generator(
    name="tpe",
    summary="tensor engines in the bit-weight dimension: dense and digit-serial arrays (HPCA 2025)",
    config=found_in(f"{__name__}.config", "TpeConfig"),
    build=deferred(f"{__name__}.design", "top"),
    details=deferred(f"{__name__}.design", "details"),
    testbench="gatewright.verification.tpe.testbench",
    commands="gatewright.cli.tpe:app",
    properties=deferred(f"{__name__}.properties", "properties"),
    model=deferred(f"{__name__}.model", "model"),
)

"""The salo generator: hybrid sparse attention, from a mask to tiles on an array (DAC 2022)."""

from __future__ import annotations

from ..registry import Generator, deferred, found_in

__all__ = ["generator"]

generator = Generator(
    name="salo",
    summary="sparse attention on an array of bands, globals and gathered keys (SALO, DAC 2022)",
    config=found_in(f"{__name__}.config", "SaloConfig"),
    build=deferred(f"{__name__}.design", "top"),
    details=deferred(f"{__name__}.design", "details"),
    testbench="gatewright.verification.salo.testbench",
    commands="gatewright.cli.salo:app",
    properties=deferred(f"{__name__}.properties", "properties"),
    mutated=("processing_element", "row_*", "sequencer", "weighted_sum", "scaling"),
    model=deferred(f"{__name__}.model", "model"),
)

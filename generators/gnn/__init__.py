"""The gnn generator: graph networks on a graph that is cut to fit on chip (SwitchBlade, 2023)."""

from __future__ import annotations

from ..registry import Generator, deferred, found_in

__all__ = ["generator"]

generator = Generator(
    name="gnn",
    summary="graph networks of any kind, compiled for a multi-threaded engine (SwitchBlade, 2023)",
    config=found_in(f"{__name__}.config", "GnnConfig"),
    build=deferred(f"{__name__}.design", "top"),
    details=deferred(f"{__name__}.design", "details"),
    testbench="gatewright.verification.gnn.testbench",
    commands="gatewright.cli.gnn:app",
    properties=deferred(f"{__name__}.properties", "properties"),
    mutated=(
        "decoder", "dispatcher", "interval_context", "issue", "threads", "dot_column",
        "element_lane", "score_lane",
    ),
    model=deferred(f"{__name__}.model", "model"),
)

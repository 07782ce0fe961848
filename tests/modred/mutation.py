"""Mutants of a design by the hundred, in one simulator build.

Yosys changes one bit somewhere (inverts it, ties it to 0 or 1, or swaps it with its neighbour)
while a new input port has the mutant's number; with 0 on the port the design is as it was.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gatewright.generators.artifacts import Build, Port, digest

__all__ = ["mutants"]

_PORT, _BITS = "mutant", 16


def mutants(build: Build, folder: Path, count: int, *, seed: int = 1) -> tuple[Build, list[str]]:
    """Return a build with ``count`` mutants, and what each changes; mutant k is number k + 1."""
    from pyosys import libyosys as ys

    listing, target = folder / "mutants.txt", folder / "mutants.v"
    folder.mkdir(parents=True, exist_ok=True)
    top = build.manifest.top
    design = ys.Design()
    for source in build.verilog:
        design.run_pass(f"tee -q read_verilog -sv {source}")
    for command in (
        f"hierarchy -check -top {top}", "proc", "flatten", "opt -full", "memory_collect",
        f"mutate -list {count} -seed {seed} -ctrl {_PORT} {_BITS} 1 -o {listing}",
    ):
        design.run_pass(f"tee -q {command}")
    lines = listing.read_text().splitlines()
    for line in lines:
        design.run_pass(f"tee -q {line}")
    for command in ("opt_clean", f"write_verilog -sv -noattr {target}", "delete"):
        design.run_pass(f"tee -q {command}")
    select = Port(_PORT, "in", _BITS, meaning="number of the mutant that is active; 0 for none")
    manifest = replace(
        build.manifest, verilog=(target.name,), hash=digest(target.read_text()),
        ports=(*build.manifest.ports, select),
    )  # fmt: skip
    changed = Build(folder, manifest)
    changed.save({})
    return changed, lines

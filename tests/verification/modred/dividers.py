"""Designs that divide, with the manifest of a modred design: to try the testbench on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gatewright.generators.artifacts import Build
from gatewright.tests.modred.banks import build_unit
from gatewright.tests.modred.reference import DividerParameters


def divider(folder: Path, p: DividerParameters, *, latency: int | None = None) -> Build:
    """Emit a divider whose manifest reads like that of a reducer.

    Parameters
    ----------
    folder
        The build folder.
    p
        Its parameters.
    latency
        What the manifest says, if not the truth.
    """
    build = build_unit(folder, p.create())
    manifest = replace(
        build.manifest,
        config={"modulus": hex(p.modulus), "operation": "reduce", "architecture": "restoring",
                "butterfly": None},
        latency={"cycles": p.latency if latency is None else latency},
        throughput={"cycles_per_result": 1},
        testbench="gatewright.verification.modred.testbench",
    )  # fmt: skip
    changed = Build(folder, manifest)
    changed.save({})
    return changed

"""From a build to the energy of its testbench's work."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...generators.artifacts import Build, digest, write_json
from ..simulation.simulate import simulate
from ..synthesis import synthesize
from ..synthesis.liberty import Library
from ..synthesis.standard_cells import driving_cell
from ..synthesis.targets import parse
from ..synthesis.timing import Environment
from .activity import read_activity
from .energy import energy_per_cycle
from .gate_level import simulatable
from .mapped import read_mapped
from .reference import opensta_power

__all__ = ["measure"]


def measure(
    build: Build, *, target: str = "ge", recipes: str = "fast", seed: int = 0,
    out: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Synthesise a design, run its testbench on the gates, and add up the energy.

    Parameters
    ----------
    target
        Standard cells: ``ge`` or ``liberty:FILE``.
    recipes
        As for `synthesize`.
    seed
        Of the testbench.
    out
        Folder of the report; ``energy-<target>`` in the build folder if None.

    Returns
    -------
    dict
        The report, as written to ``report.json``: ``energy`` per clock cycle and
        ``energy_per_operation`` (per beat of the streams that go out) in ``energy_unit``, its
        parts, ``power`` in W at the critical path's clock, and OpenSTA's figure beside it.

    Raises
    ------
    InputError
        If the target has no cells, or the design cannot be simulated gate by gate.
    CheckFailed
        If the gates do not pass the testbench.
    """
    chosen = parse(target)
    if chosen.liberty is None:
        raise InputError(f"target must be ge or liberty:FILE to tell energy, not {target!r}")
    folder = out or build.folder / f"energy-{chosen.slug}"
    manifest = build.manifest
    if manifest.clock is None:
        raise InputError(f"{manifest.design} must have a clock to tell its energy")
    synth = synthesize(build, target, recipes=recipes, out=folder / "synth")
    library = Library(chosen.liberty)
    flat = read_mapped(folder / "synth" / synth["netlist"], manifest.top).flatten()
    driver = driving_cell(library)
    inverter = next(cell for cell in library.usable("logic") if cell.is_inverter)
    ideal = frozenset({manifest.reset} if manifest.reset else ())
    environment = Environment(
        manifest.clock, ideal, driver.name, max(inverter.inputs[0].capacitance)
    )
    text = simulatable(flat, library, manifest.clock)
    gates = Build(folder / "gates", dataclasses.replace(
        manifest, verilog=("gates.v",), hash=digest(text), enums={},
    ))  # fmt: skip
    gates.save({"gates.v": text})
    run = simulate(gates, seed=seed, waves=True, out=folder / "gates" / "sim")
    dump = folder / "gates" / "sim" / str(run["waves"])
    with dump.open() as lines:
        activity = read_activity(lines, manifest.clock)
    dump.unlink()  # gigabytes for large designs; the report has what was in it
    found = energy_per_cycle(flat, library, environment, activity)
    outputs = {each.name for each in manifest.streams if each.direction == "out"}
    operations = sum(count for name, count in run["beats"].items() if name in outputs)
    own = chosen.kind == "ge"
    report: dict[str, Any] = {
        "format": "gatewright-report", "version": 1, "step": "energy",
        "design": manifest.design, "generator": manifest.generator,
        "config_hash": manifest.config_hash, "verdict": "pass", "target": target,
        "energy_unit": "C V^2 of an X1 inverter's input" if own else "fJ",
        "energy": _round(found.dynamic), "energy_switching": _round(found.switching),
        "energy_internal": _round(found.internal), "energy_inputs": _round(found.inputs),
        "operations": operations, "activity_cycles": activity.cycles,
        "energy_per_operation":
            _round(found.dynamic * activity.cycles / operations) if operations else None,
        "energy_by_instance": {name: _round(value) for name, value in
                               sorted(found.modules.items(), key=lambda each: -each[1])},
        "seed": seed, "tools": synth["tools"] | run["tools"], "power": None, "opensta": None,
    }  # fmt: skip
    if not own:
        period = max(synth["delay"], 1e-3)
        # fJ per ns is a microwatt.
        power = {
            "switching": found.switching / period * 1e-6,
            "internal": found.internal / period * 1e-6,
            "leakage": found.leakage_nw * 1e-9,
        }
        power["total"] = sum(power.values())
        report["power"] = {name: _round(value) for name, value in power.items()}
        report["power_unit"], report["power_period_ns"] = "W", _round(period)
        reference = opensta_power(flat, library, environment, activity, period)
        if reference is not None:
            report["opensta"] = reference | {
                "ratio": _round(power["total"] / reference["total"]) if reference["total"] else None
            }
    write_json(folder / "report.json", report)
    return report


def _round(value: float) -> float:
    return float(f"{value:.6g}")

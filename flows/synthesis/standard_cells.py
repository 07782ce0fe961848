"""Synthesis to standard cells: the built-in technology or any Liberty library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...generators.artifacts import Build, write_text
from . import frontend, opensta, yosys
from .abc import FAST, RECIPES, Technology
from .candidates import Candidate, Objective, Progress, Search, choose, pareto
from .liberty import Cell, Library
from .netlist import Netlist
from .targets import Target
from .timing import Environment, fo4

__all__ = ["driving_cell", "run"]

# Delay targets as multiples of the library's FO4: from "no hurry" to "as fast as can be". In
# Nangate45 they are 2.05, 1.03, 0.60, 0.30 and 0.11 ns.
TARGETS_FO4 = (96, 48, 28, 14, 5)
# What the makers of well-known libraries take as driver of ports.
_USUAL_DRIVERS = ("BUF_X1", "sky130_fd_sc_hd__buf_2", "sg13g2_buf_2")


def driving_cell(library: Library) -> Cell:
    """The buffer that stands for whatever drives a port.

    The usual one of a known library; else the smallest that drives as large a load as the library's
    smallest flip-flop does, since most signals come from one.
    """
    buffers = [cell for cell in library.usable("logic") if cell.is_buffer]
    if not buffers:
        raise InputError(f"{library.path} must have a buffer that mapping may use")
    for cell in buffers:
        if cell.name in _USUAL_DRIVERS:
            return cell
    flops = library.usable("flop")
    needed = max((p.max_load or 0.0 for p in flops[0].outputs), default=0.0) if flops else 0.0
    for cell in buffers:
        if (cell.outputs[0].max_load or 0.0) >= needed:
            return cell
    return buffers[-1]


def run(
    build: Build,
    target: Target,
    *,
    period: float | None,
    objective: Objective,
    flatten: bool,
    recipes: Sequence[str],
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Synthesise to cells; the mapped netlist goes to `folder`, the figures are returned.

    `period` is in ns for a Liberty library, in FO4 for `ge`.
    """
    assert target.liberty is not None
    library = Library(target.liberty)
    usable = library.usable("logic")
    own = target.kind == "ge"
    unit = fo4(library)
    limit = None if period is None else period * (unit if own else 1.0)
    driver = driving_cell(library)
    inverter = next(cell for cell in usable if cell.is_inverter)
    load = max(inverter.inputs[0].capacitance)
    manifest = build.manifest
    ideal = frozenset({manifest.reset} if manifest.reset else ())
    environment = Environment(manifest.clock, ideal, driver.name, load)
    targets = {max(1, round(multiple * unit * 1000)) for multiple in TARGETS_FO4}
    if limit is not None:
        targets.add(max(1, round(limit * 1000)))
    technology = Technology(
        library.prune(cell.name for cell in usable),
        driver.name,
        load,
        tuple(sorted(targets, reverse=True)),
    )
    # The short set of recipes is for a quick answer.
    fronts = frontend.fronts(library, quick=len(recipes) <= len(FAST))
    progress("elaborating", 0, 1)
    with ThreadPoolExecutor(2) as pool:
        jobs = {
            front: pool.submit(frontend.gates, build, library, front, flatten, folder)
            for front in fronts
        }
        netlists = {front: job.result() for front, job in jobs.items()}
    progress("elaborating", 1, 1)
    search = Search(library, technology, environment, recipes, progress)
    candidates = search.run(netlists)
    best = choose(candidates, objective, limit)
    netlist = search.assemble(best)
    path = folder / f"{manifest.top}.mapped.v"
    write_text(path, netlist.verilog())
    figures = _figures(netlist, library, best)
    timing, power, note = best.timing, None, None
    assert timing is not None
    if not own and opensta.available():
        progress("timing and power by OpenSTA", 0, 1)
        used = {name for name in netlist.counts() if name in library.cells} | {driver.name}
        told = opensta.analyse(path, manifest.top, library, used, environment, limit, timing.delay)
        if isinstance(told, str):
            note = f"OpenSTA could not tell: {told}"
        else:
            timing, power = told
        progress("timing and power by OpenSTA", 1, 1)
    elif not own:
        note = "sta is not installed (Debian: opensta): built-in timing, no power"
    scale = 1 / unit if own else 1.0
    delay = timing.delay * scale
    return {
        "technology": {
            "library": library.name,
            "file": None if own else str(target.liberty),
            "sha256": library.hash,
            "fo4_ns": None if own else round(unit, 6),
            "driving_cell": driver.name,
            "load_ff": None if own else round(load, 4),
        },
        "area_unit": "GE" if own else "library unit (um2 in most)",
        "delay_unit": "FO4" if own else "ns",
        "objective": objective,
        "flatten": flatten,
        "period": period,
        "met": None if period is None else delay <= period,
        **figures,
        "delay": _round(delay),
        "delay_fo4": _round(timing.delay / unit),
        "frequency_mhz": None if own or not timing.delay else _round(1000 / timing.delay),
        "paths": {name: _round(value * scale) for name, value in timing.groups.items()},
        "critical_path": [
            {"point": s.instance, "cell": s.cell, "arrival": _round(s.arrival * scale)}
            for s in timing.path
        ],
        "timing_engine": timing.engine,
        "timing_note": note,
        "untimed_ports": sorted(ideal),
        "power": None if power is None else power.watts(),
        "power_unit": "W",
        "power_period_ns": None if power is None else _round(power.period_ns),
        "recipe": {"front": best.front, "name": best.recipe},
        "recipes": list(recipes),
        "candidates": len(candidates),
        "failures": search.failures,
        "pareto": [
            {
                "front": point.front,
                "recipe": point.recipe,
                "area": _round(point.area),
                "delay": _round(point.delay * scale),
            }
            for point in pareto(candidates)
        ],
        "fronts": _by_front(candidates, scale),
        "netlist": path.name,
        "tools": _tools(timing.engine),
    }


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def _by_front(candidates: Sequence[Candidate], scale: float) -> dict[str, dict[str, float]]:
    """Least area and least delay that each front end leads to."""
    fronts: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        fronts.setdefault(candidate.front, []).append(candidate)
    return {
        front: {
            "area": _round(min(each.area for each in found)),
            "delay": _round(min(each.delay for each in found) * scale),
        }
        for front, found in sorted(fronts.items())
    }


def _tools(engine: str) -> dict[str, str]:
    tools = {"pyosys": yosys.version()}
    name, _, version = engine.partition(" ")
    if version:
        tools[name] = version
    return tools


def _figures(netlist: Netlist, library: Library, best: Candidate) -> dict[str, Any]:
    """Area and cells of the whole, and of each module without the modules below it."""
    counts = netlist.counts()
    cells = {name: number for name, number in counts.items() if name in library.cells}
    flops = {name: n for name, n in cells.items() if library.cells[name].kind == "flop"}
    modules = {}
    for name in reversed(netlist.order()):
        own = Counter(instance.kind for instance in netlist.modules[name].instances)
        here = {kind: number for kind, number in own.items() if kind in library.cells}
        modules[name] = {
            "instances": counts[name],
            "area": _round(sum(library.cells[kind].area * n for kind, n in here.items())),
            "cells": sum(here.values()),
            "flops": sum(n for kind, n in here.items() if library.cells[kind].kind == "flop"),
        }
    area = sum(library.cells[name].area * number for name, number in cells.items())
    return {
        "area": _round(area),
        "cells": sum(cells.values()),
        "flops": sum(flops.values()),
        "flop_area": _round(sum(library.cells[name].area * n for name, n in flops.items())),
        "cell_types": dict(sorted(cells.items())),
        "modules": modules,
    }


def recipe_names(recipes: str | Sequence[str]) -> tuple[str, ...]:
    """Understand `recipes`: "full", "fast", or names of recipes.

    Raises
    ------
    InputError
        If a name is unknown, or there is none.
    """

    if isinstance(recipes, str):
        words = {"full": tuple(RECIPES), "fast": FAST}.get(recipes)
        if words is not None:
            return words
        recipes = [word.strip() for word in recipes.split(",")]
    for name in recipes:
        if name not in RECIPES:
            raise InputError(
                f"recipes must be full, fast or some of {', '.join(RECIPES)}, not {name!r}"
            )
    if not recipes:
        raise InputError(f"recipes must name at least one of {', '.join(RECIPES)}")
    return tuple(dict.fromkeys(recipes))

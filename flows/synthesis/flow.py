"""The entry points: `synthesize` one build, `compare` some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build, write_json
from .candidates import Objective, Progress
from .targets import parse

__all__ = ["compare", "synthesize"]


def _silent(what: str, done: int, total: int) -> None:
    """Report progress to nobody."""


def _named(name: str, progress: Progress) -> Progress:
    return lambda what, done, total: progress(f"{name}: {what}", done, total)


def synthesize(
    build: Build,
    target: str = "ge",
    *,
    period: float | None = None,
    objective: Objective = "area_delay",
    flatten: bool = False,
    recipes: str | Sequence[str] = "full",
    board: str | Path | None = None,
    bitstream: bool = False,
    seed: int = 1,
    placements: int = 1,
    dsp: bool = True,
    place: bool = True,
    out: Path | None = None,
    progress: Progress = _silent,
) -> dict[str, Any]:
    """Synthesise a build and report what it costs.

    Parameters
    ----------
    build
        Folder of Verilog and manifest.
    target
        A name of `targets()`: `ge`, `liberty:PATH`, or a device.
    period
        Clock period that must be met: ns, for `ge` FO4.
    objective
        What decides between mappings to standard cells: "area", "delay", or their product.
    flatten
        Dissolve the hierarchy: smaller and faster, but each instance is mapped on its own. (FPGA
        flows always do.)
    recipes
        ABC recipes for standard cells: "full", "fast", or names.
    board
        For a bitstream: a board's name (`boards.names()`) or a constraint file.
    bitstream
        Make one; the design's ports must be pins of the board.
    seed
        For placement.
    placements
        Place on the FPGA with so many seeds, from `seed` up, and route the one that nextpnr
        estimates to be fastest; 1 to 100.
    dsp
        Let FPGA flows use multiplier blocks.
    place
        Place and route on an FPGA; without, resources are counted and `delay` is None.
    out
        Folder of the report; `<build>/synth-<target>` if None.
    progress
        Called with what is being done, steps done, steps in all.

    Returns
    -------
    dict
        The report, as written to `report.json`.

    Raises
    ------
    InputError
        If an argument or the design cannot be used.
    MissingToolError
        If an optional tool is not installed.
    CheckFailed
        If `period` is missed; the report has been written.
    """
    if objective not in get_args(Objective):
        allowed = ", ".join(get_args(Objective))
        raise InputError(f"objective must be one of {allowed}, not {objective!r}")
    if period is not None and not 0 < period < float("inf"):
        raise InputError(f"period must be a positive number, not {period!r}")
    if not 1 <= placements <= 100:
        raise InputError(f"placements must be in 1..100, not {placements!r}")
    if not 0 <= seed <= 2**31 - placements:
        raise InputError(f"seed must be in 0..{2**31 - placements}, not {seed!r}")
    chosen = parse(target)
    if placements > 1 and (chosen.kind != "fpga" or not place):
        raise InputError(
            f"placements must be 1 unless a design is placed on an FPGA, not {placements}"
        )
    if chosen.kind != "fpga" and (bitstream or board is not None):
        raise InputError(f"target must be an FPGA device to use a board, not {target!r}")
    if not place and (chosen.kind != "fpga" or bitstream or period is not None):
        raise InputError(
            "place must be true for a period, a bitstream or standard cells, not false"
        )
    folder = out if out is not None else build.folder / f"synth-{chosen.slug}"
    if chosen.kind == "fpga":
        from . import fpga

        job = fpga.prepare(build, chosen, period, board, bitstream, place)
        folder.mkdir(parents=True, exist_ok=True)
        seeds = range(seed, seed + placements)
        figures = fpga.run(
            job, period=period, seeds=seeds, dsp=dsp, place=place, folder=folder, progress=progress
        )
    else:
        from . import standard_cells

        names = standard_cells.recipe_names(recipes)
        folder.mkdir(parents=True, exist_ok=True)
        figures = standard_cells.run(
            build,
            chosen,
            period=period,
            objective=objective,
            flatten=flatten,
            recipes=names,
            folder=folder,
            progress=progress,
        )
    manifest = build.manifest
    report = {
        "format": "gatewright-report",
        "version": 1,
        "step": "synth",
        "design": manifest.design,
        "generator": manifest.generator,
        "config_hash": manifest.config_hash,
        "verilog_hash": manifest.hash,
        "verdict": "fail" if figures["met"] is False else "pass",
        "target": target,
        "kind": chosen.kind,
        **figures,
    }
    write_json(folder / "report.json", report)
    if report["verdict"] == "fail":
        raise CheckFailed(
            f"{manifest.design} misses its period of {period:g} {report['delay_unit']} on {target}:"
            f" the critical path takes {report['delay']:g} {report['delay_unit']}"
        )
    return report


def compare(
    builds: Mapping[str, Build],
    baseline: str,
    target: str,
    *,
    objective: Objective = "area_delay",
    flatten: bool = False,
    recipes: str | Sequence[str] = "full",
    dsp: bool = True,
    place: bool = True,
    out: Path | None = None,
    progress: Progress = _silent,
) -> list[dict[str, Any]]:
    """Synthesise builds alike and relate each to the baseline.

    Parameters
    ----------
    builds
        Designs by name.
    baseline
        The name that ratios are against.
    dsp
        Let FPGA flows use multiplier blocks.
    place
        Place and route on FPGAs; without, `delay` is None.
    out
        Folder for one report folder per design; inside each build's folder if None.

    Returns
    -------
    list of dict
        A row per design: `name`, `area` (cells: area; FPGA: LUTs), `delay` (in `delay_unit`), their
        ratios `area_ratio` and `delay_ratio`, and the `report` they come from.
    """
    if baseline not in builds:
        raise InputError(f"baseline must be one of {', '.join(builds)}, not {baseline!r}")
    rows: list[dict[str, Any]] = []
    for name, build in builds.items():
        report = synthesize(
            build,
            target,
            objective=objective,
            flatten=flatten,
            recipes=recipes,
            dsp=dsp,
            place=place,
            out=None if out is None else out / name,
            progress=_named(name, progress),
        )
        area = report["luts"] if report["kind"] == "fpga" else report["area"]
        rows.append(
            {
                "name": name,
                "area": area,
                "delay": report["delay"],
                "delay_unit": report["delay_unit"],
                "report": report,
            }
        )
    reference = next(row for row in rows if row["name"] == baseline)
    for row in rows:
        for key in ("area", "delay"):
            row[f"{key}_ratio"] = row[key] / reference[key] if reference[key] else None
    return rows

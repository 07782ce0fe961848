"""``gatewright synth``"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from .console import Console
from .options import ConfigFile, Debug, Force, Json, Out, Params, Quiet, Recipes, Source
from .source import open_design
from .verdict import verdict

__all__ = ["synth"]


class Goal(StrEnum):
    """What decides between mappings to standard cells."""

    AREA = "area"
    DELAY = "delay"
    AREA_DELAY = "area_delay"


def synth(
    source: Source,
    config: ConfigFile = None,
    param: Params = None,
    out: Out = None,
    target: Annotated[
        str,
        typer.Option(
            "-t", "--target", metavar="TARGET", help="See the list below.", show_default=True
        ),
    ] = "ge",
    period: Annotated[
        float | None,
        typer.Option(metavar="NS", help="Clock period to meet: ns, for ge FO4. Exit 1 if missed."),
    ] = None,
    objective: Annotated[
        Goal, typer.Option(help="What decides between mappings to standard cells.")
    ] = Goal.AREA_DELAY,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Dissolve the hierarchy first: smaller, but slow.")
    ] = False,
    recipes: Recipes = "full",
    board: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="For --bitstream: a board or a constraint file."),
    ] = None,
    bitstream: Annotated[
        bool, typer.Option("--bitstream", help="Make a bitstream for a board.")
    ] = False,
    dsp: Annotated[
        bool, typer.Option("--dsp/--no-dsp", help="Use the multiplier blocks of an FPGA.")
    ] = True,
    place: Annotated[
        bool, typer.Option("--place/--no-place", help="Place and route on FPGAs, or only count.")
    ] = True,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the FPGA placement.")] = 1,
    placements: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=100,
            help="Place on the FPGA with N seeds, from --seed up; route the fastest.",
        ),
    ] = 1,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Synthesise a design: area, speed and power on a target.

    \b
    Targets:
      ge                        built-in: area in gate equivalents, delay in FO4
      liberty:FILE              a standard-cell library (.lib, .lib.gz), or its
                                name under PDK_ROOT
      ecp5-25k, -45k, -85k      Lattice ECP5, speed grade 6
      ecp5-25k-8, -45k-8, -85k-8  the same, speed grade 8
      ice40-hx8k, -up5k         Lattice iCE40
      gowin-gw1n9, -gw2a18      Gowin
    The report goes to DIR/synth-TARGET/report.json, and to the results database beside DIR: see
    `gatewright report`. A run that stands there is not repeated.

    \b
    Examples:
      gatewright synth flint -p rows=4 -p cols=4
      gatewright synth flint -c array.yaml --target liberty:cells.lib --period 2.5
      gatewright synth flint --target ecp5-45k --no-dsp
      gatewright synth gnn -p preset=tiny --target ecp5-85k --placements 4
      gatewright synth build/array --recipes fast --json
    """
    from ..flows.results.record import once, synth_step
    from ..flows.synthesis import synthesize
    from ..flows.synthesis.targets import parse

    console = Console(json=json, quiet=quiet)
    chosen = parse(target)  # a wrong target is told before anything is written
    build = open_design(source, config, param, out)
    folder = build.folder / f"synth-{chosen.slug}"
    options: dict[str, Any] = {
        "period": period, "objective": objective.value, "flatten": flatten, "recipes": recipes,
        "board": board, "bitstream": bitstream, "dsp": dsp, "place": place, "seed": seed,
        "placements": placements,
    }  # fmt: skip
    with verdict(console, folder), console.progress() as progress:
        report = once(
            build,
            synth_step(target, options),
            folder,
            lambda: synthesize(build, target, **options, out=folder, progress=progress),
            force=force,
            say=console.note,
        )
    console.table("", ["figure", "value", "unit"], _figures(report))
    if report["timing_note"]:
        console.say(f"note: {report['timing_note']}")
    console.say(f"report: {folder / 'report.json'}")


_UNITS = {
    "luts": "LUTs", "flops": "flip-flops", "carries": "carry cells",
    "lut_rams": "RAMs in LUTs", "block_rams": "block RAMs", "dsps": "multiplier blocks",
    "cells": "cells",
}  # fmt: skip


def _figures(report: Mapping[str, Any]) -> list[list[str]]:
    """Return what a person asks first: size, speed, power, and where they come from."""
    units = _UNITS | {"area": report.get("area_unit", ""), "delay": report["delay_unit"]}
    rows = [["design", report["design"], ""], ["target", report["target"], ""]]
    sizes = ("area", "cells", "luts", "flops", "carries", "lut_rams", "block_rams", "dsps")
    rows += [[key, f"{report[key]:,}", units[key]] for key in sizes if key in report]
    if report["delay"] is not None:
        rows.append(["critical path", f"{report['delay']:g}", units["delay"]])
    if report["frequency_mhz"]:
        rows.append(["frequency", f"{report['frequency_mhz']:g}", "MHz"])
    if report.get("placements"):
        rows.append(["seed", f"{report['seed']}", f"fastest of {len(report['placements'])}"])
    if report["period"] is not None:
        rows.append(["period", f"{report['period']:g}", f"{report['delay_unit']}, met"])
    power = report.get("power")
    if power:
        rows += [[f"power, {name}", f"{1e3 * watt:.4g}", "mW"]
                 for name, watt in power.items() if isinstance(watt, float)]  # fmt: skip
    if report.get("bitstream"):
        rows.append(["bitstream", str(report["bitstream"]), ""])
    if report["timing_engine"]:
        rows.append(["timing by", str(report["timing_engine"]), ""])
    return rows

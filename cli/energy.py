"""``gatewright energy``"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import Console
from .options import ConfigFile, Debug, Force, Json, Out, Params, Quiet, Recipes, Seed, Source
from .source import open_design
from .verdict import verdict

__all__ = ["energy"]


def energy(
    source: Source,
    config: ConfigFile = None,
    param: Params = None,
    out: Out = None,
    target: Annotated[
        str,
        typer.Option("-t", "--target", metavar="TARGET", help="ge or liberty:FILE."),
    ] = "ge",
    recipes: Recipes = "fast",
    replay: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.vcd", help="Work: a dump of the design's ports, replayed to the gates."
        ),
    ] = None,
    activity: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Work: VCD or SAIF of NAME.flat.v, simulated elsewhere."
        ),
    ] = None,
    operations: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Operations of it  [default: beats that go out]"),
    ] = None,
    frequency: Annotated[
        float | None,
        typer.Option(metavar="MHZ", min=0.001, help="Clock  [default: as fast as it goes]"),
    ] = None,
    vcd: Annotated[bool, typer.Option("--vcd", help="Keep activity.vcd; it may be large.")] = False,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tell the energy of an operation, the power, and which modules take it.

    The design is mapped to standard cells, and its gates do some work: that of its testbench, or of
    a dump. Each change of a net takes C V^2 / 2 and what the cells take inside. With the built-in
    target ge energies are relative, good for ratios; with a Liberty file they are in fJ, with
    power, and OpenSTA's figure beside ours if `sta` is installed. DIR/energy-TARGET gets
    report.json, activity.saif and the netlist whose nets it names, NAME.flat.v.

    \b
    Examples:
      gatewright energy modred -p modulus=251
      gatewright energy flint -p rows=4 -p cols=4 --target liberty:cells.lib --frequency 500
      gatewright energy build/array --replay build/array/sim-verilator/waves.vcd
      gatewright energy build/array --activity run.saif --operations 4096
    """
    from ..flows.power import Work, measure
    from ..flows.results.record import energy_step, once
    from ..flows.synthesis.targets import parse

    console = Console(json=json, quiet=quiet)
    chosen = parse(target)  # a wrong target is told before anything is written
    work = Work(seed, replay, activity, operations)
    build = open_design(source, config, param, out)
    folder = build.folder / f"energy-{chosen.slug}"
    step = energy_step(
        build.manifest, {"target": target, "recipes": recipes, "seed": seed},
        frequency=frequency, vcd=vcd, operations=operations,
        files={"replay": replay, "activity": activity},
    )  # fmt: skip
    with verdict(console, folder), console.progress():
        report = once(
            build, step, folder,
            lambda: measure(
                build, target=target, recipes=recipes, work=work, frequency=frequency,
                keep_dump=vcd, out=folder,
            ),
            force=force, say=console.note,
        )  # fmt: skip
    console.table("", ["figure", "value", "unit"], _figures(report))
    rows = [[name, f"{each['instances']:g}", f"{each['energy']:.4g}", _share(report, each)]
            for name, each in list(report["energy_by_module"].items())[:12]]  # fmt: skip
    console.table("modules", ["module", "instances", "energy", "share"], rows)
    console.say(f"activity: {folder / report['saif']}, of {folder / report['flat_netlist']}")
    console.say(f"report: {folder / 'report.json'}")


def _share(report: Mapping[str, Any], module: Mapping[str, float]) -> str:
    return f"{module['energy'] / report['energy']:.1%}" if report["energy"] else ""


def _figures(report: Mapping[str, Any]) -> list[list[str]]:
    unit = report["energy_unit"]
    rows = [
        ["design", report["design"], ""], ["target", report["target"], ""],
        ["work", report["workload"], f"{report['activity_cycles']:,} cycles"],
        ["energy per cycle", f"{report['energy']:.4g}", unit],
        ["of it nets", f"{report['energy_switching']:.4g}", unit],
    ]  # fmt: skip
    if report["energy_internal"] is None:
        rows.append(["inside cells", "not told by the library", ""])
    else:
        rows.append(["of it inside cells", f"{report['energy_internal']:.4g}", unit])
    if report["energy_per_operation"] is not None:
        rows.append(["energy per operation", f"{report['energy_per_operation']:.4g}", unit])
    power, reference = report["power"], report["opensta"]
    if power is not None:
        clock = 1e3 / report["power_period_ns"]
        rows.append(["power", f"{1e3 * power['total']:.4g}", f"mW at {clock:.4g} MHz"])
        if reference is not None:
            told = f"{1e3 * reference['total']:.4g}"
            rows.append([f"OpenSTA {reference['version']}", told, "mW at the same activity"])
        rows += [[f"power, {name}", f"{1e3 * power[name]:.4g}", "mW"]
                 for name in ("switching", "internal", "leakage")]  # fmt: skip
    return rows

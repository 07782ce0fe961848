"""``gatewright sim``"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from .console import Console
from .options import ConfigFile, Debug, Force, Json, Out, Params, Quiet, Seed, Source
from .source import open_design
from .verdict import verdict

__all__ = ["sim"]


class Simulator(StrEnum):
    """Simulators that a testbench runs on."""

    VERILATOR = "verilator"
    ICARUS = "icarus"


def sim(
    source: Source,
    config: ConfigFile = None,
    param: Params = None,
    out: Out = None,
    simulator: Annotated[
        Simulator, typer.Option("--sim", "--simulator", help="Icarus is slow, but needs no build.")
    ] = Simulator.VERILATOR,
    waves: Annotated[
        bool, typer.Option("--waves", help="Write waves.vcd, with named enum values.")
    ] = False,
    coverage: Annotated[
        bool,
        typer.Option("--coverage", help="Count which lines run and which bits change (Verilator)."),
    ] = False,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate a design against its golden model.

    The accelerator's testbench drives random traffic with random stalls into every stream and
    compares each output with the golden model. Exit code 1 if one differs: the first difference
    is explained, and shown in a waveform. The report goes to DIR/sim-SIMULATOR/report.json, and to
    the results database beside DIR: see `gatewright report`. A run that stands there is not
    repeated.

    \b
    Examples:
      gatewright sim flint -p rows=4 -p cols=4
      gatewright sim flint -c examples/flint-8x8.yaml --seed 7 --waves
      gatewright sim flint -p rows=2 -p cols=2 --coverage
      gatewright sim build/array --sim icarus
    """
    from ..flows.results.record import once, sim_step
    from ..flows.simulation.cocotb_build import simulator_version
    from ..flows.simulation.simulate import simulate

    console = Console(json=json, quiet=quiet)
    simulator_version(simulator)  # a missing simulator is told before anything is written
    build = open_design(source, config, param, out)
    folder = build.folder / f"sim-{simulator}"
    with verdict(console, folder):
        report = once(
            build,
            sim_step(build.manifest, simulator.value, seed, waves, coverage),
            folder,
            lambda: simulate(
                build, simulator=simulator, seed=seed, waves=waves, lines=coverage, out=folder,
                say=console.note,
            ),
            force=force,
            say=console.note,
        )
    _tell(console, report)
    console.say(f"report: {folder / 'report.json'}")
    if report["waves"]:
        console.say(f"waves: {folder / report['waves']}")


def _tell(console: Console, report: Mapping[str, Any]) -> None:
    console.table(
        "", ["test", "verdict"], [[test["name"], test["verdict"]] for test in report["tests"]]
    )
    rate = report["cycles_per_second"]
    speed = f" at {rate:,} cycles/s" if rate else ""
    console.say(
        f"{report['design']}: {report['verdict']}, {report['cycles']:,} cycles{speed}, "
        f"seed {report['seed']}, {report['simulator']}"
    )
    beats = ", ".join(f"{stream} {count:,}" for stream, count in report["beats"].items())
    if beats:
        console.say(f"beats: {beats}")
    coverage = report["coverage"]
    if coverage["bins"]:
        excused = f", {len(coverage['excused'])} excused" if coverage["excused"] else ""
        console.say(f"coverage: {coverage['hit']} of {coverage['bins']} bins hit{excused}")
    if coverage["missed"]:
        console.say(f"never hit: {', '.join(coverage['missed'])}")
    if report["structure"] is not None:
        _tell_structure(console, report["structure"])


def _tell_structure(console: Console, structure: Mapping[str, Any]) -> None:
    kinds = ("line", "toggle")
    console.table(
        "lines and bits exercised", ["module", *kinds],
        [[name, *(_share(told[kind]) for kind in kinds)]
         for name, told in structure["modules"].items()],
    )  # fmt: skip
    console.say(
        f"lines {_share(structure['line'])}, bits both ways {_share(structure['toggle'])}; "
        f"{len(structure['uncovered'])} places that were not are in the report, under structure"
    )


def _share(covered: Sequence[int]) -> str:
    hit, points = covered
    return f"{hit / points:.1%} of {points:,}" if points else "-"

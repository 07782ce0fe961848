"""``gatewright mutate``"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ..errors import InputError
from .console import Console
from .options import ConfigFile, Debug, Force, Json, Out, Params, Quiet, Source
from .sim import Simulator
from .source import open_design
from .verdict import verdict

__all__ = ["mutate"]


def mutate(
    source: Source,
    config: ConfigFile = None,
    param: Params = None,
    out: Out = None,
    count: Annotated[
        int, typer.Option(metavar="N", min=1, max=65535, help="Mutants to make.")
    ] = 60,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--modules", metavar="PATTERN",
            help="Mutate these modules (repeatable): names in the Verilog, with * for any letters. "
            "By default elements and control, as the generator names them.",
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(metavar="S", min=1, help="Seconds after which no mutant is run.")
    ] = 600.0,
    target: Annotated[
        float | None,
        typer.Option(metavar="SHARE", min=0, max=1, help="Exit code 1 below this score."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Seed of mutants and testbench.")
    ] = 1,
    simulator: Annotated[
        Simulator, typer.Option("--sim", "--simulator", help="Where the testbench runs.")
    ] = Simulator.VERILATOR,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Runs at a time; by default one for each core."),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tell how many wrong versions of a design its testbench finds.

    Each mutant changes one bit of one module (inverted, stuck, or swapped); all are in one build,
    and the testbench runs on one after another. One that no test finds is compared with the design
    by a model checker, its module first: what cannot be told apart does not count, nor a constant
    that stays as it is, nor what is argued to be the same in verification/NAME/survivors.yaml. The
    score is the share of the others that were found. The report goes to DIR/mutate/report.json, and
    to the results database beside DIR; a run that stands there is not repeated. What was found of
    each mutant stands in DIR/mutate/outcomes.json: a run that was stopped, or that ended with its
    budget, goes on from there.

    \b
    Examples:
      gatewright mutate modred -p modulus=40961 --count 30
      gatewright mutate flint -p rows=2 -p cols=2 --modules processing_element --target 0.95
    """
    from ..generators.registry import generators

    console = Console(json=json, quiet=quiet)
    build = open_design(source, config, param, out)
    generator = generators().get(build.manifest.generator)
    chosen = modules or (list(generator.mutated) if generator is not None else [])
    if not build.manifest.testbench:
        raise InputError(f"the design must name a testbench, which {build.manifest.design} lacks")
    from ..flows.mutation.outcomes import OUTCOMES
    from ..flows.mutation.score import mutate as run
    from ..flows.results.record import key_of, mutants_step, mutate_step, once

    folder = build.folder / "mutate"
    if force:
        (folder / OUTCOMES).unlink(missing_ok=True)
    runs = mutants_step(build.manifest, simulator.value, count, chosen, seed)
    with verdict(console, folder), console.progress() as progress:
        report = once(
            build,
            mutate_step(build.manifest, runs, budget, target),
            folder,
            lambda: run(
                build, folder, count=count, modules=chosen, seed=seed, seconds=budget,
                target=target, simulator=simulator.value, jobs=jobs or len(os.sched_getaffinity(0)),
                key=key_of(build, runs), progress=progress,
            ),
            force=force,
            say=console.note,
        )
    _tell(console, report)
    console.say(f"report: {folder / 'report.json'}")


def _tell(console: Console, report: Mapping[str, Any]) -> None:
    console.table(
        "survivors", ["module", "change", "where", "source", "reason"],
        [[each["module"], each["mode"], each["where"], each["text"], each.get("reason", "")]
         for each in report["survivors"]],
    )  # fmt: skip
    console.say(
        f"{report['design']}: {report['score']:.1%} of the mutants found: {report['killed']} of "
        f"{report['killed'] + len(report['survivors'])}, {len(report['equivalent'])} equivalent, "
        f"{report['mutants'] - report['ran']} not run, in {report['seconds']:g} s"
    )

"""``gatewright explore``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import Console
from .options import Debug, Force, Json, Name, Quiet

if TYPE_CHECKING:
    from ..flows.explore.sweep import Sweep

__all__ = ["explore"]


def explore(
    name: Name,
    space: Annotated[
        Path, typer.Argument(metavar="SPACE.yaml", help="Parameters, constraints, objectives.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of builds and results.")
    ] = Path("build"),
    budget: Annotated[
        str | None,
        typer.Option(metavar="N|TIME", help="Most runs of flows, or time: 40, 10minutes, 90s."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Any Dask scheduler  [default: this machine]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Without --scheduler  [default: cores]")
    ] = None,
    limit: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Of one run; it is then retried.")
    ] = 3600.0,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GIB", min=0.05, help="Of one run  [default: its share of all]"),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the Pareto set as Markdown.")
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Sweep a space of designs and print those that no other beats.

    All points are put through the generator's cost model; the most promising go through synthesis
    or simulation, as the space asks. Everything lands in the results database in DIR. After Ctrl-C
    or a crash the same command goes on where it was.

    \b
    Examples:
      gatewright explore modred examples/explore/modred-bls12-381.yaml
      gatewright explore flint examples/explore/flint.yaml --budget 10minutes
      gatewright explore tpe examples/explore/tpe.yaml --scheduler tcp://head:8786
      gatewright report build --html
    """
    from ..flows.explore.budget import parse_budget
    from ..flows.explore.runner import Limits
    from ..flows.explore.space import load_space
    from ..flows.explore.sweep import explore as sweep_space

    console = Console(json=json, quiet=quiet)
    chosen = load_space(space, name)
    limits = Limits(limit, None if memory is None else int(memory * 2**30))
    allowed = None if budget is None else parse_budget(budget, "--budget")
    with console.progress() as progress:
        sweep = sweep_space(
            chosen, out, scheduler=scheduler, workers=workers, limits=limits, budget=allowed,
            force=force, progress=progress, say=console.note,
        )  # fmt: skip
    _tell(console, sweep)
    if markdown is not None:
        from ..flows.explore.table import page
        from ..generators.artifacts import write_text

        command = f"gatewright explore {name} {space} --markdown {markdown}"
        write_text(markdown, page(sweep, command))
        console.say(f"written: {markdown}")


def _tell(console: Console, sweep: Sweep) -> None:
    from ..flows.explore.table import document, table

    console.document(document(sweep))
    header, rows = table(sweep)
    console.table("", header, rows, fixed=len(header))
    console.say(
        f"{len(sweep.front)} of {len(sweep.designs)} designs are beaten by no other; "
        f"{sweep.estimated:,} estimated, {sweep.refused:,} refused by the generator, "
        f"{len(sweep.failures):,} failed, {sweep.reused:,} known before, {sweep.seconds:.1f} s"
    )
    if sweep.flow_load.jobs:
        load = sweep.flow_load
        console.say(f"{load.in_flight:.2f} of {load.slots} workers busy on average")
    for point, why in list(sweep.failures.items())[:5]:
        console.note(f"failed: {point}: {why}")
    console.say(f"results: {sweep.database}")

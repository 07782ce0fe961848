"""``gatewright demo``"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import CheckFailed
from .console import Console
from .options import Debug, Json, Quiet, Seed
from .verdict import verdict

__all__ = ["demo"]


def demo(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of the reports.")
    ] = Path("build/demo"),
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Give each generator its main job on real input, check every result and report it.

    A network on handwritten digits in 4 bits (flint), and a layer of it in int8 (tpe); products
    modulo a 381-bit prime (modred); attention over a row of digits (salo); graph networks on the
    karate club (gnn). All go through simulated Verilog, and every result is compared with that of
    a golden model; exit code 1 if one differs. What they took goes to stdout, DIR/report.json and
    DIR/report.html.

    \b
    Examples:
      gatewright demo
      gatewright demo -o build/digits --seed 3
    """
    console = Console(json=json, quiet=quiet)
    # Before torch takes its time to load.
    console.note("demo: five generators at their main job; a quarter of an hour or so")
    from ..flows import demo as flow

    with verdict(console, out):
        try:
            with console.progress() as progress:
                report = flow.run(out, seed=seed, progress=progress)
        except CheckFailed:
            console.note(f"reports: {out / 'report.json'}, {out / 'report.html'}")
            raise
    _tell(console, report, flow.tables(report))
    console.say(f"reports: {out / 'report.json'}, {out / 'report.html'}")


def _tell(console: Console, report: Mapping[str, Any], sections: Mapping[str, list[Any]]) -> None:
    for title, tables in sections.items():
        console.say(f"{title}\n")
        for table in tables:
            console.table(table.title, table.header, table.rows, fixed=len(table.header))
            console.say()
    console.say(f"{report['verdict']}, seed {report['seed']}, {report['seconds']:.0f} s")

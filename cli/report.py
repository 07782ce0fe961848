"""``gatewright report``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import Debug, Json, Quiet

__all__ = ["report"]


def report(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder of a results database, the database itself, or one build folder.",
        ),
    ] = Path("build"),
    where: Annotated[
        str | None,
        typer.Option(metavar="EXPR", help='Runs to show: \'step == "synth" and area < 5000\'.'),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="FIGURE", help="Order; -FIGURE: largest first  [default: newest]"),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Figures to show; * for all.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Most runs to list.")] = 40,
    designs: Annotated[
        bool, typer.Option("--designs", help="A row for each design: how far it is checked.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all runs that fit, as CSV.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all runs that fit, as Parquet.")
    ] = None,
    html: Annotated[
        bool, typer.Option("--html", help="Write DIR/report.html: plots, tables, each design.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve that page on this machine until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="For --serve; 0: any free one.")
    ] = 8017,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Query the results of all runs: tables, CSV, Parquet, and a page to look at.

    Every run of sim, synth, prove, mutate, energy and explore lands in the results database.
    Figures are the fields of the reports by dotted name (area, power.total, config.rows). In an
    expression stand names, numbers, "texts", + - * / // % **, comparisons, and, or, not, in.

    \b
    Examples:
      gatewright report
      gatewright report build --where 'generator == "flint" and area < 5000' --sort delay
      gatewright report --designs
      gatewright report --columns design,config.rows,area,delay --limit 10
      gatewright report --csv runs.csv --parquet runs.parquet
      gatewright report build --html
      gatewright report --serve
    """
    from ..flows.results.designs import design_table
    from ..flows.results.export import number_text, write_csv, write_parquet
    from ..flows.results.query import query
    from .report_place import opened

    console = Console(json=json, quiet=quiet)
    wanted = None if columns is None else [each.strip() for each in columns.split(",")]
    with opened(place) as (results, condition):
        both = " and ".join(f"({each})" for each in (condition, where) if each is not None)
        asked = design_table if designs else query
        table = asked(results, both or None, sort=sort, columns=wanted, limit=limit)
        if csv is not None or parquet is not None:
            chosen = wanted or ["*"]
            everything = asked(results, both or None, sort=sort, columns=chosen)
            if csv is not None:
                write_csv(everything, csv)
            if parquet is not None:
                write_parquet(everything, parquet)
        page = None
        if html or serve:
            from ..flows.page import write_page

            page = results.path.parent / "report.html"
            write_page(results, page, where=both or None)
    console.document({
        "database": str(results.path), "designs" if designs else "runs": table.total,
        "rows": [
            {name: value for name, value in zip(table.columns, row, strict=True)
             if value is not None}
            for row in table.rows
        ],
        "files": [str(path) for path in (csv, parquet, page) if path is not None],
    })  # fmt: skip
    console.table(
        "", list(table.columns), [[number_text(v) for v in row] for row in table.rows], fixed=4
    )
    more = f", {len(table.rows)} shown (--limit)" if table.total > len(table.rows) else ""
    console.say(f"{table.total:,} {'designs' if designs else 'runs'}{more}: {results.path}")
    for path in (csv, parquet, page):
        if path is not None:
            console.say(f"written: {path}")
    if serve and page is not None:
        from ..flows.page.server import serve_page

        serve_page(page, port, console.note)

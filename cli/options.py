"""The options that commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "ConfigFile", "Debug", "Force", "Json", "Name", "Out", "Params", "Quiet", "Recipes", "Seed",
    "Source",
]  # fmt: skip

Name = Annotated[str, typer.Argument(metavar="NAME", help="A generator: see `gatewright list`.")]
Source = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FOLDER",
        help="A generator, or a build folder (Verilog and manifest.json) that exists.",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("-c", "--config", metavar="FILE", help="Config of the design, in YAML."),
]
Params = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--param",
        metavar="KEY=VALUE",
        help="One field of the config (repeatable; wins over the file). A list: KEY=a,b.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", metavar="DIR", help="Build folder  [default: build/NAME-CONFIGHASH]"
    ),
]
Recipes = Annotated[
    str, typer.Option(metavar="NAMES", help="ABC recipes: full, fast, or names with commas.")
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Run again what the results database has already.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print no progress and no table.")]
Debug = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")]

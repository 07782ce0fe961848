"""``gatewright modred``: plan a reducer, list moduli, print the proof of a design."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..generators.checks import check_picture
from .app import Group
from .console import Console
from .options import ConfigFile, Debug, Json, Params, Quiet

__all__ = ["app"]

app = typer.Typer(cls=Group, rich_markup_mode=None)


class ModelTarget(StrEnum):
    """The technologies of the cost model."""

    ECP5 = "ecp5"
    ASIC = "asic"


@app.callback()
def modred() -> None:
    """Workloads of modred."""


@app.command()
def plan(
    modulus: Annotated[
        str,
        typer.Argument(metavar="MODULUS", help="An integer, an expression such as 2^255-19, or a "
                       "name of `gatewright modred moduli`."),
    ],
    width: Annotated[
        int | None,
        typer.Option(metavar="BITS", min=1, help="Bits of what is reduced  [default: twice those "
                     "of the modulus]"),
    ] = None,
    target: Annotated[
        ModelTarget, typer.Option("-t", "--target", help="Technology of the cost model.")
    ] = ModelTarget.ECP5,
    max_latency: Annotated[
        int | None, typer.Option(metavar="CYCLES", help="From operand to residue.")
    ] = None,
    min_throughput: Annotated[
        float | None, typer.Option(metavar="RESULTS/CYCLE", help="1 for a result per cycle.")
    ] = None,
    max_area: Annotated[
        float | None, typer.Option(metavar="AREA", help="LUTs; for asic gate equivalents.")
    ] = None,
    max_table_bits: Annotated[
        int, typer.Option(metavar="BITS", min=0, help="Bits of all tables together.")
    ] = 1 << 23,
    period: Annotated[
        float | None,
        typer.Option(metavar="NS", help="Clock period to reach: ns, for asic FO4. All methods are "
                     "then compared at it."),
    ] = None,
    montgomery: Annotated[
        bool,
        typer.Option("--montgomery", help="Let Montgomery's X·2^-n mod M take part."),
    ] = False,
    choose: Annotated[
        str, typer.Option(metavar="N|NAME", help="What to emit: a line of the front.")
    ] = "1",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Emit the chosen one there.")
    ] = None,
    verify_cost: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Synthesise the first N of the front, and tell the "
                     "model's error."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show also each method that loses, and why.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Area against time, as .svg or .png.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Explore all methods for a modulus by the cost model, and emit the best.

    Every architecture with every option is costed. The front are those that no other beats in
    area, time per result, latency and table bits at once, the least area times time first.
    With -o the first, or the one that --choose names, is emitted.

    \b
    Examples:
      gatewright modred plan bls12-381
      gatewright modred plan 2^255-19 --min-throughput 1 --picture front.svg
      gatewright modred plan goldilocks --target asic --max-latency 8 -o build/goldilocks
      gatewright modred plan rfc3526:8192 --max-area 100000 --choose horner -o build/modp
      gatewright modred plan 0x93d1e9e3 --verify-cost 3
    """
    if picture is not None:
        check_picture(picture)
    from ..generators.modred.modulus import parse_modulus
    from ..generators.modred.plan import Constraints, explore
    from .modred_plan import document, emit_point, measure, show

    value = parse_modulus(modulus)
    constraints = Constraints(
        max_latency=_positive("max-latency", max_latency),
        min_throughput=_positive("min-throughput", min_throughput),
        max_area=_positive("max-area", max_area),
        max_table_bits=max_table_bits,
        max_period=_positive("period", period),
    )
    console = Console(json=json, quiet=quiet)
    result = explore(
        value, width or 2 * value.bit_length(), target.value, constraints, montgomery=montgomery
    )
    chosen = result.point(choose)
    told = document(result, chosen)
    show(console, result, chosen, every)
    if verify_cost is not None:
        told["measured"] = measure(console, result, verify_cost, max_table_bits)
    if picture is not None:
        from .modred_picture import draw

        draw(result, chosen, picture)
        console.say(f"picture: {picture}")
        told["picture"] = str(picture)
    if out is not None:
        manifest = emit_point(result, chosen, max_table_bits, out)
        console.say(f"emitted: {manifest}")
        told["manifest"] = str(manifest)
    console.document(told)


@app.command()
def moduli(json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """List the moduli that have a name, with their sources.

    \b
    Examples:
      gatewright modred moduli
      gatewright modred moduli --json | jq '.[].name'
    """
    from ..generators.modred.catalogue import CATALOGUE

    console = Console(json=json, quiet=quiet)
    console.document(
        [
            {
                "name": entry.title, "bits": entry.bits, "value": hex(entry.value),
                "two_adicity": entry.two_adicity, "source": entry.source, "use": entry.note,
            }
            for entry in CATALOGUE
        ]
    )  # fmt: skip
    console.table(
        "",
        ["name", "bits", "2-adicity", "use", "source"],
        [
            [each.title, str(each.bits), str(each.two_adicity), each.note, each.source]
            for each in CATALOGUE
        ],
        fixed=3,
    )


@app.command()
def certificate(
    config: ConfigFile = None,
    param: Params = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print what proves a design right: the exact largest value of every stage.

    Each bound is computed from the tables and constants themselves; the limit is what the stage
    after it needs. The same lines stand in the manifest.

    \b
    Examples:
      gatewright modred certificate -p modulus=goldilocks -p architecture=barrett_mcm
      gatewright modred certificate -p modulus=3329 -p architecture=lut --json
    """
    from ..generators.config import load_config
    from ..generators.modred.config import ModredConfig
    from ..generators.modred.design import certificate as lines
    from ..generators.modred.design import parameters

    values = load_config(ModredConfig, config, param or [])
    proof = lines(parameters(values).bounds)
    console = Console(json=json, quiet=quiet)
    console.document({"config": values.model_dump(mode="json"), "bounds": proof})
    console.table(
        f"{values.operation} by {values.reducer.architecture}, {values.value.bit_length()} bits",
        ["stage", "bits", "largest", "limit", "holds", "because"],
        [
            [
                each["stage"], str(each["bits"]), _short(each["largest"]),
                _short(each["limit"]) if each["limit"] else "", "yes" if each["holds"] else "NO",
                each["because"],
            ]
            for each in proof
        ],
        fixed=2,
    )  # fmt: skip


def _positive(name: str, value: float | None) -> Any:
    if value is not None and not 0 < value < float("inf"):
        raise InputError(f"{name} must be a positive number, not {value:g}")
    return value


def _short(digits: str) -> str:
    """Hexadecimal digits, the middle of long ones left out."""
    return digits if len(digits) <= 40 else f"{digits[:20]}…{digits[-12:]}"

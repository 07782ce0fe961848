"""``gatewright flint``: the workloads of the flint generator."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from .app import Group
from .console import Console
from .options import Debug, Json, Quiet

__all__ = ["app"]

app = typer.Typer(cls=Group, rich_markup_mode=None)


class Role(StrEnum):
    """What a tensor is to its layer."""

    WEIGHT = "weight"
    ACTIVATION = "activation"


class Sign(StrEnum):
    """Sign of an activation."""

    AUTO = "auto"
    SIGNED = "signed"
    UNSIGNED = "unsigned"


@app.callback()
def flint() -> None:
    """Workloads of flint."""


@app.command()
def quantize(
    file: Annotated[
        Path, typer.Argument(metavar="MODEL.pt|TENSOR.npy", help="State dict, or one tensor.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Folder  [default: build/quantized/FILE]"),
    ] = None,
    bits: Annotated[int, typer.Option("-b", "--bits", metavar="N", help="Code width, 3 to 8.")] = 4,
    types: Annotated[
        str | None,
        typer.Option("-t", "--types", metavar="TYPES", help="Candidates, such as int,flint.  "
                     "[default: all that the width allows]"),
    ] = None,
    role: Annotated[Role, typer.Option(help="What a .npy file holds.")] = Role.WEIGHT,
    sign: Annotated[
        Sign, typer.Option(help="Sign of an activation; auto: signed if a value is negative.")
    ] = Sign.AUTO,
    search: Annotated[
        str | None,
        typer.Option(metavar="FIRST,END", help="Scales to try, in percent of the largest value."),
    ] = None,
    wide_pot: Annotated[
        bool, typer.Option("--wide-pot", help="Allow powers of two with a range above 2^30.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Quantise a model or a tensor: types, scales, codes, errors.

    For each weight (a scale per output channel) or activation (one scale) the number type and
    the scales with the least mean square error are chosen. DIR gets the packed codes, the scales
    and quantization.json, a table of the error per type.

    \b
    Examples:
      gatewright flint quantize model.pt -o build/model
      gatewright flint quantize model.pt --types int,flint --bits 4
      gatewright flint quantize tokens.npy --role activation --json
    """
    tried = None if search is None else _range(search)  # before torch takes its time to load
    from ..generators.flint.quantize import quantize_file

    console = Console(json=json, quiet=quiet)
    folder = out if out is not None else Path("build") / "quantized" / file.stem
    with console.progress() as progress:
        result = quantize_file(
            file,
            folder,
            bits,
            types,
            role=role.value,
            signed=None if sign is Sign.AUTO else sign is Sign.SIGNED,
            search=tried,
            wide_pot=wide_pot,
            progress=lambda _, share: progress("quantising", share, 1),
        )
    console.document(result.table)
    console.table("", *_table(result.table), fixed=4)
    for left in result.table["left_out"]:
        console.say(f"left out: {left['name']} ({left['reason']})")
    console.say(f"table: {folder / 'quantization.json'}")


def _range(text: str) -> tuple[int, int]:
    first, _, end = text.partition(",")
    try:
        return int(first), int(end)
    except ValueError as error:
        raise InputError(f"search must be two integers such as 75,150, not {text!r}") from error


def _table(table: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    kinds = list(dict.fromkeys(kind for entry in table["tensors"] for kind in entry["mse_by_type"]))
    header = ["tensor", "shape", "type", "SNR dB", *(f"MSE {kind}" for kind in kinds)]
    rows = []
    for entry in table["tensors"]:
        errors = entry["mse_by_type"]
        sign = "" if entry["signed"] else " unsigned"
        rows.append(
            [
                entry["name"],
                "x".join(map(str, entry["shape"])),
                f"{entry['type']}{entry['bits']}{sign}",
                "exact" if entry["snr_db"] is None else f"{entry['snr_db']:.1f}",
                *(f"{errors[kind]:.3e}" if kind in errors else "-" for kind in kinds),
            ]
        )
    return header, rows

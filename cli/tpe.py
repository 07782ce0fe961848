"""``gatewright tpe``: products on a simulated engine, streams of constant digits, digit counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import Group
from .console import Console
from .options import ConfigFile, Debug, Json, Params, Quiet

__all__ = ["app"]

app = typer.Typer(cls=Group, rich_markup_mode=None)


@app.callback()
def tpe() -> None:
    """Workloads of tpe."""


@app.command()
def run(
    a: Annotated[Path, typer.Argument(metavar="A.npy", help="Integers [M, K].")],
    b: Annotated[Path, typer.Argument(metavar="B.npy", help="Integers [K, N].")],
    config: ConfigFile = None,
    param: Params = None,
    auto: Annotated[
        bool,
        typer.Option("--auto", help="Encode the operand, and in the encoding, with the fewest "
                     "cycles; the array is then digit_serial."),
    ] = False,
    plus: Annotated[
        Path | None,
        typer.Option(metavar="C.npy", help="Integers [M, N] to add; c_input must be true."),
    ] = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="Where the product goes.")
    ] = Path("C.npy"),
    build: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Build folder  [default: build/tpe-CONFIGHASH]"),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Multiply two matrices on the emitted Verilog, and tell the cycles.

    The product is cut into tiles of the engine and simulated in full. It must equal the golden
    model and torch's integer product (exit code 1 if not), in the cycles of the cycle model. Told
    are cycles, utilisation, and what rows wait for each other.

    \b
    Examples:
      gatewright tpe run A.npy B.npy
      gatewright tpe run A.npy B.npy --auto -p rows=16 -p cols=16
      gatewright tpe run A.npy B.npy -c examples/tpe-digit-serial.yaml -o product.npy
      gatewright tpe run A.npy B.npy -p array=systolic_ws -p a_signed=false --json
    """
    from .tpe_run import run_product

    console = Console(json=json, quiet=quiet)
    run_product(console, a, b, plus, config, param or [], auto=auto, out=out, folder=build)


@app.command()
def stream(
    matrix: Annotated[Path, typer.Argument(metavar="A.npy", help="Integers [M, K], constant.")],
    config: ConfigFile = None,
    param: Params = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Build folder, which gets the streams too  "
                     "[default: build/tpe-CONFIGHASH]"),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the digits of a constant matrix as the streams that an engine takes.

    The engine (digit_serial, source=stream) is emitted beside them. DIR/digits__M.npy has the
    beats of row M of the engine, uint32 words with the lowest first, tile after tile: by rows of
    A, then by K. DIR/tiles.npy has the beats of each row for each tile, [tiles, rows]. The tiles
    of K of some rows of A are sent once for each tile of columns of B.

    \b
    Examples:
      gatewright tpe stream weights.npy -o build/weights
      gatewright tpe stream weights.npy -p rows=4 -p cols=16 -p encoding=booth
    """
    from .tpe_stream import write_streams

    write_streams(Console(json=json, quiet=quiet), matrix, config, param or [], out)


@app.command()
def digits(
    matrix: Annotated[Path, typer.Argument(metavar="X.npy", help="Integers, a matrix.")],
    width: Annotated[int, typer.Option(metavar="BITS", help="Bits of the integers, 2 to 32.")] = 8,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="They are not two's complement.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Count the digits of a matrix that are not 0, in each encoding.

    They are the work of a digit-serial engine: the mean is the cycles of an operand if nothing
    waits.

    \b
    Examples:
      gatewright tpe digits weights.npy
      gatewright tpe digits pixels.npy --width 8 --unsigned --json
    """
    from ..generators.tpe.matrix_files import read_operand
    from ..golden.tpe.encodings import Encoding, operand_range
    from ..golden.tpe.statistics import digit_statistics

    operand_range(width, not unsigned)
    values = read_operand(matrix, "a", width, not unsigned)
    every = [digit_statistics(values, each, width, not unsigned) for each in Encoding]
    console = Console(json=json, quiet=quiet)
    console.document(
        [
            {
                "encoding": each.encoding.value, "digits": len(each.by_weight),
                "mean": each.mean, "most": each.most,
                "histogram": [round(count) for count in each.histogram],
                "by_weight": [round(count) for count in each.by_weight],
            }
            for each in every
        ]
    )  # fmt: skip
    most = max(each.most for each in every)
    console.table(
        f"{matrix}: {values.shape[0]} x {values.shape[1]}",
        ["encoding", "mean", *(f"{count} digits" for count in range(most + 1))],
        [
            [
                each.encoding.value, f"{each.mean:.3f}",
                *(f"{share:.1%}" for share in _shares(each.histogram, most)),
            ]
            for each in every
        ],
    )  # fmt: skip


def _shares(histogram: tuple[float, ...], most: int) -> list[float]:
    """Share of the numbers with 0 to ``most`` digits."""
    counts = [*histogram, *([0.0] * (most + 1 - len(histogram)))][: most + 1]
    return [count / sum(histogram) for count in counts]

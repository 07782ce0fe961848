"""``gatewright salo``: schedule a mask, search an array's shape, run attention on the model."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .app import Group
from .console import Console
from .options import Debug, Json, Quiet

__all__ = ["app"]

app = typer.Typer(cls=Group, rich_markup_mode=None)


class Numbers(StrEnum):
    """The formats of numbers that have a name."""

    HW8 = "hw8"
    HW12 = "hw12"


class Simulation(StrEnum):
    """What a run runs on."""

    MODEL = "model"
    RTL = "rtl"


class Feed(StrEnum):
    """Where riders have their keys and values from."""

    SHARED = "shared"
    PRIVATE = "private"


PatternText = Annotated[
    str,
    typer.Argument(
        metavar="PATTERN",
        help="A description (.yaml, .json), a boolean mask (.npy, .pt), or longformer:, bigbird:, "
        "vil:, swin: with parameters; see below.",
    ),
]
Rows = Annotated[int, typer.Option(metavar="R", help="Rows, 1 to 128.")]
Cols = Annotated[int, typer.Option(metavar="C", help="Columns, 1 to 128.")]
Segments = Annotated[int, typer.Option(metavar="S", help="Segments; a divisor of C.")]
Gather = Annotated[int, typer.Option(metavar="X", help="Gather columns, 0 to 8.")]
GlobalRows = Annotated[int, typer.Option(metavar="G", help="Rider rows, 0 to 4.")]
GlobalRowKv = Annotated[
    Feed,
    typer.Option(help="Keys and values of riders: those of the array, or of their own projections.")
]
HeadSize = Annotated[int, typer.Option(metavar="D", help="Elements of a query or key, 1 to 256.")]
ValueSize = Annotated[
    int | None, typer.Option(metavar="D", help="Elements of a value  [default: as dk]")
]
Shift = Annotated[
    int,
    typer.Option(metavar="F", min=0, max=31, help="Base-2 logit = score / 2^F. 12 suits Gaussian "
                 "operands of 64 elements in int8; `run` chooses it from the data."),
]
NumbersOption = Annotated[Numbers, typer.Option(help="Formats of numbers.")]
Folder = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Write program.bin, report.json, mask.png."),
]
Picture = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The mask and its tiles, as .svg or .png.")
]
Operand = Annotated[Path | None, typer.Option(metavar="FILE", help="Private projections of global "
                                              "queries, all three or none.")]  # fmt: skip


@app.callback()
def salo() -> None:
    """Workloads of salo."""


@app.command()
def schedule(
    pattern: PatternText,
    rows: Rows = 32,
    cols: Cols = 32,
    segments: Segments = 1,
    gather: Gather = 1,
    global_rows: GlobalRows = 1,
    global_row_kv: GlobalRowKv = Feed.SHARED,
    dk: HeadSize = 64,
    dv: ValueSize = None,
    shift: Shift = 12,
    numbers: NumbersOption = Numbers.HW8,
    out: Folder = None,
    picture: Picture = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Cut a mask into tiles for an array, and prove that they cover it.

    Every allowed pair must be computed once and nothing else at all: that is checked pair by pair
    each time. Told are tiles, cycles, the share of the multipliers' cycles that do allowed pairs,
    and bytes moved. DIR gets the program that a sequencer executes.

    \b
    PATTERN is one of
      FILE.yaml, FILE.json   queries, keys, causal, terms: band, global_cols, global_rows, blocks,
                             window2d, windows2d
      FILE.npy, FILE.pt      boolean mask [queries, keys], true where attended to; of a mask_mod of
                             FlexAttention, save what create_mask returns
      longformer:CONFIG.json,tokens=N[,globals=0+5-9][,layer=L]
      bigbird:CONFIG.json,tokens=N,seed=N     random blocks are drawn by the seed
      vil:HEIGHTxWIDTH,window=W[,globals=N]   globals stand before the grid; 1 if left out
      swin:HEIGHTxWIDTH,window=W[,shift=N]

    \b
    Examples:
      gatewright salo schedule examples/salo-pattern-longformer.yaml --segments 2 -o build/long
      gatewright salo schedule longformer:config.json,tokens=4096,globals=0 --segments 2
      gatewright salo schedule vil:28x28,window=15 --segments 2 --picture mask.svg
      gatewright salo schedule mask.npy --rows 8 --cols 8 --dk 32 --json
    """
    from .salo_schedule import array_shape, schedule_pattern

    console = Console(json=json, quiet=quiet)
    shape = array_shape(rows, cols, segments, gather, global_rows, global_row_kv.value)
    schedule_pattern(console, pattern, shape, dk, dv, shift, numbers.value, out, picture)


@app.command()
def search(
    pattern: PatternText,
    multipliers: Annotated[
        int, typer.Option(metavar="N", min=4, max=65536, help="Most multipliers of the array.")
    ],
    global_row_kv: GlobalRowKv = Feed.SHARED,
    dk: HeadSize = 64,
    dv: ValueSize = None,
    shift: Shift = 12,
    numbers: NumbersOption = Numbers.HW8,
    out: Folder = None,
    picture: Picture = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find the shape of an array with so many multipliers that does a mask in the fewest cycles.

    Rows, columns, 1 to 4 segments, 0, 1, 2 or 4 gather columns and 0 or 1 rider row are chosen
    from: by bounds first, then by samples, the last few by whole schedules with their proof. Files
    are those of the best. PATTERN is as for `gatewright salo schedule`.

    \b
    Examples:
      gatewright salo search swin:56x56,window=7 --multipliers 1280 --dk 32
      gatewright salo search examples/salo-pattern-streaming.yaml --multipliers 512 -o build/s
    """
    from .salo_search import search_pattern

    search_pattern(
        Console(json=json, quiet=quiet), pattern, multipliers, global_row_kv.value, dk, dv, shift,
        numbers.value, out, picture,
    )  # fmt: skip


@app.command()
def run(
    q: Annotated[Path, typer.Argument(metavar="Q.npy", help="[queries, dk] or [heads, ...].")],
    k: Annotated[Path, typer.Argument(metavar="K.npy", help="[keys, dk] or [heads, ...].")],
    v: Annotated[Path, typer.Argument(metavar="V.npy", help="[keys, dv] or [heads, ...].")],
    pattern: Annotated[
        str,
        typer.Option(metavar="PATTERN", help="The mask, as for `gatewright salo schedule`."),
    ],
    program: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Run this program instead of scheduling: it must be for "
                     "this array and these formats, and compute this mask."),
    ] = None,
    rows: Rows = 32,
    cols: Cols = 32,
    segments: Segments = 1,
    gather: Gather = 1,
    global_rows: GlobalRows = 1,
    global_row_kv: GlobalRowKv = Feed.SHARED,
    numbers: NumbersOption = Numbers.HW8,
    scale: Annotated[
        float | None,
        typer.Option(metavar="FACTOR", help="Of the logits  [default: 1 / sqrt(dk)]"),
    ] = None,
    global_q: Operand = None,
    global_k: Operand = None,
    global_v: Operand = None,
    sim: Annotated[
        Simulation,
        typer.Option(help="What runs: the golden model of the machine alone, or the Verilog too."),
    ] = Simulation.MODEL,
    build: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Build folder of the engine for --sim rtl, made if it is "
                     "not there  [default: build/salo-CONFIGHASH]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Write outputs.npy, report.json, "
                     "program.bin."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run attention on the machine, and compare it with PyTorch.

    Real operands are rounded to integers under the power-of-two contract, the same scales for all
    heads. The mask is scheduled and its tiles run in the golden model, which computes what the
    hardware does bit for bit; with --sim rtl in the simulated Verilog too, whose outputs and cycles
    must be those of the model. The outputs are compared with scaled_dot_product_attention in
    float64 under the same mask.

    \b
    Examples:
      gatewright salo run Q.npy K.npy V.npy --pattern examples/salo-pattern-causal.yaml
      gatewright salo run Q.npy K.npy V.npy --pattern mask.npy --rows 8 --cols 8 --sim rtl
      gatewright salo run Q.npy K.npy V.npy --pattern mask.npy --program build/mask/program.bin
    """
    from .salo_run import Sources, run_attention
    from .salo_schedule import array_shape

    shape = array_shape(rows, cols, segments, gather, global_rows, global_row_kv.value)
    run_attention(
        Console(json=json, quiet=quiet), Sources(q, k, v, global_q, global_k, global_v), pattern,
        program, shape, numbers.value, scale, out, rtl=sim is Simulation.RTL, folder=build,
    )  # fmt: skip

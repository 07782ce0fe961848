"""Options that the commands of gnn share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Features", "GraphFile", "NormalizeRows", "OneBased", "Reverse", "Undirected", "Vertices",
]  # fmt: skip

GraphFile = Annotated[
    Path,
    typer.Option("--graph", metavar="FILE", help="Edges, as for `gatewright gnn partition`."),
]
Vertices = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Vertices, if the file does not tell  [default: the "
                 "largest id and one]"),
]  # fmt: skip
OneBased = Annotated[bool, typer.Option("--one-based", help="Ids begin at 1.")]
Reverse = Annotated[
    bool, typer.Option("--reverse", help="Edges go from the second id to the first.")
]
Undirected = Annotated[
    bool, typer.Option("--undirected", help="Each edge is there in both directions.")
]
Features = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Features of the vertices: .npy, or .npz with x, and with "
                 "labels and masks  [default: those in the graph's .npz, or random ones]"),
]  # fmt: skip
NormalizeRows = Annotated[
    bool | None,
    typer.Option("--normalize-rows/--raw-rows",
                 help="Divide the features of each vertex by their sum, or do not  [default: as "
                 "the model says]"),
]  # fmt: skip

"""``gatewright gnn``: partition a graph for an engine of graph networks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .app import Group
from .console import Console
from .options import ConfigFile, Debug, Json, Params, Quiet

__all__ = ["app"]

app = typer.Typer(cls=Group, rich_markup_mode=None)


class MethodName(StrEnum):
    """How sources are gathered into shards."""

    FGGP = "fggp"
    DSW = "dsw"
    GRID = "grid"
    NONE = "none"


class OrderName(StrEnum):
    """Orders of vertices."""

    AUTO = "auto"
    NATURAL = "natural"
    DEGREE = "degree"
    RCM = "rcm"
    NE = "ne"
    NE_RCM = "ne-rcm"
    REFINED = "refined"
    METIS = "metis"


@app.callback()
def gnn() -> None:
    """Workloads of gnn."""


@app.command()
def partition(
    graph: Annotated[
        Path,
        typer.Argument(metavar="GRAPH", help="Edges from sources to destinations; see below."),
    ],
    config: ConfigFile = None,
    params: Params = None,
    method: Annotated[
        MethodName,
        typer.Option(help="fggp, or another to compare: dsw (sliding windows of HyGCN), grid "
                     "(aligned windows), none (a row for each edge)."),
    ] = MethodName.FGGP,
    order: Annotated[
        OrderName,
        typer.Option(help="Order of the vertices. auto: the one that loads least; natural if the "
                     "graph is streamed."),
    ] = OrderName.AUTO,
    vertices: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Vertices, if the file does not tell  [default: the "
                     "largest id and one]"),
    ] = None,
    one_based: Annotated[
        bool, typer.Option("--one-based", help="Ids begin at 1.")
    ] = False,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="Edges go from the second id to the first.")
    ] = False,
    undirected: Annotated[
        bool, typer.Option("--undirected", help="Each edge is there in both directions.")
    ] = False,
    coalesce: Annotated[
        bool, typer.Option("--coalesce", help="Equal edges become one.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Tell what all methods load.")
    ] = False,
    max_mem: Annotated[
        int | None,
        typer.Option(metavar="MB", min=1, help="Most memory; a graph that needs more is streamed "
                     "through the disk  [default: three quarters of the machine's]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR",
                     help="Write partition.bin, report.json, partition.png."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The rows that intervals load, as .svg or .png."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Cut a graph into intervals of destinations and shards of sources that fit the memories.

    Told are shards, rows loaded and the least possible (lower bound), replication, how full shards
    are, bytes moved, and the balance over engines and threads. The same edges give the same files,
    in whatever order they come and however much memory there is.

    \b
    GRAPH is one of
      FILE.npz         src and dst (and n), edge_index, or a matrix by scipy.sparse.save_npz
      FILE.txt, .edges, .edgelist, .el, .tsv   lines of source and destination, # and % comments
      FILE.csv         the same with commas; a line of names may come first (src, dst, ...)
      FILE.mtx         Matrix Market, edges from rows to columns
      FILE.pt          edge_index of PyTorch Geometric, a dict with it, or a sparse matrix
    and text may end in .gz.

    \b
    CONFIG has interval, source_bytes, edge_bytes, capacity, max_edges, max_sources, pinned,
    load_bytes, store_bytes, burst_bytes, engines, threads.

    \b
    Examples:
      gatewright gnn partition cora.npz --compare
      gatewright gnn partition edges.csv.gz --undirected -p interval=896 -p capacity=65536 -o out
      gatewright gnn partition big.npz --order degree --max-mem 2000 -o build/big
      gatewright gnn partition graph.mtx --order ne -p pinned=512 --picture rows.svg --json
    """
    from ..generators.config import load_config
    from ..generators.gnn.graph_files import Reading
    from ..generators.gnn.orders import Order
    from ..generators.gnn.partition_config import PartitionConfig
    from ..generators.gnn.shards import Method
    from .gnn_partition import Job, partition_graph

    job = Job(
        graph, Reading(vertices, one_based, reverse, undirected),
        load_config(PartitionConfig, config, params or []), Method(method.value),
        Order(order.value), coalesce, compare, max_mem, out, picture,
    )  # fmt: skip
    partition_graph(Console(json=json, quiet=quiet), job)

"""``gatewright gnn``: graphs and graph networks for the engine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .app import Group
from .console import Console
from .gnn_options import (
    Features,
    GraphFile,
    NormalizeRows,
    OneBased,
    Reverse,
    Undirected,
    Vertices,
)
from .options import ConfigFile, Debug, Json, Params, Quiet, Seed

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


class GcnOrderName(StrEnum):
    """Whether a GCN gathers inputs or outputs of its matrix."""

    AUTO = "auto"
    AGGREGATE = "aggregate"
    TRANSFORM = "transform"


class Simulator(StrEnum):
    """What runs a program."""

    FAST = "fast"
    RTL = "rtl"


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
    vertices: Vertices = None,
    one_based: OneBased = False,
    reverse: Reverse = False,
    undirected: Undirected = False,
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


@app.command()
def train(
    graph: GraphFile,
    features: Features = None,
    normalize_rows: NormalizeRows = True,
    hidden: Annotated[
        int, typer.Option(metavar="N", min=1, help="Features between the layers.")
    ] = 16,
    epochs: Annotated[int, typer.Option(metavar="N", min=1, help="Rounds of training.")] = 200,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Gets model.yaml and weights.npz.")
    ] = Path("build/gnn-model"),
    vertices: Vertices = None,
    one_based: OneBased = False,
    reverse: Reverse = False,
    undirected: Undirected = False,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a two-layer GCN on a graph with labels, as Kipf and Welling (ICLR 2017) do.

    The graph's .npz, or the file of features, has labels (or y) and masks train and test.

    \b
    Examples:
      gatewright gnn train --graph cora.npz -o build/cora-model
      gatewright gnn train --graph pubmed.npz --hidden 32 --epochs 400 --seed 3
    """
    from ..generators.gnn.graph_files import Reading
    from .gnn_train import TrainJob
    from .gnn_train import train as train_model

    train_model(
        Console(json=json, quiet=quiet),
        TrainJob(
            graph, Reading(vertices, one_based, reverse, undirected), features,
            normalize_rows is not False, hidden, epochs, seed, out,
        ),
    )  # fmt: skip


@app.command(name="compile")
def compile_(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="FILE.yaml, or FILE.py:NAME; see below.")
    ],
    graph: GraphFile,
    config: ConfigFile = None,
    params: Params = None,
    features: Features = None,
    normalize_rows: NormalizeRows = None,
    order: Annotated[
        OrderName, typer.Option(help="Order of the vertices. auto: the one of the fewest cycles.")
    ] = OrderName.AUTO,
    gcn_order: Annotated[
        GcnOrderName,
        typer.Option(help="GCN layers gather before their matrix (aggregate) or behind it "
                     "(transform). auto: the fewest cycles."),
    ] = GcnOrderName.AUTO,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Gets the program.")
    ] = Path("build/gnn-program"),
    listing: Annotated[bool, typer.Option("--listing", help="Print the instructions.")] = False,
    vertices: Vertices = None,
    one_based: OneBased = False,
    reverse: Reverse = False,
    undirected: Undirected = False,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compile a network for a graph and an engine: int8, partitioned, scheduled, as memory image.

    Calibration takes the features given; without any they are random. It is proven for this graph
    that no sum can overflow. Cycles are foretold by the cost model.

    \b
    MODEL is one of
      FILE.yaml      layers {kind: gcn | sgc | sage | gin | gat | ggnn | appnp | linear,
                     features: ...}, weights from an .npz or drawn
      FILE.py:NAME   a PyTorch Geometric or DGL module, a chain or a list of such, or a function
                     that returns one

    \b
    DIR gets image.bin, manifest.json, program.txt, expected.npz and order.npy.

    \b
    Examples:
      gatewright gnn compile model.yaml --graph cora.npz -p preset=edge -o build/cora
      gatewright gnn compile nets.py:gat --graph edges.csv --features x.npy -p preset=tiny --listing
    """
    from ..generators.config import load_config
    from ..generators.gnn.config import GnnConfig
    from ..generators.gnn.graph_files import Reading
    from ..generators.gnn.orders import Order
    from ..golden.gnn.gcn import Order as GcnOrder
    from .gnn_compile import CompileJob, compile_program

    job = CompileJob(
        model, graph, Reading(vertices, one_based, reverse, undirected), features, normalize_rows,
        load_config(GnnConfig, config, params or []), Order(order.value),
        None if gcn_order is GcnOrderName.AUTO else GcnOrder(gcn_order.value), seed, listing, out,
    )  # fmt: skip
    compile_program(Console(json=json, quiet=quiet), job)


@app.command()
def run(
    program: Annotated[
        Path, typer.Argument(metavar="PROGRAM", help="A folder of `gatewright gnn compile`.")
    ],
    sim: Annotated[
        Simulator,
        typer.Option(help="fast: the functional simulator; rtl: the Verilog of the engine in "
                     "Verilator, with a memory model."),
    ] = Simulator.FAST,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=16, help="Threads of the functional simulator  "
                     "[default: the engine's]"),
    ] = None,
    latency: Annotated[
        int, typer.Option(metavar="N", min=1, max=10000, help="Cycles of the memory model, rtl.")
    ] = 40,
    stall: Annotated[
        float,
        typer.Option(metavar="P", min=0, max=0.9, help="Share of cycles in which the memory model "
                     "pauses, rtl."),
    ] = 0.0,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Most cycles, rtl  [default: ten times those "
                     "foretold]"),
    ] = None,
    build: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Build folder of the engine, rtl  [default: emitted]"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Interleave threads, fill memories and vary "
                     "latencies at random."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run a program, and compare every output with the golden model's.

    Told are the error against float64, the accuracy where there are labels, cycles, and how busy
    each unit is. PROGRAM/run-fast.json or run-rtl.json keeps it.

    \b
    Examples:
      gatewright gnn run build/cora
      gatewright gnn run build/karate --sim rtl --latency 100 --stall 0.3 --seed 1
    """
    from .gnn_run import RunJob, run_program

    job = RunJob(program, sim is Simulator.RTL, threads, latency, stall, seed, limit, build)
    run_program(Console(json=json, quiet=quiet), job)

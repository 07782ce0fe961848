"""The work behind ``gatewright gnn partition``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..generators.artifacts import write_json
from ..generators.checks import check_picture
from ..generators.gnn.graph import EdgeSource, Graph, Progress, silent
from ..generators.gnn.graph_files import Reading, gather, open_edges
from ..generators.gnn.orders import Order, Ordered, order_vertices
from ..generators.gnn.partition import Counts, check_method, partition
from ..generators.gnn.partition_config import PartitionConfig
from ..generators.gnn.partition_file import write_partition
from ..generators.gnn.raster import Raster
from ..generators.gnn.report import report
from ..generators.gnn.shards import Method
from ..generators.gnn.staging import staged
from ..generators.gnn.streaming import (
    MEMORY_PER_EDGE,
    MEMORY_PER_VERTEX,
    memory_in_use,
    stream_partition,
)  # fmt: skip
from .console import Console
from .gnn_picture import draw

__all__ = ["PARTITION", "PICTURE", "REPORT", "Job", "partition_graph"]

PARTITION, REPORT, PICTURE = "partition.bin", "report.json", "partition.png"

_MEGABYTE = 10**6
_OWN_BYTES, _PICTURE_BYTES = 48 * _MEGABYTE, 40 * _MEGABYTE
"""What libraries and small pieces need beside the graph, and what drawing needs more."""

_MANY_EDGES = 1_000_000
"""Edges from which on progress is told."""

_STREAMED = (Order.NATURAL, Order.DEGREE)


@dataclass(frozen=True)
class Job:
    """What the command line asks for."""

    graph: Path
    reading: Reading
    config: PartitionConfig
    method: Method
    order: Order
    coalesce: bool
    compare: bool
    max_mem: int | None
    out: Path | None
    picture: Path | None


@dataclass(frozen=True, eq=False)
class _Done:
    """A partition that was made, and what of it is told beside the sizes of its shards."""

    counts: Counts
    sources: int
    raster: Raster
    ordered: Ordered
    streamed: bool
    compared: dict[str, Counts]


def partition_graph(console: Console, job: Job) -> None:
    """Partition a graph, write what is asked and tell about it."""
    check_method(job.config.limits(), job.method)
    if job.picture is not None:
        check_picture(job.picture)
    source = open_edges(job.graph, job.reading)
    memory = _memory(job)
    with console.progress() as bar, _folder(job) as folder:
        told: Progress = bar if source.edges >= _MANY_EDGES else silent
        done = _make(console, job, source, memory, folder, told)
        document = _document(job, done)
        if job.out is not None:
            draw(done.counts, done.raster, job.graph.name, folder / PICTURE)
            write_json(folder / REPORT, document)
        if job.picture is not None:
            draw(done.counts, done.raster, job.graph.name, job.picture)
    console.document(document)
    _tell(console, job, document)


@contextmanager
def _folder(job: Job) -> Iterator[Path]:
    """Give a place for files: the results', or one that is thrown away."""
    if job.out is not None:
        with staged(job.out) as folder:
            yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="gatewright-gnn-") as name:
            yield Path(name)


def _memory(job: Job) -> int:
    """Return the most memory that may be in use, the program's own included."""
    if job.max_mem is None:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 * 3
    least = -(-(memory_in_use() + _own_bytes(job)) // _MEGABYTE)
    if job.max_mem < least:
        raise InputError(f"max-mem must be at least {least} MB, not {job.max_mem}")
    return job.max_mem * _MEGABYTE


def _own_bytes(job: Job) -> int:
    drawn = job.out is not None or job.picture is not None
    return _OWN_BYTES + (_PICTURE_BYTES if drawn else 0)


def _make(
    console: Console, job: Job, source: EdgeSource, memory: int, folder: Path, told: Progress
) -> _Done:
    edges, vertices = source.edges, source.vertices or 0
    held = MEMORY_PER_EDGE * edges + MEMORY_PER_VERTEX * vertices
    need = memory_in_use() + _own_bytes(job) + held
    if need <= memory:
        return _in_memory(job, gather(source, told), folder, told)
    why = f"about {-(-need // _MEGABYTE)} MB are needed in memory, max-mem is {memory // _MEGABYTE}"
    if job.compare:
        raise InputError(f"compare must be left out for a graph that is streamed: {why}")
    order = Order.NATURAL if job.order is Order.AUTO else job.order
    if order not in _STREAMED:
        allowed = " or ".join(each.value for each in _STREAMED)
        raise InputError(
            f"order must be {allowed} for a graph that is streamed, not {order.value}: {why}"
        )
    console.note(f"streamed, order {order.value}: {why}")
    done = stream_partition(
        source, folder / PARTITION, job.config.limits(), memory, job.method, order,
        coalesce=job.coalesce, progress=told,
    )  # fmt: skip
    return _Done(done.counts, done.sources, done.raster, Ordered(order, None, {}), True, {})


def _in_memory(job: Job, graph: Graph, folder: Path, told: Progress) -> _Done:
    limits = job.config.limits()
    ordered = order_vertices(graph, limits.interval, job.order, told)
    compared = {}
    if job.compare:
        free = replace(limits, pinned=0)
        compared = {
            method.value: partition(
                graph, free, method, ordered.rank, coalesce=job.coalesce, lists=False
            ).counts
            for method in Method
        }
    sources = int(np.count_nonzero(np.bincount(graph.src)))
    raster = Raster(graph.vertices, limits.intervals(graph.vertices))
    made = partition(
        graph, limits, job.method, ordered.rank, coalesce=job.coalesce, watch=(raster,),
        progress=told,
    )  # fmt: skip
    if job.out is not None:
        write_partition(made, folder / PARTITION)
    return _Done(made.counts, sources, raster, ordered, False, compared)


def _document(job: Job, done: _Done) -> dict[str, Any]:
    config = job.config
    figures = report(
        done.counts, done.sources, config.load_bytes, config.store_bytes, config.burst_bytes,
        config.engines, config.threads,
    )  # fmt: skip
    document = {
        "format": "gatewright-report",
        "version": 1,
        "step": "gnn-partition",
        "graph": str(job.graph),
        "order": done.ordered.name.value,
        "orders": {name.value: bound for name, bound in done.ordered.bounds.items()},
        "streamed": done.streamed,
        **figures,
    }
    if done.compared:
        document["compared"] = {
            name: report(
                counts, done.sources, config.load_bytes, config.store_bytes, config.burst_bytes,
                config.engines, config.threads,
            )
            for name, counts in done.compared.items()
        }  # fmt: skip
    files = {} if job.out is None else {"partition": PARTITION, "picture": PICTURE}
    return document | files | ({} if job.picture is None else {"picture": str(job.picture)})


def _tell(console: Console, job: Job, figures: dict[str, Any]) -> None:
    console.say(
        f"graph: {figures['vertices']:,} vertices, {figures['edges']:,} edges, "
        f"{figures['sources']:,} sources"
    )
    tried = ", ".join(f"{name} {bound:,}" for name, bound in figures["orders"].items())
    console.say(f"order: {figures['order']}" + (f" (lower bounds: {tried})" if tried else ""))
    console.say(
        f"loads: {figures['loads']:,} rows, replication {figures['replication']:.2f}: lower bound "
        f"{figures['lower_bound']:,}, cuts {figures['cuts']:,}, resident {figures['resident']:,}"
    )
    moved = figures["traffic"]
    console.say(
        f"traffic: {moved['total']:,} bytes (source rows {moved['rows']:,}, destinations "
        f"{moved['destinations']:,}, graph {moved['graph']:,})"
    )
    uneven = figures["balance"]
    console.say(
        f"busiest over mean: {figures['engines']} engines: contiguous "
        f"{uneven['contiguous']:.2f}, round robin {uneven['round_robin']:.2f}, heaviest first "
        f"{uneven['lpt']:.2f}; {figures['threads']} threads: {uneven['threads']:.2f}"
    )
    histogram = figures["occupancy_histogram"]
    console.say("shards by tenths of occupancy: " + " ".join(f"{count:,}" for count in histogram))
    rows = figures.get("compared") or {figures["method"]: figures}
    console.table(
        "",
        ["method", "intervals", "shards", "loads", "of lower bound", "occupancy", "useful", "MB"],
        [_row(name, each) for name, each in rows.items()],
    )
    if job.out is not None:
        console.say(f"written: {job.out}: {PARTITION}, {REPORT}, {PICTURE}")
    if job.picture is not None:
        console.say(f"picture: {job.picture}")


def _row(name: str, figures: dict[str, Any]) -> list[str]:
    bound = figures["lower_bound"] + figures["resident"]
    return [
        name, f"{figures['intervals']:,}", f"{figures['shards']:,}", f"{figures['loads']:,}",
        f"{figures['loads'] / bound:.2f}" if bound else "-", f"{figures['occupancy']:.1%}",
        f"{figures['useful_occupancy']:.1%}", f"{figures['traffic']['total'] / _MEGABYTE:,.2f}",
    ]  # fmt: skip

"""The work behind ``gatewright gnn compile``."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..generators.gnn.codes import put_input
from ..generators.gnn.compilation import Compilation, compile_model
from ..generators.gnn.config import GnnConfig
from ..generators.gnn.cost import Estimate
from ..generators.gnn.graph_files import Reading
from ..generators.gnn.image import build_image
from ..generators.gnn.occupancy import Unit
from ..generators.gnn.orders import Order
from ..generators.gnn.program_file import Expected, listing, write_program
from ..generators.gnn.staging import staged
from ..golden.gnn.gcn import Order as GcnOrder
from ..golden.gnn.graph import Graph
from .console import Console
from .gnn_inputs import Inputs, features_of, load_inputs, load_model

__all__ = ["CompileJob", "compile_program"]


@dataclass(frozen=True)
class CompileJob:
    """What the command line asks for."""

    model: str
    graph: Path
    reading: Reading
    features: Path | None
    normalize: bool | None
    config: GnnConfig
    order: Order
    gcn_order: GcnOrder | None
    seed: int
    show: bool
    out: Path


def compile_program(console: Console, job: CompileJob) -> None:
    """Compile a network for a graph and write the program."""
    with console.progress() as bar:
        inputs = load_inputs(job.graph, job.reading, job.features, bar)
        given = inputs.data.features
        network, wanted = load_model(job.model, None if given is None else given.shape[1])
        normalize = wanted if job.normalize is None else job.normalize
        x = features_of(inputs, network, normalize=normalize, seed=job.seed)
        done = compile_model(
            network, inputs.graph, x, job.config.parameters(), gcn_order=job.gcn_order,
            order=job.order, progress=bar,
        )  # fmt: skip
    graph = Graph(inputs.graph.vertices, inputs.graph.src, inputs.graph.dst)  # type: ignore[arg-type]
    codes = done.network.encode(graph, x)
    data = inputs.data
    expected = Expected(
        done.network.trace(graph, codes)[-1], network.forward(graph, x), done.network.unit_out,
        data.labels, data.test if data.labels is not None else None,
    )  # fmt: skip
    image = build_image(done.program)
    put_input(done.program, image, codes)
    document = _document(job, inputs, done)
    with staged(job.out) as folder:
        write_program(folder, done.program, image, expected, document)
    console.document({"format": "gatewright-report", "version": 1, "step": "gnn-compile",
                      "out": str(job.out), "bytes": len(image.memory), **document})
    _tell(console, job, done, document, len(image.memory))


def _document(job: CompileJob, inputs: Inputs, done: Compilation) -> dict[str, Any]:
    return {
        "model": job.model, "graph": str(job.graph),
        "hashes": {
            "graph": sha256(job.graph.read_bytes()).hexdigest(),
            "model": sha256(Path(job.model.partition(":")[0]).read_bytes()).hexdigest(),
        },
        "edges": inputs.graph.edges,
        "features": "random" if inputs.data.features is None else "given",
        "estimate": _estimated(done.estimate),
        "tried": [
            {"gcn_orders": list(each.gcn_orders), "halves": each.halves,
             "vertex_order": each.vertex_order, "cycles": each.cycles}
            for each in done.choices
        ],
    }  # fmt: skip


def _estimated(told: Estimate) -> dict[str, Any]:
    return {
        "cycles": told.cycles, "bound": told.bound, "utilisation": round(told.utilisation, 4),
        "bytes": told.bytes,
        "passes": [
            {
                "cycles": each.cycles, "tasks": each.tasks, "instructions": each.instructions,
                "busy": {unit.value: each.busy[unit] for unit in Unit},
                "bytes_read": each.bytes_read, "bytes_written": each.bytes_written,
            }
            for each in told.passes
        ],
    }  # fmt: skip


def _tell(
    console: Console, job: CompileJob, done: Compilation, document: dict[str, Any], size: int
) -> None:
    program, told = done.program, done.estimate
    console.say(
        f"{len(done.network.layers)} layers on {program.vertices:,} vertices and "
        f"{document['edges']:,} edges: {len(program.passes)} passes, {size / 1e6:,.2f} MB of memory"
    )
    chosen = min(done.choices, key=lambda each: each.cycles)
    words = [f"vertex order {chosen.vertex_order}", f"{chosen.halves} intervals under way"]
    if chosen.gcn_orders:
        words.append("GCN " + ", ".join(chosen.gcn_orders))
    console.say(f"best of {len(done.choices)} programs: {'; '.join(words)}")
    if job.show:
        console.say(listing(program).rstrip())
    console.table(
        "",
        ["pass", "tasks", "instructions", "read", "write", "vector", "matrix", "cycles", "busiest"],
        [
            [
                str(i), f"{each.tasks:,}", f"{each.instructions:,}",
                *(f"{each.busy[unit]:,}" for unit in Unit), f"{each.cycles:,}",
                f"{each.bound / each.cycles:.0%}",
            ]
            for i, each in enumerate(told.passes)
        ],
    )  # fmt: skip
    console.say(
        f"foretold: {told.cycles:,} cycles, {told.bytes:,} bytes moved, busiest unit "
        f"{told.utilisation:.0%}"
    )
    console.say(f"written: {job.out}")

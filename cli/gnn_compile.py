"""The work behind ``gatewright gnn compile``."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..generators.gnn.compilation import Compilation, compile_model
from ..generators.gnn.config import GnnConfig
from ..generators.gnn.graph_files import Reading
from ..generators.gnn.occupancy import Unit
from ..generators.gnn.orders import Order
from ..generators.gnn.program_file import listing
from ..generators.gnn.saving import save
from ..generators.gnn.staging import staged
from ..golden.gnn.gcn import Order as GcnOrder
from .console import Console
from .gnn_inputs import features_of, load_inputs, load_model

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
    notes = {
        "model": job.model, "graph": str(job.graph),
        "hashes": {
            "graph": sha256(job.graph.read_bytes()).hexdigest(),
            "model": sha256(Path(job.model.partition(":")[0]).read_bytes()).hexdigest(),
        },
        "features": "random" if inputs.data.features is None else "given",
    }  # fmt: skip
    with staged(job.out) as folder:
        document = save(folder, done, network, inputs.graph, x, inputs.data, notes)
    console.document({"format": "gatewright-report", "version": 1, "step": "gnn-compile",
                      "out": str(job.out), **document})
    _tell(console, job, done, document)


def _tell(
    console: Console, job: CompileJob, done: Compilation, document: dict[str, Any]
) -> None:
    program, told = done.program, done.estimate
    console.say(
        f"{len(done.network.layers)} layers on {program.vertices:,} vertices and "
        f"{document['edges']:,} edges: {len(program.passes)} passes, "
        f"{document['bytes'] / 1e6:,.2f} MB of memory"
    )
    chosen = done.choice
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

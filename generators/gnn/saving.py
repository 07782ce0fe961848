"""A compilation put on disk: image with its input, what it should give, what it will take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...golden.gnn.graph import Reals
from ...golden.gnn.network import Network
from .codes import put_input
from .compilation import Compilation
from .cost import Estimate
from .features import VertexData
from .graph import Graph
from .image import build_image
from .occupancy import Unit
from .program_file import Expected, write_program

__all__ = ["estimate_document", "save"]


def save(
    folder: Path, done: Compilation, network: Network, graph: Graph, x: Reals, data: VertexData,
    notes: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Write a program for features into an empty folder; return what its manifest tells of it.

    Parameters
    ----------
    done
        The compiled network.
    network, x
        float64, and the features that it is run with.
    data
        Labels and masks, for the accuracy.
    notes
        Where all that came from.
    """
    golden = graph.golden
    codes = done.network.encode(golden, x)
    expected = Expected(
        done.network.trace(golden, codes)[-1], network.forward(golden, x), done.network.unit_out,
        data.labels, None if data.labels is None else data.test,
    )  # fmt: skip
    image = build_image(done.program)
    put_input(done.program, image, codes)
    document = {
        **notes,
        "edges": graph.edges,
        "bytes": len(image.memory),
        "estimate": estimate_document(done.estimate),
        "tried": [
            {"gcn_orders": list(each.gcn_orders), "halves": each.halves,
             "vertex_order": each.vertex_order, "cycles": each.cycles, "bytes": each.bytes}
            for each in done.choices
        ],
    }  # fmt: skip
    write_program(folder, done.program, image, expected, document)
    return document


def estimate_document(told: Estimate) -> dict[str, Any]:
    """Return what the cost model tells, for JSON."""
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

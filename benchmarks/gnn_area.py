"""gnn: areas of the units that are most of an engine. Standard cells as in benchmarks/salo.py."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flint_area import target
from rows import Row, row
from tpe_units import Workshop

from gatewright.generators.gnn.presets import PRESETS
from gatewright.hw.gnn.dot_column import DotColumn, DotColumnParameters
from gatewright.hw.gnn.sparse_engine import SparseEngine


def run() -> list[Row]:
    cells, unit = target()
    nangate = unit == "um2"
    library = "Nangate45" if nangate else "built-in technology"
    with tempfile.TemporaryDirectory() as folder:
        shop = Workshop(Path(folder), cells)
        column = shop.cells(DotColumn(DotColumnParameters(8)))["area"] / 8
        four, eight = (PRESETS["tiny"], PRESETS["ecp5"])
        lanes = [shop.cells(SparseEngine(p), "fast")["area"] for p in (four, eight)]
    # What both have, walker and addresses, falls out of the difference.
    lane = (lanes[1] - lanes[0]) / (eight.lanes - four.lanes)
    return [
        row(f"{library}, matrix unit, element of a column of 8: area", column, unit,
            target=1033 if nangate else None, at_most=True),
        row(f"{library}, sparse engine, another lane: area", lane, unit,
            target=1971 if nangate else None, at_most=True),
    ]  # fmt: skip

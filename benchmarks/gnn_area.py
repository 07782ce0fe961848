"""gnn: areas of the units that are most of an engine. Standard cells as in benchmarks/salo.py."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

from flint_area import target
from rows import Row, row
from tpe_units import Workshop, least_area

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
        eight = PRESETS["ecp5"]
        # The same memories, and so the same walker and addresses, which fall out of the difference.
        four = replace(eight, lanes=4, rows=4, columns=4, bus_bytes=4)
        lanes = [shop.cells(SparseEngine(p), "fast") for p in (four, eight)]
    quick, small = (
        (area(lanes[1]) - area(lanes[0])) / (eight.lanes - four.lanes)
        for area in (itemgetter("area"), least_area)
    )
    return [
        row(f"{library}, matrix unit, element of a column of 8: area", column, unit,
            target=1033 if nangate else None, at_most=True),
        row(f"{library}, sparse engine, another lane: least area", small, unit,
            target=1971 if nangate else None, at_most=True),
        row(f"{library}, sparse engine, another lane: area at least area x delay", quick, unit),
    ]  # fmt: skip

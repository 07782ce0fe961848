"""gnn: areas of the units that are most of an engine. Standard cells as in benchmarks/salo.py."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from flint_area import target
from tpe_units import Workshop

from gatewright.generators.gnn.presets import PRESETS
from gatewright.hw.gnn.dot_column import DotColumn, DotColumnParameters
from gatewright.hw.gnn.sparse_engine import SparseEngine

Row = dict[str, Any]


def run() -> list[Row]:
    cells, unit = target()
    nangate = unit == "um2"
    library = "Nangate45" if nangate else "built-in technology"
    with tempfile.TemporaryDirectory() as folder:
        shop = Workshop(Path(folder), cells)
        column = shop.cells(DotColumn(DotColumnParameters(8)))["area"] / 8
        four, eight = (PRESETS["tiny"], PRESETS["ecp5"])
        lanes = [shop.cells(SparseEngine(p))["area"] for p in (four, eight)]
    # What both have, walker and addresses, falls out of the difference.
    lane = (lanes[1] - lanes[0]) / (eight.lanes - four.lanes)
    return [
        _row(f"{library}, matrix unit, element of a column of 8: area", column, unit,
             1033 if nangate else None),
        _row(f"{library}, sparse engine, another lane: area", lane, unit,
             1971 if nangate else None),
    ]  # fmt: skip


def _row(name: str, value: float, unit: str, limit: float | None) -> Row:
    return {
        "name": name, "value": value, "unit": unit, "baseline": None, "ratio": None,
        "target": limit, "target_is": "value", "at_most": True,
    }  # fmt: skip

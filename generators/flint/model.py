"""The cost model as named figures, for sweeps: cycles of a product, and size from first principles.

Cycles are exact: a tile takes ``K + overhead`` (the manifest's ``cycles_per_tile``). The area is a
count of full adders and flip-flops in gate equivalents of the built-in technology, for putting
arrays in order, not for quoting: synthesis tells the area.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..workload_fields import take
from .config import FlintConfig, multiplier_cost

__all__ = ["WORKLOAD", "model"]

WORKLOAD = {"m": 256, "k": 768, "n": 256}
"""A product of m x k activations and k x n weights."""

_FULL_ADDER, _FLIP_FLOP, _AND = 5.0, 16 / 3, 4 / 3


def model(config: FlintConfig, workload: Mapping[str, Any]) -> dict[str, float | str]:
    """Return figures of a config on a product."""
    given = take(workload, WORKLOAD)
    p = config.parameters
    tiles = -(-given["m"] // p.rows) * -(-given["n"] // p.cols)
    # Sums longer than max_k are cut, and added up outside.
    parts = -(-given["k"] // config.max_k)
    overhead = p.rows + p.row_groups - 1
    cycles = tiles * (given["k"] + parts * overhead)
    macs = given["m"] * given["k"] * given["n"]
    product = multiplier_cost(p.datapath)
    element = (
        product * (_FULL_ADDER + _AND)
        + p.accumulator_bits * (_FULL_ADDER + _FLIP_FLOP)
        + (config.activation.bits + config.weight.bits) * _FLIP_FLOP / p.share
    )
    row = p.cols * p.accumulator_bits * _FLIP_FLOP * p.result_depth
    return {
        "technology": p.datapath.name, "elements": p.rows * p.cols,
        "macs_per_cycle": round(macs / cycles, 4), "cycles": cycles,
        "utilisation": round(macs / (cycles * p.rows * p.cols), 6),
        "accumulator_bits": p.accumulator_bits, "multiplier_bits": product,
        "area": round(p.rows * p.cols * element + row, 1),
    }  # fmt: skip

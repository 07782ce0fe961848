"""The flint array of a config, and what its manifest says."""

from __future__ import annotations

from ...hw.flint.array import FlintArray
from ..registry import Details
from .config import FlintConfig

__all__ = ["details", "top"]


def top(config: FlintConfig) -> FlintArray:
    """Return the top unit of a design."""
    return FlintArray(config.parameters)


def details(config: FlintConfig) -> Details:
    """Return what the manifest says of a design."""
    p = config.parameters
    overhead = p.rows + p.row_groups - 1
    first_row = p.row_groups + p.result_latency - 1
    return Details(
        meanings={
            "tile": "depth (K) and types of a tile; one beat per tile",
            "activation": f"column k of the activations: {p.rows} codes of {config.bits} bits",
            "weight": f"row k of the weights: {p.cols} codes",
            "bias": f"{p.cols} signed integers in units of both scales; one beat per tile",
            "scale": f"{p.cols} multipliers and shifts; one beat per tile",
            "result": f"a row of {p.cols} results; {p.rows} beats per tile, row 0 first",
            "error": "sticky: a tile named a type that was not built in, or a depth above max_k",
        },
        latency={
            "first_row": f"K + {first_row} cycles after the first beat",
            "first_row_overhead_cycles": first_row,
            "pe": p.datapath.name,
            "accumulator_bits": p.accumulator_bits,
            "output_rows": p.result_depth,
        },
        throughput={
            "cycles_per_tile": f"K + {overhead}",
            "overhead_cycles": overhead,
            "macs_per_cycle": p.rows * p.cols,
        },
    )

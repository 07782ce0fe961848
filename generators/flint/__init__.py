"""The flint generator: adaptive 4-bit types on a systolic array (ANT)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..registry import Details, Generator

if TYPE_CHECKING:
    from ...hw.unit import Unit
    from ..formal import Property
    from .config import FlintConfig

__all__ = ["generator"]


def _config() -> type[FlintConfig]:
    from .config import FlintConfig

    return FlintConfig


def _build(config: FlintConfig) -> Unit:
    from ...hw.flint.array import FlintArray

    return FlintArray(config.parameters)


def _details(config: FlintConfig) -> Details:
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


def _properties(config: FlintConfig) -> list[Property]:
    from .properties import properties

    return properties(config)


def _model(config: FlintConfig, workload: Mapping[str, Any]) -> Mapping[str, float | str]:
    from .model import model

    return model(config, workload)


generator = Generator(
    name="flint",
    summary="adaptive 4-bit types (int, flint, power of two, float) on a systolic array",
    config=_config,
    build=_build,
    details=_details,
    testbench="gatewright.verification.flint.testbench",
    commands="gatewright.cli.flint:app",
    properties=_properties,
    mutated=("processing_element", "controller", "cluster*", "weight_recoder", "operand_border*"),
    model=_model,
)

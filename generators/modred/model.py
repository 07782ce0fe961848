"""The cost model as named figures, for sweeps: area, period and cycles of the reducer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..workload_fields import take
from .config import ModredConfig
from .cost import TARGETS, estimate
from .design import reducer

__all__ = ["model"]


def model(config: ModredConfig, workload: Mapping[str, Any]) -> dict[str, float | str]:
    """Return what the reducer of a config costs by :mod:`.cost`; it takes no workload.

    ``area`` is in LUTs or gate equivalents and ``delay`` in ns or FO4, as the config's technology
    is ``fpga`` or ``asic``; ``time`` is ``interval * delay``, the time per result.
    """
    take(workload, {})
    target = TARGETS["ecp5" if config.technology == "fpga" else "asic"]
    cost = estimate(reducer(config), target)
    return {
        "technology": target.name, "area_unit": target.area_unit, "delay_unit": target.delay_unit,
        "modulus_bits": config.value.bit_length(),
        "area": round(cost.area, 1), "delay": round(cost.period, 4),
        "interval": cost.interval, "latency": cost.latency,
        "throughput": round(1 / cost.interval, 6), "time": round(cost.interval * cost.period, 3),
        "table_bits": cost.table_bits, "adder_bits": cost.adder_bits,
        "full_adders": cost.full_adders, "registers": cost.registers,
    }  # fmt: skip

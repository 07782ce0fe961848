"""The cost model as named figures, for sweeps: the cycle model on a product of random integers,
and the area by its structure, of arrays that were measured (`area`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...golden.tpe.cycles import schedule
from ...golden.tpe.encodings import operand_range
from ..workload_fields import take
from .area import area
from .config import TpeConfig
from .design import engine

__all__ = ["WORKLOAD", "model"]

WORKLOAD = {"m": 64, "k": 128, "n": 64, "deviation": 0.16, "seed": 0}
"""A product of m x k and k x n integers, normally distributed; the deviation is a share of the
largest number, as in the layers of a quantised network."""


def model(config: TpeConfig, workload: Mapping[str, Any]) -> dict[str, float | str]:
    """Return figures of a config on a product; A is the operand whose digits are worked on."""
    given = take(workload, WORKLOAD)
    told = engine(config)
    shape = given["deviation"], given["seed"]
    a = _integers(given["m"], given["k"], config.a_width, config.a_signed, *shape)
    b = _integers(given["k"], given["n"], config.b_width, config.b_signed, shape[0], shape[1] + 1)
    plan = schedule(a, b, told.model)
    macs = given["m"] * given["k"] * given["n"]
    size = area(config)
    return {
        "technology": config.resolved_level.value, "encoding": told.encoding,
        "cycles": plan.cycles, "macs_per_cycle": round(macs / plan.cycles, 4),
        "capacity": told.model.capacity, "utilisation": round(plan.utilisation, 6),
        "occupation": round(plan.occupation, 6), "barrier_cost": round(plan.barrier_cost, 2),
        "latency": told.result_latency, "accumulator_bits": told.accumulator_bits,
        **({} if size is None else {"area": round(size, 1), "area_unit": "GE"}),
    }  # fmt: skip


@lru_cache(maxsize=16)
def _integers(
    rows: int, cols: int, width: int, signed: bool, deviation: float, seed: int
) -> NDArray[np.int64]:
    low, high = operand_range(width, signed)
    drawn = np.random.default_rng(seed).normal(0, deviation * high, (rows, cols))
    return np.clip(np.rint(np.abs(drawn) if not signed else drawn), low, high).astype(np.int64)

"""The cost model: area and clock period of a reducer from its structure.

For each kind of reducer and each target, area and period are linear in the counts of
:mod:`.structure`. The coefficients are least-squares fits to synthesis (``benchmarks/
modred_model.py`` measures and fits; ``tests/generators/modred/measured.json`` holds what was
measured). ECP5: LUTs of a netlist without multiplier blocks, a carry cell counting two, and
nanoseconds after routing. ASIC: gate equivalents and fan-out-of-four delays of the built-in
technology.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...hw.modred.reducer import ReducerParameters
from .coefficients import ASIC, ECP5, Coefficients
from .structure import structure

__all__ = ["TARGETS", "Cost", "Target", "estimate"]



@dataclass(frozen=True)
class Target:
    """A technology of the model.

    Attributes
    ----------
    style
        ``technology`` of the configs that are made for it.
    capacity
        Area that is worth a thought: that of the largest device, or what fits a small chip.
    block_ram
        Area that a block RAM counts for: its share of the largest device, which has 208 of them;
        or, estimated and not fitted, a quarter of a gate equivalent per bit.
    """

    name: str
    style: str
    area_unit: str
    delay_unit: str
    capacity: float
    block_ram: float
    coefficients: Mapping[str, Coefficients]


TARGETS = {
    "ecp5": Target("ecp5", "fpga", "LUT", "ns", 83_640, 83_640 / 208, ECP5),
    "asic": Target("asic", "asic", "GE", "FO4", 2_000_000, 4_608, ASIC),
}


@dataclass(frozen=True)
class Cost:
    """What a reducer costs.

    Attributes
    ----------
    area, period
        In the target's units.
    latency, interval
        In cycles.
    table_bits
        Of all tables, wherever they lie.
    adder_bits, full_adders, registers
        Counts.
    """

    area: float
    period: float
    latency: int
    interval: int
    table_bits: int
    adder_bits: int
    full_adders: int
    registers: int


def estimate(p: ReducerParameters, target: Target) -> Cost:
    """Return the cost of a reducer."""
    counts = structure(p)
    coefficients = target.coefficients[counts.kind]
    return Cost(
        area=coefficients.area(counts) + target.block_ram * counts.block_rams,
        period=coefficients.period(counts),
        latency=counts.latency,
        interval=counts.interval,
        table_bits=counts.table_bits,
        adder_bits=round(counts.adder_bits),
        full_adders=round(counts.full_adders),
        registers=round(counts.registers),
    )

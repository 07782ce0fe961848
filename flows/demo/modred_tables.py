"""The modred report as tables of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .section import Table

__all__ = ["tables"]


def tables(report: Mapping[str, Any]) -> list[Table]:
    """Return the tables: the architectures, and what was run through each."""
    return [_architectures(report), _checks(report)]


def _architectures(report: Mapping[str, Any]) -> Table:
    plan = report["plan"]
    rows = []
    for name, design in report["designs"].items():
        model = design["model"]
        rows.append(
            [
                name,
                f"{model['area']:,.0f}",
                f"{model['period']:.1f}",
                f"{model['interval']}",
                _product(model["area"] * model["interval"]),
                _bits(model["table_bits"]),
                f"{design['interval']}",
                f"{design['latency']}",
                design["verdict"],
            ]
        )
    return Table(
        "architectures",
        f"Reducers of {2 * report['modulus']['bits']} bits by the cost model (ECP5 without DSP "
        "blocks), and the modular multipliers around them as simulated",
        ["reducer", plan["area_unit"], plan["delay_unit"], "cycles", "area x cycles",
         "table bits", "cycles per product", "latency", "verdict"],
        rows,
    )  # fmt: skip


def _checks(report: Mapping[str, Any]) -> Table:
    rows = []
    for name, design in report["designs"].items():
        if "stalled" not in design:
            continue
        rows.append(
            [
                name,
                ", ".join(f"{count:,} {kind}" for kind, count in design["operands"].items()),
                "a b 2^-n mod p" if int(design["scale"], 16) != 1 else "a b mod p",
                f"{design['compared']:,}",
                f"{design['wrong']:,}",
                _range(design["latencies"]),
                f"{design['stalled']['cycles'] / design['unhindered']['cycles']:.2f}",
            ]
        )
    return Table(
        "products",
        "Products of the simulated Verilog compared with Python's integers, bit for bit",
        ["reducer", "operands", "result", "compared", "wrong", "latency seen", "time with stalls"],
        rows,
    )


def _product(value: float) -> str:
    return f"{value / 1000:,.0f}k"


def _bits(value: int) -> str:
    return f"{value:,}" if value else "-"


def _range(values: list[int]) -> str:
    """What was seen: one number where time is constant."""
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"

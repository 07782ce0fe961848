"""The flint report as tables of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .section import Table

__all__ = ["LABELS", "tables"]

LABELS = {
    "float32": "float32", "int4": "int4 only", "adaptive": "adaptive 4-bit (int, flint)",
    "codes": "adaptive, codes out", "adaptive-tailored": "adaptive", "int4-tailored": "plain int4",
}  # fmt: skip
_DESIGNS = {
    "adaptive": "int, flint", "int4": "plain int4",
    "adaptive-tailored": "those chosen", "int4-tailored": "plain int4",
}  # fmt: skip
_GROUPS = {
    "general": "any tensor", "tailored": "this network",
}  # fmt: skip


def tables(report: Mapping[str, Any]) -> list[Table]:
    """Return the tables of what the report holds: all, unless the job ended early."""
    found = []
    if "tensors" in report:
        found.append(_tensors(report["tensors"]))
    if "accuracy" in report:
        found.append(_accuracy(report["accuracy"]))
    if "simulation" in report:
        found += [_layers(report["simulation"]), _simulation(report["simulation"])]
    if "synthesis" in report:
        found.append(_synthesis(report))
    return found


def _tensors(tensors: list[dict[str, Any]]) -> Table:
    kinds = list(tensors[0]["mse_by_type"])
    return Table(
        "tensors",
        "Types chosen, by least mean squared error",
        ["tensor", "shape", "type", *(f"MSE {kind}" for kind in kinds), "chosen/int", "SNR dB"],
        [
            [
                tensor["name"],
                "x".join(map(str, tensor["shape"])),
                f"{'' if tensor['signed'] else 'u'}{tensor['type']}4",
                *(f"{tensor['mse_by_type'][kind]:.3e}" for kind in kinds),
                "-" if tensor["mse_ratio"] is None else f"{tensor['mse_ratio']:.2f}",
                _decibels(tensor["snr_db"]),
            ]
            for tensor in tensors
        ],
    )


def _accuracy(accuracy: Mapping[str, Any]) -> Table:
    return Table(
        "accuracy",
        "Held-out digits (4-bit: read from the simulated array)",
        ["numbers", "right", "of", "accuracy", "output SNR dB"],
        [
            [
                LABELS[name],
                str(row["correct"]),
                str(row["samples"]),
                f"{100 * row['accuracy']:.2f} %",
                _decibels(row["output_snr_db"]),
            ]
            for name, row in accuracy.items()
        ],
    )


def _layers(simulation: Mapping[str, Any]) -> Table:
    rows = []
    for name, run in simulation.items():
        stalled = " (stalls)" if run["stall"] else ""
        for layer in [*run["layers"], run["total"] | {"layer": "all"}]:
            sizes = [layer[key] for key in ("samples", "depth", "channels") if key in layer]
            rows.append(
                [
                    f"{name}{stalled}",
                    str(layer["layer"]),
                    "x".join(map(str, sizes)),
                    f"{layer['tiles']:,}",
                    f"{layer['cycles']:,}",
                    f"{layer['model_cycles']:,}",
                    f"{100 * layer['utilisation']:.1f} %",
                    f"{100 * layer['model_utilisation']:.1f} %",
                ]
            )
    return Table(
        "layers",
        "Cycles of the simulated Verilog, and of the model: tiles x (K + fill and drain)",
        ["array", "layer", "N x K x M", "tiles", "cycles", "model", "utilisation", "model"],
        rows,
    )


def _simulation(simulation: Mapping[str, Any]) -> Table:
    rows = []
    for name, run in simulation.items():
        total = run["total"]
        what = "accumulators" if run["output"] == "accumulator" else "codes"
        stall = f"{100 * run['stall']:.0f} % of cycles, every stream" if run["stall"] else "none"
        rows.append(
            [
                name,
                f"{total['checked']:,} {what}",
                f"{total['wrong']:,}",
                stall,
                f"{total['cycles_per_second']:,.0f}",
            ]
        )
    return Table(
        "checks",
        "Results compared with the golden integers, bit for bit",
        ["array", "compared", "wrong", "random stalls", "simulated cycles/s"],
        rows,
    )


def _synthesis(report: Mapping[str, Any]) -> Table:
    rows = []
    for row in report["synthesis"]["rows"]:
        design = report["designs"][row["design"]]
        mhz = [f"{row['frequency_mhz']:.0f} MHz"] if row["frequency_mhz"] else []
        rows.append(
            [
                _GROUPS[row["group"]],
                _DESIGNS[row["design"]],
                f"{design['accumulator_bits']} bits",
                f"{row['area']:,.0f} {row['area_unit']}",
                f"{row['area_ratio']:.3f}",
                ", ".join([f"{row['delay']:.1f} {row['delay_unit']}", *mhz]),
                f"{row['frequency_ratio']:.3f}",
            ]
        )
    return Table(
        "synthesis",
        f"Synthesis, target {report['synthesis']['target']}: arrays for any tensor, and for just "
        "what this network needs",
        ["array for", "types", "accumulator", "area", "area ratio", "critical path",
         "frequency ratio"],
        rows,
    )  # fmt: skip


def _decibels(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f}"

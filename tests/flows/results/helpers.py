"""Runs to store."""

from __future__ import annotations

from typing import Any

from gatewright.flows.results import Run


def run(number: int, **changed: Any) -> Run:
    """A run with figures that follow from its number."""
    report: dict[str, Any] = {
        "verdict": "pass", "area": 100.0 + number, "delay": 1000.0 / (1 + number),
        "power": {"total": number / 8}, "modules": {"top": {"area": 1}}, "met": None,
        "critical_path": [1, 2],
    }  # fmt: skip
    values: dict[str, Any] = {
        "key": f"key{number:06}", "step": "synth", "generator": "tiny", "design": "tiny_adder",
        "config_hash": f"{number:016x}", "config": {"width": number % 64, "names": ["a", "b"]},
        "target": "ge", "verdict": "pass", "started": 1e9 + number, "seconds": 0.5,
        "folder": "/nowhere", "report": report,
    }  # fmt: skip
    return Run(**values | changed)

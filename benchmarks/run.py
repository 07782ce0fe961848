"""Run the benchmarks; write benchmarks/results.json and docs/benchmarks.md.

    python benchmarks/run.py              everything
    python benchmarks/run.py emission     one of them; the rows of the others stay as they were

A benchmark is a module beside this file with ``run() -> list[Row]``; rows.py says what is in one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from rows import Row

from gatewright.generators.artifacts import write_json, write_text

FOLDER = Path(__file__).parent
NAMES = ("emission", "quantizer", "simulation", "explore", "flint_area", "modred", "tpe", "salo",
         "gnn_partition", "gnn", "gnn_area", "gnn_placement")


def main(names: list[str]) -> None:
    path = FOLDER / "results.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in names or NAMES:
        if name not in NAMES:
            raise SystemExit(f"benchmark must be one of {', '.join(NAMES)}, not {name!r}")
        print(f"== {name}", flush=True)
        specification = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        specification.loader.exec_module(module)
        rows = module.run()
        for row in rows:
            print(line(row), flush=True)
        machine = {"cpu": platform.machine(), "cores": os.cpu_count()}
        results[name] = {"machine": machine, "rows": rows}
        write_json(path, results)
        write_text(FOLDER.parent / "docs" / "benchmarks.md", page(results))


def line(row: Row) -> str:
    cells = [row["name"], figure(row["value"], row["unit"])]
    if row.get("ratio") is not None:
        cells.append(f"{row['ratio']:.3g}x")
    if row.get("target") is not None:
        cells.append(f"target {'<=' if row.get('at_most') else '>='} {row['target']:g}")
        cells.append("met" if met(row) else "MISSED")
    return "  ".join(cells)


def met(row: Row) -> bool:
    """Whether a row reaches its target, with its ratio or its value, as ``target_is`` says."""
    reached = row[row.get("target_is", "ratio")]
    return bool(reached <= row["target"] if row.get("at_most") else reached >= row["target"])


def figure(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.4g} {unit}"


def page(results: dict[str, Any]) -> str:
    """Return the table of all rows, as Markdown."""
    text = [
        "# Benchmarks",
        "",
        "Made by `make bench` from one run of each benchmark; ratios compare within that run.",
        "Absolute rates and times depend on the machine and its load; ratios hardly do.",
    ]
    for name in (name for name in NAMES if name in results):
        text += [
            "", f"## {name.replace('_', ' ')}", "",
            "| what | measured | baseline | ratio | target | |", "|---|---|---|---|---|---|",
        ]
        for row in results[name]["rows"]:
            baseline = "" if row.get("baseline") is None else figure(row["baseline"], row["unit"])
            ratio = "" if row.get("ratio") is None else f"{row['ratio']:.3f}"
            target = verdict = ""
            if row.get("target") is not None:
                target = f"{'≤' if row.get('at_most') else '≥'} {row['target']:g}"
                verdict = "met" if met(row) else "missed"
            value = figure(row["value"], row["unit"])
            cells = (row["name"], value, baseline, ratio, target, verdict)
            text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])

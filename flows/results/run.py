"""A run of a flow step, the key that it is found by, and the figures of its report."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ...generators.artifacts import Manifest, digest

__all__ = ["Run", "figures", "module_source", "run_key", "sources"]

# What a report holds for pages, not for comparing designs.
_NOT_FIGURES = frozenset({
    "format", "version", "tools", "modules", "cell_types", "fronts", "config_hash",
    "verilog_hash", "netlist", "recipe", "config",
    "energy_by_instance", "energy_by_module", "saif", "flat_netlist", "dump",
})  # fmt: skip
_DEEPEST = 3
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """One run of a flow step on a design.

    Attributes
    ----------
    key
        Hash of all that its outcome depends on: :func:`run_key`.
    step
        ``model``, ``sim``, ``synth``, ``prove``, ``mutate``, ``energy``: what was done.
    generator, design, config_hash, config
        The design, as in its manifest.
    target
        What it was done for: a synthesis target, a simulator.
    verdict
        ``pass`` or ``fail``; of a proof also ``unknown``.
    started
        Seconds since 1970.
    seconds
        How long it took.
    folder
        Where its files lie; empty if it has none.
    report
        The whole report.
    """

    key: str
    step: str
    generator: str
    design: str
    config_hash: str
    config: Mapping[str, Any]
    target: str
    verdict: str
    started: float
    seconds: float
    folder: str
    report: Mapping[str, Any] = field(repr=False)

    def figures(self) -> dict[str, float | str]:
        """Return what the run can be sorted and filtered by: its head, its config, its report."""
        head: dict[str, float | str] = {
            name: getattr(self, name)
            for name in ("step", "generator", "design", "config_hash", "target", "verdict")
        }
        config = dict(_scalars(self.config, "config", 0))
        return figures(self.report) | config | head | {
            "seconds": self.seconds, "started": self.started,
        }  # fmt: skip


def run_key(
    step: str, manifest: Manifest, verilog: str, target: str, options: Mapping[str, Any],
    tools: Mapping[str, str], *packages: str,
) -> str:  # fmt: skip
    """Return the hash of all that a run depends on.

    Parameters
    ----------
    step, target, options
        What is done.
    manifest, verilog
        The design: its config, and the hash of its Verilog.
    tools
        Versions of the programs that do it.
    packages
        Folders of this package, such as ``flows/synthesis``, whose code decides the outcome.
    """
    parts = [step, manifest.generator, manifest.top, manifest.config_hash, verilog, target]
    parts += [json.dumps(dict(sorted(each.items()))) for each in (options, tools)]
    return digest(*parts, sources(*packages))


@cache
def sources(*packages: str) -> str:
    """Return the hash of the Python files of folders of this package, such as ``hw``."""
    files = sorted(
        path for package in packages for path in (_ROOT / package).rglob("*.py")
    )
    return digest(*(path.read_bytes() for path in files))


def module_source(name: str | None) -> bytes:
    """Return the source of a module of whatever package; nothing if it has no file."""
    found = importlib.util.find_spec(name) if name else None
    if found is None or not found.has_location or found.origin is None:
        return b""
    return Path(found.origin).read_bytes()


def figures(report: Mapping[str, Any]) -> dict[str, float | str]:
    """Return the scalars of a report by dotted name (``power.total``); lists are left out."""
    kept = {name: value for name, value in report.items() if name not in _NOT_FIGURES}
    return dict(_scalars(kept, "", 0))


def _scalars(
    values: Mapping[str, Any], prefix: str, depth: int
) -> Iterator[tuple[str, float | str]]:
    for name, value in values.items():
        dotted = f"{prefix}.{name}" if prefix else name
        match value:
            case bool():
                yield dotted, int(value)
            case int() if value.bit_length() <= 53:
                yield dotted, value
            case int():
                yield dotted, hex(value)  # a database's integers have 64 bits, a modulus more
            case float() if math.isfinite(value):
                yield dotted, value
            case str():
                yield dotted, value
            case Mapping() if depth < _DEEPEST:
                yield from _scalars(value, dotted, depth + 1)
            case list() | tuple() if prefix.startswith("config") and len(value) <= 16:
                yield dotted, ",".join(map(str, value))

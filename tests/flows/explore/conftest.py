"""Sweeps of a generator that makes trouble, installed for this process and those it starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.flows.explore.space import Space, load_space
from gatewright.generators import registry

LAB = Path(__file__).parent / "lab"
OBJECTIVES = {"area": "min", "time": "min"}

Made = Callable[..., Space]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Made]:
    """Make a space of the lab generator from the given parts of a file."""
    monkeypatch.syspath_prepend(LAB)
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(LAB), *([before] if before else [])]))
    registry.generators.cache_clear()

    def made(workload: dict[str, Any] | None = None, **parts: Any) -> Space:
        told = {
            "generator": "lab", "objectives": OBJECTIVES,
            "workload": {"folder": str(tmp_path), **(workload or {})}, **parts,
        }  # fmt: skip
        path = tmp_path / "space.yaml"
        path.write_text(yaml.safe_dump(told, sort_keys=False))
        return load_space(path, "lab")

    yield made
    registry.generators.cache_clear()
    sys.modules.pop("lab_generator", None)


def calls(folder: Path) -> list[str]:
    """What the models were asked for, in order."""
    path = folder / "calls"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []

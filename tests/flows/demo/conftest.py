"""A section of the demo, run once in small for the tests of a module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.flows import demo
from gatewright.flows.demo import job


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one run of the module's SECTIONS; its ``synthesis``, if any, stands in."""
    out = tmp_path_factory.mktemp("demo")
    module = request.module
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "synthesize", getattr(module, "synthesis", job.synthesize))
        demo.run(out, sections=module.SECTIONS)
    return out


@pytest.fixture
def found(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    """What the report tells of the module's one section."""
    (name,) = request.module.SECTIONS
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report["sections"][name]

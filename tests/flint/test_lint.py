"""The emitted array lints without a warning beside the printer's style (flows/lint.vlt)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.flows.lint import lint
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.registry import find

CONFIGS = (
    "rows=16 cols=16",
    "rows=3 cols=5 share=2 output=codes types=int,flint,pot,float",
    "rows=1 cols=1 share=1 pe=plain types=int activation_sign=signed bias_bits=0 max_k=1",
    "rows=2 cols=3 pe=naive bits=3 output_depth=1",
    "rows=4 cols=4 pe=shift bits=6 weight_bits=4 output=codes output_bits=8 output_types=int",
)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("settings", CONFIGS)
def test_no_warning(settings: str, tmp_path: Path) -> None:
    flint = find("flint")
    config = load_config(flint.config(), None, settings.split())
    lint(build_design(flint, config, tmp_path))

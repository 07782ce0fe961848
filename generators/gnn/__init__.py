"""The gnn generator: graph networks on a graph that is cut to fit on chip (SwitchBlade, 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..registry import Details, Generator

if TYPE_CHECKING:
    from ...hw.unit import Unit
    from ..formal import Property
    from .config import GnnConfig

__all__ = ["generator"]


def _config() -> type[GnnConfig]:
    from .config import GnnConfig

    return GnnConfig


def _build(config: GnnConfig) -> Unit:
    from .design import top

    return top(config)


def _details(config: GnnConfig) -> Details:
    from .design import details

    return details(config)


def _properties(config: GnnConfig) -> list[Property]:
    from .properties import properties

    return properties(config)


def _model(config: GnnConfig, workload: Mapping[str, Any]) -> Mapping[str, float | str]:
    from .model import model

    return model(config, workload)


generator = Generator(
    name="gnn",
    summary="graph networks of any kind, compiled for a multi-threaded engine (SwitchBlade, 2023)",
    config=_config,
    build=_build,
    details=_details,
    testbench="gatewright.verification.gnn.testbench",
    commands="gatewright.cli.gnn:app",
    properties=_properties,
    mutated=(
        "decoder", "dispatcher", "interval_context", "issue", "threads", "dot_column",
        "element_lane", "score_lane",
    ),
    model=_model,
)

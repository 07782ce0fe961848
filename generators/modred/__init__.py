"""The modred generator: residues modulo a constant, and arithmetic modulo it (ALLMod)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..registry import Details, Generator

if TYPE_CHECKING:
    from ...hw.unit import Unit
    from ..formal import Property
    from .config import ModredConfig

__all__ = ["generator"]


def _config() -> type[ModredConfig]:
    from .config import ModredConfig

    return ModredConfig


def _build(config: ModredConfig) -> Unit:
    from .design import top

    return top(config)


def _details(config: ModredConfig) -> Details:
    from .design import details

    return details(config)


def _properties(config: ModredConfig) -> list[Property]:
    from .properties import properties

    return properties(config)


def _model(config: ModredConfig, workload: Mapping[str, Any]) -> Mapping[str, float | str]:
    from .model import model

    return model(config, workload)


generator = Generator(
    name="modred",
    summary="modular reduction by a constant, seven methods under one cost model (ALLMod)",
    config=_config,
    build=_build,
    details=_details,
    testbench="gatewright.verification.modred.testbench",
    commands="gatewright.cli.modred:app",
    properties=_properties,
    model=_model,
)

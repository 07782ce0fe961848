"""The tpe generator: tensor engines that work on the digits of one operand (HPCA 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..registry import Details, Generator

if TYPE_CHECKING:
    from ...hw.unit import Unit
    from ..formal import Property
    from .config import TpeConfig

__all__ = ["generator"]


def _config() -> type[TpeConfig]:
    from .config import TpeConfig

    return TpeConfig


def _build(config: TpeConfig) -> Unit:
    from .design import top

    return top(config)


def _details(config: TpeConfig) -> Details:
    from .design import details

    return details(config)


def _properties(config: TpeConfig) -> list[Property]:
    from .properties import properties

    return properties(config)


def _model(config: TpeConfig, workload: Mapping[str, Any]) -> Mapping[str, float | str]:
    from .model import model

    return model(config, workload)


generator = Generator(
    name="tpe",
    summary="tensor engines in the bit-weight dimension: dense and digit-serial arrays (HPCA 2025)",
    config=_config,
    build=_build,
    details=_details,
    testbench="gatewright.verification.tpe.testbench",
    commands="gatewright.cli.tpe:app",
    properties=_properties,
    model=_model,
)

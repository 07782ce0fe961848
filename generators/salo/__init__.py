"""The salo generator: hybrid sparse attention, from a mask to tiles on an array (DAC 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..registry import Details, Generator

if TYPE_CHECKING:
    from ...hw.unit import Unit
    from ..formal import Property
    from .config import SaloConfig

__all__ = ["generator"]


def _config() -> type[SaloConfig]:
    from .config import SaloConfig

    return SaloConfig


def _build(config: SaloConfig) -> Unit:
    from .design import top

    return top(config)


def _details(config: SaloConfig) -> Details:
    from .design import details

    return details(config)


def _properties(config: SaloConfig) -> list[Property]:
    from .properties import properties

    return properties(config)


def _model(config: SaloConfig, workload: Mapping[str, Any]) -> Mapping[str, float | str]:
    from .model import model

    return model(config, workload)


generator = Generator(
    name="salo",
    summary="sparse attention on an array of bands, globals and gathered keys (SALO, DAC 2022)",
    config=_config,
    build=_build,
    details=_details,
    testbench="gatewright.verification.salo.testbench",
    commands="gatewright.cli.salo:app",
    properties=_properties,
    mutated=("processing_element", "row_*", "sequencer", "weighted_sum", "scaling"),
    model=_model,
)

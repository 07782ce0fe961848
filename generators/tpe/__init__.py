"""The tpe generator: tensor engines that work on the digits of one operand (HPCA 2025)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..registry import Details, Generator

if TYPE_CHECKING:
    from ...hw.unit import Unit
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


generator = Generator(
    name="tpe",
    summary="tensor engines in the bit-weight dimension: dense and digit-serial arrays (HPCA 2025)",
    config=_config,
    build=_build,
    details=_details,
    testbench="gatewright.verification.tpe.testbench",
    commands="gatewright.cli.tpe:app",
)

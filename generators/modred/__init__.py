"""The modred generator: residues modulo a constant, and arithmetic modulo it (ALLMod)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..registry import Details, Generator

if TYPE_CHECKING:
    from ...hw.unit import Unit
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


generator = Generator(
    name="modred",
    summary="modular reduction by a constant, seven methods under one cost model (ALLMod)",
    config=_config,
    build=_build,
    details=_details,
    testbench="gatewright.verification.modred.testbench",
    commands="gatewright.cli.modred:app",
)

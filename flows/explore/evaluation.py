"""What is done to a design of a space: its cost model, and then the flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from ...errors import InputError
from ...generators.config import Config, check_config
from ...generators.registry import nearest
from ..synthesis.candidates import Objective

__all__ = ["STEPS", "Evaluation", "parse_evaluation"]

class _Synth(Config):
    target: str = "ge"
    period: float | None = Field(None, gt=0)
    objective: Objective = "area_delay"
    flatten: bool = False
    recipes: str | tuple[str, ...] = "fast"
    dsp: bool = True
    place: bool = True
    seed: int = Field(1, ge=0)
    placements: int = Field(1, ge=1, le=100)


class _Sim(Config):
    simulator: Literal["verilator", "icarus"] = "verilator"
    seed: int = Field(0, ge=0)


class _Energy(Config):
    target: str = "ge"
    recipes: str | tuple[str, ...] = "fast"
    seed: int = Field(0, ge=0)


STEPS: dict[str, type[Config]] = {"synth": _Synth, "sim": _Sim, "energy": _Energy}
"""The flows, and their options."""

_DEFAULT_KEEP = 16


@dataclass(frozen=True)
class Evaluation:
    """What is done to a design.

    Attributes
    ----------
    steps
        Flows, in order; none: the cost model alone.
    options
        Of each flow.
    keep
        Most designs that go from the cost model to the flows.
    """

    steps: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    keep: int = _DEFAULT_KEEP

    def document(self) -> dict[str, Any]:
        """Return what decides the outcome, as JSON."""
        return {"steps": list(self.steps), "options": {k: dict(v) for k, v in self.options.items()},
                "keep": self.keep}  # fmt: skip


def parse_evaluation(told: Mapping[str, Any], where: str) -> Evaluation:
    """Read ``evaluate``, ``keep`` and the options of each flow from a space file."""
    asked = told.get("evaluate", "model")
    listed = [asked] if isinstance(asked, str) else asked
    if not isinstance(listed, list) or not listed:
        raise InputError(f"{where}: evaluate must be one or some of model, {', '.join(STEPS)}, "
                         f"not {asked!r}")  # fmt: skip
    for step in listed:
        if step not in ("model", *STEPS):
            raise InputError(
                f"{where}: evaluate must be one or some of model, {', '.join(STEPS)}, "
                f"not {step!r}{nearest(str(step), ['model', *STEPS])}"
            )
    steps = tuple(step for step in STEPS if step in listed)
    for step in STEPS:
        if step in told and step not in steps:
            raise InputError(f"{where}: {step} must be left out unless evaluate names it")
    keep = told.get("keep", _DEFAULT_KEEP)
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise InputError(f"{where}: keep must be a whole number from 1, not {keep!r}")
    return Evaluation(steps, {step: _options(told, step, where) for step in steps}, keep)


def _options(told: Mapping[str, Any], step: str, where: str) -> dict[str, Any]:
    return check_config(STEPS[step], told.get(step) or {}, f"{where}: {step}").model_dump()

"""What is done to a design of a space: its cost model, and then the flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import InputError
from ...generators.registry import nearest

__all__ = ["STEPS", "Evaluation", "parse_evaluation"]

STEPS: dict[str, dict[str, Any]] = {
    "synth": {
        "target": "ge", "period": None, "objective": "area_delay", "flatten": False,
        "recipes": "fast", "dsp": True, "place": True, "seed": 1, "placements": 1,
    },
    "sim": {"simulator": "verilator", "seed": 0},
    "energy": {"target": "ge", "recipes": "fast", "seed": 0},
}  # fmt: skip
"""The flows, and their options with defaults."""

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
    given = told.get(step) or {}
    known = STEPS[step]
    if not isinstance(given, dict):
        raise InputError(f"{where}: {step} must be a mapping of {', '.join(known)}, not {given!r}")
    for key in given:
        if key not in known:
            raise InputError(
                f"{where}: {step} must be a mapping of {', '.join(known)}, not have {key!r}"
                + nearest(str(key), list(known))
            )
    return {**known, **given}

"""The cost model as named figures, for sweeps: a pattern's schedule on the array."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ...errors import InputError
from ..workload_fields import take
from .config import SaloConfig
from .importers.description import from_description
from .importers.vision import from_vil
from .pattern import Pattern
from .schedule import make_schedule

__all__ = ["WORKLOAD", "model"]

_LONGFORMER = {
    "queries": 2048,
    "terms": [{"band": {"lo": -256, "hi": 256}}, {"global_cols": [0]}, {"global_rows": [0]}],
}
_VIL = {"height": 56, "width": 56, "window": 15, "global_tokens": 1}
WORKLOAD: dict[str, Any] = {"pattern": _LONGFORMER, "vil": {}, "dk": 64}
"""A pattern as `gatewright salo schedule` reads it (Longformer), or ``vil`` with height, width,
window and global_tokens; and the elements of a query, key and value."""


def model(config: SaloConfig, workload: Mapping[str, Any]) -> dict[str, float | str]:
    """Return figures of a config on the attention of one head."""
    given = take(workload, WORKLOAD)
    if given["dk"] > min(config.dk_max, config.dv_max):
        raise InputError(
            f"workload.dk must be at most dk_max and dv_max, {min(config.dk_max, config.dv_max)}, "
            f"not {given['dk']}"
        )
    if given["vil"]:
        pattern = _pattern("vil", json.dumps(take(given["vil"], _VIL)))
    else:
        pattern = _pattern("pattern", json.dumps(given["pattern"]))
    shape = config.shape
    report = make_schedule(pattern, shape, dk=given["dk"]).report
    return {
        "multipliers": shape.multipliers, "cycles": report.cycles, "tiles": report.tiles,
        "bound": report.bound, "utilisation": round(report.utilisation, 6),
        "bytes": report.bytes_moved.total, "density": round(report.density, 6),
        "pairs_per_cycle": round(report.allowed / report.cycles, 4),
        # Of equal arrays the one that is done first; of equal times the smaller one.
        "multiplier_cycles": shape.multipliers * report.cycles,
    }  # fmt: skip


@lru_cache(maxsize=4)
def _pattern(kind: str, text: str) -> Pattern:
    told = json.loads(text)
    return from_vil(**told) if kind == "vil" else from_description(told)

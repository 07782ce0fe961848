"""The results database: every run of a flow, found again by what it depends on."""

from __future__ import annotations

from .database import DATABASE, Results
from .run import Run, figures

__all__ = ["DATABASE", "Results", "Run", "figures"]

"""Energy and power of a mapped design at work: simulated activity, a library's energies."""

from __future__ import annotations

from .measure import Work, measure

__all__ = ["Work", "measure"]

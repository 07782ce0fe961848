"""Synthesis: what a build costs in gates, in standard cells or on an FPGA."""

from __future__ import annotations

from .flow import compare, synthesize
from .targets import TargetInfo, targets

__all__ = ["TargetInfo", "compare", "synthesize", "targets"]

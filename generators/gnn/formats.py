"""Sizes of an engine and formats of its programs, for the floors that know no hardware."""

from __future__ import annotations

from ...hw.gnn.instruction import (
    FLAG_MAX,
    FLAG_ONE,
    FLAG_RELU,
    NO_SLOT,
    SCALAR,
    ElementType,
    Opcode,
    Space,
)
from ...hw.gnn.parameters import GnnParameters
from ...hw.gnn.records import BLOCK_BYTES, NO_CODE, PASS, PASS_BYTES, VERSION, Phase, Section

__all__ = [
    "BLOCK_BYTES", "FLAG_MAX", "FLAG_ONE", "FLAG_RELU", "NO_CODE", "NO_SLOT", "PASS", "PASS_BYTES",
    "SCALAR", "VERSION", "ElementType", "GnnParameters", "Opcode", "Phase", "Section", "Space",
]  # fmt: skip

"""Sizes of an engine and formats of its programs, for the floors that know no hardware."""

from __future__ import annotations

from ...hw.gnn.faults import Fault
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
from ...hw.gnn.registers import (
    CONTROL_RESET,
    CONTROL_START,
    IDENTITY,
    REGISTERS,
    STATUS_BUSY,
    STATUS_DONE,
    STATUS_ERROR,
    Counter,
    register,
)
from ...hw.gnn.transfers import JOBS_UNDER_WAY

__all__ = [
    "BLOCK_BYTES", "CONTROL_RESET", "CONTROL_START", "FLAG_MAX", "FLAG_ONE", "FLAG_RELU",
    "IDENTITY", "JOBS_UNDER_WAY", "NO_CODE", "NO_SLOT", "PASS", "PASS_BYTES", "REGISTERS", "SCALAR",
    "STATUS_BUSY", "STATUS_DONE", "STATUS_ERROR", "VERSION", "Counter", "ElementType", "Fault",
    "GnnParameters", "Opcode", "Phase", "Section", "Space", "register",
]  # fmt: skip

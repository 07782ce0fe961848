"""Why an engine stops, and where."""

from __future__ import annotations

from amaranth.hdl import Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import Out

__all__ = ["FAULT", "NO_THREAD", "Fault", "fault", "raise_fault"]

NO_THREAD = 31
"""Thread of a fault that no task made."""


class Fault(enum.Enum, shape=4):
    """What is wrong."""

    NONE = 0
    READ_SLAVE = 1
    """The memory answered a read with SLVERR, at the address."""
    READ_DECODE = 2
    """The memory answered a read with DECERR, at the address."""
    WRITE_SLAVE = 3
    """The memory answered a write with SLVERR; the address is that of its burst."""
    WRITE_DECODE = 4
    """The memory answered a write with DECERR; the address is that of its burst."""
    RECORD = 5
    """A pass or a shard has a field that the engine cannot have."""
    SECTION = 6
    """A section of a pass does not fit its memory, or is not of whole words."""
    PROGRAM_COUNTER = 7
    """A thread left the code."""
    INSTRUCTION = 8
    """The word is no instruction."""
    OPERAND = 9
    """An instruction that this phase cannot have, a tensor that is not there, or a slot in a space
    that the instruction cannot use."""
    SLOT = 10
    """A slot that is not there, that has a type its space has not, or that leaves its space."""


FAULT = data.StructLayout({"code": Fault, "thread": 5, "pc": 16, "address": 40})
"""A fault: its thread, or NO_THREAD; the place of the instruction; the address of a memory error.
What does not apply is 0."""


def fault() -> wiring.Signature:
    """A fault, for one cycle."""
    return wiring.Signature({"valid": Out(1), "what": Out(FAULT)})


def raise_fault(
    port: wiring.PureInterface, when: Value, code: Value | Fault, *,
    thread: Value | int = NO_THREAD, pc: Value | int = 0, address: Value | int = 0,
) -> list[object]:  # fmt: skip
    """Return the assignments that tell a fault."""
    told = port.what
    return [
        port.valid.eq(when), told.code.eq(code), told.thread.eq(thread), told.pc.eq(pc),
        told.address.eq(address),
    ]  # fmt: skip

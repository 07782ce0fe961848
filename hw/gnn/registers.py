"""Registers of an engine: the one place that has their map."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.lib import enum

__all__ = [
    "ADDRESS_BITS", "CONTROL_RESET", "CONTROL_START", "COUNTERS", "IDENTITY", "REGISTERS",
    "STATUS_BUSY", "STATUS_DONE", "STATUS_ERROR", "Counter", "Register", "register",
]  # fmt: skip

IDENTITY = int.from_bytes(b"GNNE", "little")
ADDRESS_BITS = 8
CONTROL_START, CONTROL_RESET = 0, 1
"""Bits of CONTROL."""
STATUS_BUSY, STATUS_DONE, STATUS_ERROR = 0, 1, 2
"""Bits of STATUS."""


@dataclass(frozen=True)
class Register:
    """A register of 32 bits.

    Attributes
    ----------
    name, offset
        What it is called, and its address in bytes.
    writable
        Whether writing it has an effect.
    meaning
        For the documentation.
    """

    name: str
    offset: int
    writable: bool
    meaning: str


class Counter(enum.Enum, shape=5):
    """Counters, in the order of their registers. They restart with each start, and wrap."""

    CYCLES = 0
    READ_BEATS = 1
    CONTROL_BEATS = 2
    WRITE_BEATS = 3
    VECTOR_BUSY = 4
    MATRIX_BUSY = 5
    READ_BUSY = 6
    WRITE_BUSY = 7
    READ_WAITING = 8
    TASKS = 9
    VECTOR_JOBS = 10
    MATRIX_JOBS = 11
    READ_JOBS = 12
    WRITE_JOBS = 13
    PASSES_ENDED = 14


_COUNTED = {
    Counter.CYCLES: "cycles from start to the end, or to the error",
    Counter.READ_BEATS: "beats of rows and lists that were read",
    Counter.CONTROL_BEATS: "beats of passes, sections, intervals and shards that were read",
    Counter.WRITE_BEATS: "beats that were written",
    Counter.VECTOR_BUSY: "cycles in which the vector unit was busy",
    Counter.MATRIX_BUSY: "cycles in which the matrix unit was busy",
    Counter.READ_BUSY: "cycles in which something was to be read",
    Counter.WRITE_BUSY: "cycles in which rows were to be read for writing",
    Counter.READ_WAITING: "cycles in which something was to be read and no beat was there",
    Counter.TASKS: "tasks that were begun",
    Counter.VECTOR_JOBS: "instructions for the vector unit",
    Counter.MATRIX_JOBS: "instructions for the matrix unit",
    Counter.READ_JOBS: "LDV instructions",
    Counter.WRITE_JOBS: "STV instructions",
    Counter.PASSES_ENDED: "passes that have ended",
}
_FIRST_COUNTER = 0x40
_FIXED = (
    ("ID", False, "the letters GNNE, the first one in the lowest byte"),
    ("VERSION", False, "version of the image's records"),
    ("PARAMETERS", False, "digest of the engine's parameters, which that of an image must equal"),
    ("CONTROL", True, "bit 0: start, if neither busy nor in error; bit 1: reset"),
    ("STATUS", True, "bit 0: busy; bit 1: done, cleared by writing a 1; bit 2: error"),
    ("IMAGE_LOW", True, "address of the image, a multiple of 32"),
    ("IMAGE_HIGH", True, "bits 7:0 are bits 39:32 of the address of the image"),
    ("PASS_BLOCK", True, "block of the table of passes"),
    ("PASSES", True, "number of passes"),
    ("ERROR", False, "bits 3:0: code; bits 12:8: thread, 31 if none"),
    ("ERROR_PC", False, "place of the thread's instruction, or of its task's first one"),
    ("ERROR_ADDRESS_LOW", False, "address of an error of the memory, 0 of others"),
    ("ERROR_ADDRESS_HIGH", False, "its bits 39:32"),
)
REGISTERS = (
    *(
        Register(name, 4 * number, writable, meaning)
        for number, (name, writable, meaning) in enumerate(_FIXED)
    ),
    *(
        Register(counter.name, _FIRST_COUNTER + 4 * counter.value, False, meaning)
        for counter, meaning in _COUNTED.items()
    ),
)  # fmt: skip
"""All registers by their address."""
COUNTERS = len(Counter)


def register(name: str) -> Register:
    """Return the register of a name."""
    return next(each for each in REGISTERS if each.name == name)

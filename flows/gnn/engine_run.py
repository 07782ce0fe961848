"""Running an image on the Verilog of an engine, with a model of its memory."""

from __future__ import annotations

import ctypes
import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CheckFailed, InputError
from .engine_build import load_engine

__all__ = ["EngineModel", "EngineRun", "MemoryTiming"]

_VIOLATIONS = {
    1: "an address or a beat changed before it was taken",
    2: "a burst is not of whole beats and kind INCR",
    3: "a burst does not begin at a beat",
    4: "a burst crosses 4 KiB",
    5: "the last beat of a write is not where its length says",
    6: "a register access was not answered",
}
_BUSY, _DONE, _ERROR = 1, 2, 4
_START, _RESET, _FORGET = 1, 2, 2


class _Memory(ctypes.Structure):
    """Keep in step with `Memory` in axi_memory.cpp."""

    _fields_ = (
        ("bytes", ctypes.c_void_p), ("base", ctypes.c_uint64), ("size", ctypes.c_uint64),
        ("least", ctypes.c_uint64), ("most", ctypes.c_uint64), ("stall", ctypes.c_uint64),
        ("error_address", ctypes.c_uint64), ("error_response", ctypes.c_uint64),
        ("error_writes", ctypes.c_uint64), ("seed", ctypes.c_uint64),
    )  # fmt: skip


@dataclass(frozen=True)
class MemoryTiming:
    """How the memory behaves.

    Attributes
    ----------
    least, most
        Cycles from an address to its first beat, or to the answer of a write: uniform.
    stall
        Probability that a channel pauses in a cycle, each on its own.
    seed
        Of both.
    error_address, error_response, error_writes
        Reading, or writing, of the beat at this address is answered with SLVERR = 2 or DECERR = 3;
        0 for no error.
    """

    least: int = 20
    most: int = 40
    stall: float = 0.0
    seed: int = 0
    error_address: int = 0
    error_response: int = 0
    error_writes: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise InputError(
                f"latency must be 0 <= least <= most, not {self.least} and {self.most}"
            )
        if not 0 <= self.stall < 1:
            raise InputError(f"stall must be in 0..1 without 1, not {self.stall}")
        if self.error_response not in (0, 2, 3):
            raise InputError(f"error_response must be 0, 2 or 3, not {self.error_response}")


@dataclass(frozen=True, eq=False)
class EngineRun:
    """What a run came to.

    Attributes
    ----------
    cycles
        Until the interrupt.
    seconds
        Of simulation.
    registers
        All registers by name.
    memory
        As the engine left it.
    """

    cycles: int
    seconds: float
    registers: Mapping[str, int]
    memory: NDArray[np.uint8]

    @property
    def failed(self) -> bool:
        """Whether the engine was stopped by an error."""
        return bool(self.registers["STATUS"] & _ERROR)

    def write(self, memory: Path, registers: Path) -> None:
        """Write the memory as bytes, and registers, cycles and seconds as JSON."""
        memory.write_bytes(self.memory.tobytes())
        told = {"cycles": self.cycles, "seconds": self.seconds, **self.registers}
        registers.write_text(json.dumps(told, indent=2) + "\n")


class EngineModel:
    """An engine in simulation, from reset on.

    Parameters
    ----------
    library
        From ``build_engine``.
    registers
        Address of each register by its name.
    seed
        Of what reset does not define.
    """

    def __init__(self, library: Path, registers: Mapping[str, int], *, seed: int = 0) -> None:
        self.registers = dict(registers)
        self._library = load_engine(library)
        self._handle: Any = self._library.gnn_new(seed)
        self._memory = np.zeros(0, dtype=np.uint8)
        weakref.finalize(self, self._library.gnn_delete, self._handle)

    def read(self, name: str) -> int:
        """Read a register."""
        answer: int = self._library.gnn_read(self._handle, self.registers[name])
        self._check(answer >> 32, name)
        return answer & 0xFFFFFFFF

    def write(self, name: str, value: int) -> None:
        """Write a register."""
        answer = self._library.gnn_write(self._handle, self.registers[name], value)
        self._check(answer, name)

    def set_memory(
        self, image: NDArray[np.uint8], address: int = 0, timing: MemoryTiming | None = None
    ) -> None:
        """Put a copy of an image at an address; it is all the memory there is."""
        chosen = timing or MemoryTiming()
        self._memory = np.array(image, dtype=np.uint8)
        memory = _Memory(
            bytes=self._memory.ctypes.data, base=address, size=self._memory.size,
            least=chosen.least, most=chosen.most, stall=round(chosen.stall * 2**32),
            error_address=chosen.error_address, error_response=chosen.error_response,
            error_writes=int(chosen.error_writes), seed=chosen.seed & (2**64 - 1),
        )  # fmt: skip
        self._library.gnn_set_memory(self._handle, ctypes.addressof(memory))

    def run(
        self, image: NDArray[np.uint8], *, address: int = 0, pass_block: int, passes: int,
        digest: int, timing: MemoryTiming | None = None, limit: int = 1_000_000_000,
    ) -> EngineRun:  # fmt: skip
        """Load an image and run its passes, until the interrupt.

        Raises
        ------
        InputError
            If the image is for another engine.
        CheckFailed
            If the run is not over after ``limit`` cycles, or breaks a rule of AXI.
        """
        found = self.read("PARAMETERS")
        if found != digest:
            raise InputError(
                f"image must be for the engine with parameters {found:#010x}, not {digest:#010x}"
            )
        self.set_memory(image, address, timing)
        for name, value in (
            ("IMAGE_LOW", address & 0xFFFFFFFF), ("IMAGE_HIGH", address >> 32),
            ("PASS_BLOCK", pass_block), ("PASSES", passes), ("STATUS", _FORGET),
            ("CONTROL", _START),
        ):  # fmt: skip
            self.write(name, value)
        began = perf_counter()
        cycles = self._library.gnn_run(self._handle, limit)
        seconds = perf_counter() - began
        self._check(0, "")
        registers = {name: self.read(name) for name in self.registers}
        if not registers["STATUS"] & (_DONE | _ERROR):
            raise CheckFailed(f"engine must end within {limit} cycles: {registers}")
        return EngineRun(cycles, seconds, registers, self._memory.copy())

    def reset(self, limit: int = 100_000) -> None:
        """Reset the engine, and wait until it is at rest.

        Raises
        ------
        CheckFailed
            If it does not come to rest, or bursts are left over.
        """
        self.write("CONTROL", _RESET)
        for _ in range(limit):
            if not self.read("STATUS") & _BUSY:
                break
        left = self._library.gnn_under_way(self._handle)
        status = self.read("STATUS")
        if status or left:
            raise CheckFailed(f"reset must leave nothing, not status {status}, {left} bursts")

    def _check(self, answer: int, name: str) -> None:
        violation = self._library.gnn_violation(self._handle)
        if violation:
            raise CheckFailed(f"AXI: {_VIOLATIONS[violation]}")
        if answer:
            raise CheckFailed(f"register {name} must be there, not answered with {answer}")

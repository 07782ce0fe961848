"""A memory on an AXI4 bus, which answers late, pauses, and can be wrong at an address."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from cocotb.triggers import RisingEdge

from ..stalls import Stall

__all__ = ["DECERR", "OKAY", "SLVERR", "Memory", "MemoryTiming", "RuleBroken"]

BOUNDARY = 4096
CHANNELS = ("ar", "r", "aw", "w", "b")
CROWD = ("none", "one", "several")
_EVENTS = ("moved", "blocked", "idle")
OKAY, SLVERR, DECERR = 0, 2, 3


class RuleBroken(AssertionError):
    """The engine broke a rule of AXI."""


@dataclass(frozen=True)
class MemoryTiming:
    """How a memory answers.

    Attributes
    ----------
    latency
        Least and most cycles from an address to its first beat, or from a last beat to its answer.
    stall
        Pauses of each channel.
    """

    latency: tuple[int, int] = (5, 5)
    stall: Stall = field(default_factory=Stall)


@dataclass
class _Read:
    address: int
    beats: int
    at: int


class Memory:
    """The memory behind the ``axi`` ports of an engine.

    Parameters
    ----------
    dut
        cocotb's handle of the top module.
    bus_bytes
        Bytes of a beat.
    rng
        Of latencies and pauses.

    Attributes
    ----------
    base, data
        Where it begins, and its bytes; an access elsewhere gets DECERR.
    wrong
        Answers of beats that are wrong, by address.
    timing
        May change at any time.
    beats_read, beats_written
        So far.
    events
        Cycles in which each channel moved a beat, waited (``blocked``) or was idle.
    crowd
        Cycles with so many bursts of reads under way.
    both
        Cycles in which a beat was read and one written.
    undefined
        Places in the data whose last write had an undefined bit (0 now), with four states: the
        padding of rows may be what was never written.
    """

    def __init__(self, dut: Any, bus_bytes: int, rng: random.Random) -> None:
        self._dut, self._bytes, self._rng = dut, bus_bytes, rng
        self.base, self.data = 0, bytearray()
        self.wrong: dict[int, int] = {}
        self.timing = MemoryTiming()
        self.beats_read = self.beats_written = 0
        self.events = {name: dict.fromkeys(_EVENTS, 0) for name in CHANNELS}
        self.crowd = dict.fromkeys(CROWD, 0)
        self.both = 0
        self.undefined: set[int] = set()
        self._now = 0
        self._reads: deque[_Read] = deque()
        self._writes: deque[tuple[int, int]] = deque()
        self._answers: deque[tuple[int, int]] = deque()
        self._beat = self._response = 0
        self._held: dict[str, tuple[str, ...]] = {}
        self._pauses = {name: self.timing.stall.cycles(rng) for name in CHANNELS}

    def set_timing(self, timing: MemoryTiming) -> None:
        """Answer differently from now on."""
        self.timing = timing
        self._pauses = {name: timing.stall.cycles(self._rng) for name in self._pauses}

    def _forget(self) -> None:
        """Lose what is under way."""
        for queue in (self._reads, self._writes, self._answers):
            queue.clear()
        self._beat = self._response = 0
        self._held.clear()
        for name in ("arready", "rvalid", "awready", "wready", "bvalid"):
            self._port(name).value = 0

    async def run(self, clock: Any, reset: Any) -> None:
        """Serve for ever; a reset by the wire is one of the memory too."""
        edge = RisingEdge(clock)
        self._forget()
        while True:
            await edge
            self._now += 1
            if reset.value:
                self._forget()
                continue
            self._sample()
            self._drive()

    def _port(self, name: str) -> Any:
        return getattr(self._dut, f"axi__{name}")

    def _value(self, name: str) -> int:
        return int(self._port(name).value)

    def _bits(self, name: str) -> str:
        """Return a port's bits, the highest first; some may be undefined."""
        return str(self._port(name).value)

    def _look(self) -> dict[str, bool]:
        """Return which channels move, and count what each does."""
        moved = {}
        for name, counts in self.events.items():
            valid = self._value(f"{name}valid")
            moved[name] = bool(valid and self._value(f"{name}ready"))
            counts["moved" if moved[name] else "blocked" if valid else "idle"] += 1
        self.crowd[CROWD[min(len(self._reads), 2)]] += 1
        self.both += moved["r"] and moved["w"]
        return moved

    def _stable(self, moved: dict[str, bool], channel: str, *names: str) -> None:
        """Check that what waits does not change."""
        if not self._value(f"{channel}valid"):
            if self._held.pop(channel, None) is not None:
                raise RuleBroken(f"{channel}valid must stay until {channel}ready")
            return
        now = tuple(self._bits(name) for name in names)
        if self._held.get(channel, now) != now:
            raise RuleBroken(f"{', '.join(names)} must not change while {channel}valid waits")
        if moved[channel]:
            self._held.pop(channel, None)
        else:
            self._held[channel] = now

    def _burst(self, channel: str) -> tuple[int, int]:
        address, beats = self._value(f"{channel}addr"), self._value(f"{channel}len") + 1
        size = 1 << self._value(f"{channel}size")
        if size != self._bytes or self._value(f"{channel}burst") != 1:
            raise RuleBroken(f"{channel} must be INCR in beats of {self._bytes} bytes")
        if address % self._bytes:
            raise RuleBroken(f"{channel}addr must be a multiple of {self._bytes}, not {address:#x}")
        last = address + beats * self._bytes - 1
        if address // BOUNDARY != last // BOUNDARY:
            raise RuleBroken(f"{channel} must not reach over 4 KiB: {address:#x}, {beats} beats")
        return address, beats

    def _delay(self) -> int:
        return self._now + self._rng.randint(*self.timing.latency)

    def _sample(self) -> None:
        moved = self._look()
        self._stable(moved, "ar", "araddr", "arlen")
        self._stable(moved, "aw", "awaddr", "awlen")
        self._stable(moved, "w", "wdata", "wstrb", "wlast")
        if moved["ar"]:
            address, beats = self._burst("ar")
            self._reads.append(_Read(address, beats, self._delay()))
        if moved["r"]:
            self.beats_read += 1
            self._beat += 1
            if self._beat == self._reads[0].beats:
                self._reads.popleft()
                self._beat = 0
        if moved["aw"]:
            self._writes.append(self._burst("aw"))
        if moved["w"]:
            self._take()
        if moved["b"]:
            self._answers.popleft()

    def _take(self) -> None:
        """Write a beat."""
        address, beats = self._writes[0]
        at = address - self.base
        if not 0 <= at <= len(self.data) - self._bytes:
            self._response = DECERR
        elif address in self.wrong:
            self._response = self.wrong[address]
        else:
            word, strobe = self._bits("wdata"), self._value("wstrb")
            for i in range(self._bytes):
                if strobe >> i & 1:
                    byte = word[len(word) - 8 * i - 8 : len(word) - 8 * i]
                    if set(byte) <= {"0", "1"}:
                        self.data[at + i] = int(byte, 2)
                        self.undefined.discard(at + i)
                    else:
                        self.data[at + i] = 0
                        self.undefined.add(at + i)
        self.beats_written += 1
        last = beats == 1
        if bool(self._value("wlast")) != last:
            raise RuleBroken(f"wlast must be {int(last)}")
        if last:
            self._writes.popleft()
            self._answers.append((self._delay(), self._response))
            self._response = OKAY
        else:
            self._writes[0] = (address + self._bytes, beats - 1)

    def _drive(self) -> None:
        flowing = {name: not next(pauses) for name, pauses in self._pauses.items()}
        self._port("arready").value = flowing["ar"]
        self._port("awready").value = flowing["aw"]
        # The address of a burst comes first here: its beats could not be placed otherwise.
        self._port("wready").value = flowing["w"] and bool(self._writes)
        self._answer(flowing)
        waiting = self._value("rvalid") and not self._value("rready")
        if waiting:
            return
        read = self._reads[0] if self._reads else None
        valid = read is not None and read.at <= self._now and flowing["r"]
        self._port("rvalid").value = valid
        if read is None or not valid:
            return
        address = read.address + self._beat * self._bytes
        at = address - self.base
        there = 0 <= at <= len(self.data) - self._bytes
        self._port("rdata").value = (
            int.from_bytes(self.data[at : at + self._bytes], "little") if there else 0
        )
        self._port("rresp").value = (
            self.wrong.get(address, OKAY) if there else DECERR
        )
        self._port("rlast").value = self._beat == read.beats - 1

    def _answer(self, flowing: dict[str, bool]) -> None:
        if self._value("bvalid") and not self._value("bready"):
            return
        ready = bool(self._answers) and self._answers[0][0] <= self._now and flowing["b"]
        self._port("bvalid").value = ready
        if ready:
            self._port("bresp").value = self._answers[0][1]

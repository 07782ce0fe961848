"""A memory on an AXI4 bus, which answers late, pauses, and can be wrong at an address."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from cocotb.triggers import RisingEdge

from ..stalls import Stall

__all__ = ["DECERR", "OKAY", "SLVERR", "TIMINGS", "Memory", "MemoryTiming", "RuleBroken"]

BOUNDARY = 4096
CHANNELS = ("ar", "r", "aw", "w", "b")
CROWD = ("none", "one", "several")
_ANSWERS = ("r", "b")
"""Channels that the memory offers."""
_DRIVEN = ("arready", "rvalid", "awready", "wready", "bvalid")
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
    patience
        Cycles without a new address before it answers what it was asked until then: whatever can
        wait in the engine does.
    """

    latency: tuple[int, int] = (5, 5)
    stall: Stall = field(default_factory=Stall)
    patience: int = 0


TIMINGS = {
    "fast": MemoryTiming((1, 1)),
    "slow": MemoryTiming((30, 60)),
    "pausing": MemoryTiming((1, 20), Stall(0.4, 3)),
    "crawling": MemoryTiming((5, 90), Stall(0.8, 10)),
    "patient": MemoryTiming((1, 1), patience=64),
}
"""Memories from one that answers at once to one that hardly does."""


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
    together
        A place in the data, and how many reads behind it the memory waits for before it answers
        the first of them; None as soon as they have come.
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
        self.together: tuple[int, int] | None = None
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
        self._asked_at = 0
        self._due = dict.fromkeys(_ANSWERS, 0)
        self._held: dict[str, tuple[str, ...]] = {}
        # Handles, and what ports were driven to: a simulator takes long to answer.
        self._ports: dict[str, Any] = {}
        self._driven: dict[str, int] = {}
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
        self._due = dict.fromkeys(_ANSWERS, 0)
        self._held.clear()
        for name in _DRIVEN:
            self._set(name, 0)

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
            self._drive(self._sample())

    def _port(self, name: str) -> Any:
        if name not in self._ports:
            self._ports[name] = getattr(self._dut, f"axi__{name}")
        return self._ports[name]

    def _set(self, name: str, value: int) -> None:
        if self._driven.get(name) != value:
            self._driven[name] = value
            self._port(name).value = value

    def _value(self, name: str) -> int:
        return int(self._port(name).value)

    def _bits(self, name: str) -> str:
        """Return a port's bits, the highest first; some may be undefined."""
        return str(self._port(name).value)

    def _look(self) -> dict[str, bool | None]:
        """Return which channels move (None: nothing is offered), and count what each does."""
        moved: dict[str, bool | None] = {}
        for name, counts in self.events.items():
            valid, ready = f"{name}valid", f"{name}ready"
            if name in _ANSWERS:
                offered = bool(self._driven[valid])
                moves = offered and bool(self._value(ready))
            else:
                offered = bool(self._value(valid))
                moves = offered and bool(self._driven[ready])
            moved[name] = moves if offered else None
            counts["moved" if moves else "blocked" if offered else "idle"] += 1
        self.crowd[CROWD[min(len(self._reads), 2)]] += 1
        self.both += bool(moved["r"] and moved["w"])
        return moved

    def _stable(self, moved: dict[str, bool | None], channel: str, *names: str) -> None:
        """Check that what waits does not change."""
        if moved[channel] is None:
            if self._held.pop(channel, None) is not None:
                raise RuleBroken(f"{channel}valid must stay until {channel}ready")
            return
        if moved[channel] and channel not in self._held:
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

    def _sample(self) -> dict[str, bool | None]:
        """Take what moves; return which channels did."""
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
                self._due["r"] -= 1
                self._beat = 0
        if moved["aw"]:
            self._writes.append(self._burst("aw"))
        if moved["w"]:
            self._take()
        if moved["b"]:
            self._answers.popleft()
            self._due["b"] -= 1
        if moved["ar"] or moved["aw"]:
            self._asked_at = self._now
        if self._now - self._asked_at >= self.timing.patience:
            self._due = {"r": len(self._reads), "b": len(self._answers)}
        return moved

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

    def _drive(self, moved: dict[str, bool | None]) -> None:
        flowing = {name: not next(pauses) for name, pauses in self._pauses.items()}
        self._set("arready", flowing["ar"])
        self._set("awready", flowing["aw"])
        # The address of a burst comes first here: its beats could not be placed otherwise.
        self._set("wready", flowing["w"] and bool(self._writes))
        # An answer stays until it is taken.
        if moved["b"] is not False:
            self._acknowledge(flowing["b"])
        if moved["r"] is not False:
            self._answer(flowing["r"])

    def _answer(self, flowing: bool) -> None:
        read = self._reads[0] if self._due["r"] else None
        if read is None or read.at > self._now or not flowing or self._withholds(read):
            self._set("rvalid", 0)
            return
        address = read.address + self._beat * self._bytes
        at = address - self.base
        there = 0 <= at <= len(self.data) - self._bytes
        self._set("rvalid", 1)
        self._set(
            "rdata", int.from_bytes(self.data[at : at + self._bytes], "little") if there else 0
        )
        self._set("rresp", self.wrong.get(address, OKAY) if there else DECERR)
        self._set("rlast", self._beat == read.beats - 1)

    def _withholds(self, read: _Read) -> bool:
        if self.together is None:
            return False
        place, count = self.together
        start = self.base + place
        if sum(each.address >= start for each in self._reads) >= count:
            self.together = None
        return self.together is not None and read.address >= start

    def _acknowledge(self, flowing: bool) -> None:
        ready = self._due["b"] > 0 and self._answers[0][0] <= self._now and flowing
        self._set("bvalid", ready)
        if ready:
            self._set("bresp", self._answers[0][1])

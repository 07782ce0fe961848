"""The two ends of a ready/valid stream, as a testbench plays them.

A beat moves at a clock edge at which ``valid`` and ``ready`` are both high. Each agent looks at
its wires once per edge (``sample``: the values just before it) and then sets them for the next
cycle (``drive``); `Bench` calls all agents in one loop, which costs one wake-up per cycle.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..generators.artifacts import Stream
from .coverage import Coverage
from .packing import field_texts
from .stalls import Stall

__all__ = ["RuleBroken", "StreamMonitor", "StreamSink", "StreamSource", "reader"]


def _always() -> int:
    """``ready`` of a stream that has none."""
    return 1


class RuleBroken(AssertionError):
    """A stream rule does not hold: a beat was changed or withdrawn, or a wire is undefined."""


def reader(signal: Any, name: str) -> Callable[[], int]:
    """A function that returns the value of a cocotb signal as an unsigned integer.

    It makes the call below cocotb's ``signal.value`` and skips the object around the result, which
    costs as much as the call itself. It raises `RuleBroken` if a bit is undefined (X or Z).
    """
    binary: Callable[[], str] = signal._handle.get_signal_val_binstr

    def read() -> int:
        bits = binary()
        try:
            return int(bits, 2)
        except ValueError:
            raise RuleBroken(f"{name} is undefined: {bits.upper()}") from None

    return read


class StreamMonitor:
    """Watches a stream, checks its rules, counts, and tells every beat.

    The rules: once ``valid`` is high it stays high, with an unchanged payload, until the beat
    moves; no wire that counts is undefined.

    Parameters
    ----------
    dut
        The cocotb handle of the top module.
    stream
        The stream, from the manifest.
    coverage
        Where to count what happened on the stream, and every value of its enum fields.

    Attributes
    ----------
    beats
        Number of beats that moved.
    on_beat
        Called with the payload of every beat.
    """

    def __init__(self, dut: Any, stream: Stream, coverage: Coverage) -> None:
        self.stream = stream
        self.beats = 0
        self.on_beat: list[Callable[[int], None]] = []
        self._valid = getattr(dut, stream.valid)
        self._ready = getattr(dut, stream.ready) if stream.ready else None
        self._payload = getattr(dut, stream.payload, None)
        self._read_valid = reader(self._valid, stream.valid)
        self._read_ready = _always if self._ready is None else reader(self._ready, stream.ready)
        self._read_payload = int if self._payload is None else reader(self._payload, stream.payload)
        self._held: int | None = None
        self._coverage = coverage
        blocked = ("blocked",) if stream.ready else ()
        self._events = dict.fromkeys(("moved", "back to back", *blocked, "idle"), 0)
        self._moved_before = False
        self._enums = tuple(field for field in stream.fields if field.enum)
        for field in self._enums:
            coverage.declare(self._point(field.name), (field.enum or {}).values())

    def sample(self) -> None:
        """Look at all three wires."""
        self._observe(self._read_valid(), self._read_ready())

    def start(self) -> None:
        """Set the agent's own wires before the first edge: a monitor has none."""

    def drive(self) -> None:
        """Set the agent's own wires for the next cycle: a monitor has none."""

    def count(self) -> None:
        """Hand the counts of what happened to the coverage."""
        point = f"stream {self.stream.name}"
        self._coverage.declare(point, self._events)
        for name, times in self._events.items():
            self._coverage.hit(point, name, times)
            self._events[name] = 0

    def _point(self, field: str) -> str:
        return f"{self.stream.name}.{field}"

    def _observe(self, valid: int, ready: int) -> None:
        if not valid:
            if self._held is not None:
                raise RuleBroken(f"stream {self.stream.name} withdrew a beat before it was taken")
            self._moved_before = False
            self._events["idle"] += 1
            return
        payload = self._read_payload()
        if self._held is not None and payload != self._held:
            raise RuleBroken(
                f"stream {self.stream.name} changed a beat before it was taken: "
                f"{self._held:#x} became {payload:#x}"
            )
        if ready:
            self._held = None
            self._move(payload)
        else:
            self._held = payload
            self._moved_before = False
            self._events["blocked"] += 1

    def _move(self, payload: int) -> None:
        self.beats += 1
        self._events["moved"] += 1
        self._events["back to back"] += self._moved_before
        self._moved_before = True
        if self._enums:
            for name, text in field_texts(self._enums, payload).items():
                self._coverage.hit(self._point(name), text)
        for tell in self.on_beat:
            tell(payload)


class _Player(StreamMonitor):
    """An end of a stream that stalls at random."""

    def __init__(self, dut: Any, stream: Stream, coverage: Coverage, rng: random.Random) -> None:
        super().__init__(dut, stream, coverage)
        self._rng = rng
        self.stall = Stall()

    @property
    def stall(self) -> Stall:
        """When a source idles, or a sink refuses beats."""
        return self._stall

    @stall.setter
    def stall(self, stall: Stall) -> None:
        self._stall = stall
        self._stalls = stall.cycles(self._rng) if stall.probability else None


class StreamSource(_Player):
    """Sends beats into an input stream of the design, with random idle cycles between them.

    While it is not valid its payload is random, so that a design that looks at it is found out.

    Attributes
    ----------
    queue
        Beats still to send; the first stays there until it has moved.
    stall
        When to idle.
    """

    def __init__(self, dut: Any, stream: Stream, coverage: Coverage, rng: random.Random) -> None:
        super().__init__(dut, stream, coverage, rng)
        self._events["paused"] = 0
        self.queue: deque[int] = deque()
        self._active = False

    def send(self, beats: Iterable[int]) -> None:
        """Queue more beats."""
        self.queue.extend(beats)

    def start(self) -> None:
        """Set the wires before the first edge: not valid."""
        self._active = False
        self._held = None
        self._valid.value = 0
        self._idle_payload()

    def sample(self) -> None:
        """Note whether the beat on the wires moved."""
        ready = self._read_ready()
        if not self._active:
            self._moved_before = False
            self._events["idle"] += ready
        elif ready:
            self._active = False
            self._move(self.queue.popleft())
        else:
            self._moved_before = False
            self._events["blocked"] += 1

    def drive(self) -> None:
        """Offer the next beat, hold the one on the wires, or idle."""
        if self._active:
            return
        was_valid = self._moved_before
        paused = self._stalls is not None and next(self._stalls)
        self._events["paused"] += paused and bool(self.queue)
        if self.queue and not paused:
            self._active = True
            if not was_valid:
                self._valid.value = 1
            if self._payload is not None:
                self._payload.value = self.queue[0]
        elif was_valid:
            self._valid.value = 0
            self._idle_payload()

    def _idle_payload(self) -> None:
        if self._payload is not None:
            self._payload.value = self._rng.getrandbits(self.stream.width)


class StreamSink(_Player):
    """Takes beats from an output stream of the design, with random back-pressure.

    Attributes
    ----------
    stall
        When to refuse beats; a stream without ``ready`` cannot.
    """

    def __init__(self, dut: Any, stream: Stream, coverage: Coverage, rng: random.Random) -> None:
        super().__init__(dut, stream, coverage, rng)
        self._willing = 0

    def start(self) -> None:
        """Set the wires before the first edge: not ready, unless there is no choice."""
        self._held = None
        self._willing = int(self._ready is None)
        if self._ready is not None:
            self._ready.value = 0

    def sample(self) -> None:
        """Take the beat on the wires if it moved, and check the stream's rules."""
        self._observe(self._read_valid(), self._willing)

    def drive(self) -> None:
        """Decide whether to take a beat in the next cycle."""
        if self._ready is None:
            return
        willing = int(not (self._stalls and next(self._stalls)))
        if willing != self._willing:
            self._willing = willing
            self._ready.value = willing

"""What should come out against what does, and the story of the first difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from ..generators.artifacts import Stream
from .packing import field_texts

__all__ = ["Failure", "Operands", "Scoreboard"]

Operands = Callable[[int, str], Mapping[str, object]]
"""Tells what a result was computed from: (beat, counted from the start of the batch that was
expected together; name of the element) -> named operands."""


@dataclass(frozen=True)
class Failure:
    """The first thing that went wrong in a test.

    Attributes
    ----------
    kind
        ``mismatch``, ``surplus`` (a beat that nobody expected), ``protocol`` (a broken stream
        rule) or ``deadlock``.
    what
        One line for people.
    stream, beat, element
        Where: beats count from the start of the test, elements are the payload's fields.
    expected, got
        The element's values; an enum by its name.
    operands
        What the accelerator's testbench says the element was computed from.
    cycle, time
        When: clock cycles from the start of the test, simulator time steps from the start of the
        simulation.
    """

    kind: str
    what: str
    stream: str | None = None
    beat: int | None = None
    element: str | None = None
    expected: str | None = None
    got: str | None = None
    operands: dict[str, str] = field(default_factory=dict)
    cycle: int = 0
    time: int = 0

    def as_json(self) -> dict[str, object]:
        """All attributes."""
        return asdict(self)


class Scoreboard:
    """Expected beats of each output stream, in order.

    Parameters
    ----------
    streams
        The streams to check.

    Attributes
    ----------
    failure
        The first difference, or None.
    """

    def __init__(self, streams: Iterable[Stream]) -> None:
        self._streams = {stream.name: stream for stream in streams}
        self._expected: dict[str, list[int]] = {}
        self._batches: dict[str, list[tuple[int, Operands | None]]] = {}
        self._seen: dict[str, int] = {}
        self.failure: Failure | None = None

    def expect(self, stream: str, beats: Sequence[int], operands: Operands | None = None) -> None:
        """Expect more beats of a stream.

        Parameters
        ----------
        stream
            Its name.
        beats
            The payloads, as integers.
        operands
            Explains the elements of these beats.
        """
        waiting = self._expected.setdefault(self._streams[stream].name, [])
        self._batches.setdefault(stream, []).append((len(waiting), operands))
        waiting.extend(beats)

    def remaining(self) -> int:
        """Expected beats that have not come yet, over all streams."""
        return sum(len(beats) - self._seen.get(s, 0) for s, beats in self._expected.items())

    def progress(self, stream: str) -> str:
        """``seen of expected`` beats of one stream."""
        return f"{self._seen.get(stream, 0)} of {len(self._expected.get(stream, []))} beats"

    def check(self, stream: str, got: int, *, cycle: int = 0, time: int = 0) -> None:
        """Compare one beat; keep the first difference. Streams never expected are not checked."""
        expected = self._expected.get(stream)
        if expected is None:
            return
        beat = self._seen.get(stream, 0)
        self._seen[stream] = beat + 1
        if self.failure is not None or (beat < len(expected) and expected[beat] == got):
            return
        if beat >= len(expected):
            self.failure = Failure(
                kind="surplus",
                what=f"stream {stream} sent beat {beat}, but only {len(expected)} were expected",
                stream=stream, beat=beat, got=hex(got), cycle=cycle, time=time,
            )  # fmt: skip
        else:
            self.failure = self._mismatch(stream, beat, expected[beat], got, cycle, time)

    def _mismatch(
        self, stream: str, beat: int, expected: int, got: int, cycle: int, time: int
    ) -> Failure:
        fields = self._streams[stream].fields
        right, wrong = field_texts(fields, expected), field_texts(fields, got)
        differing = [name for name in right if right[name] != wrong[name]]
        element = differing[0] if differing else "payload"
        start, operands = next(
            batch for batch in reversed(self._batches[stream]) if batch[0] <= beat
        )
        told = operands(beat - start, element) if operands else {}
        return Failure(
            kind="mismatch",
            what=f"stream {stream}, beat {beat}, element {element} "
            f"({len(differing) or 1} of {len(fields) or 1} elements differ)",
            stream=stream,
            beat=beat,
            element=element,
            expected=right.get(element, hex(expected)),
            got=wrong.get(element, hex(got)),
            operands={name: str(value) for name, value in told.items()},
            cycle=cycle,
            time=time,
        )

"""Activity of nets: how often each changes, and for how long it is 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import InputError
from .vcd import read_head

__all__ = ["Activity", "activity_file", "cycles_of", "read_activity"]


@dataclass(frozen=True)
class Activity:
    """What nets did in a stretch of time.

    Attributes
    ----------
    toggles
        Changes between 0 and 1 of each net.
    high
        How long it was 1, and in ``unknown`` how long it had no value, in units of time.
    duration
        The whole time, in units of ``unit_fs`` femtoseconds.
    cycles
        Rising edges of the clock.
    """

    toggles: Mapping[int, int]
    high: Mapping[int, int]
    duration: int
    cycles: int
    unknown: Mapping[int, int] = field(default_factory=dict)
    unit_fs: float = 1e3

    def rate(self, net: int) -> float:
        """Return changes per clock cycle."""
        return self.toggles.get(net, 0) / self.cycles

    def duty(self, net: int) -> float:
        """Return the share of time that it is 1."""
        return self.high.get(net, 0) / self.duration


def activity_file(path: Path, labels: Mapping[int, str], clock: str) -> Activity:
    """Read a file of activity: SAIF if its name ends in ``.saif``, otherwise a dump (VCD).

    Raises
    ------
    InputError
        If it cannot be read, or has none of the nets.
    """
    from .saif import read_saif

    try:
        with path.open() as file:
            if path.suffix.lower() == ".saif":
                return read_saif(file.read(), labels, clock)
            return read_activity(file, labels, clock)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} must be a VCD or SAIF file that can be read: {error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def read_activity(lines: Iterable[str], labels: Mapping[int, str], clock: str) -> Activity:
    """Count the changes of nets, by their labels, in the lines of a dump.

    Raises
    ------
    InputError
        If the dump has no such nets, or the clock does not run.
    """
    source = iter(lines)
    head = read_head(source)
    variables = head.scope_of(labels.values())
    counters: dict[str, list[_Count]] = {}
    counts: dict[str, _Count] = {}
    for variable in variables.values():
        # One code may stand for several names of the same net.
        own = counters.setdefault(variable.code, [_Count() for _ in variable.bits])
        counts |= dict(zip(variable.bits, own, strict=True))
    now, first = 0, -1
    for line in source:
        mark = line[0]
        if mark == "#":
            now = int(line[1:])
            first = now if first < 0 else first
        elif mark in "01xXzZ":
            found = counters.get(line[1:].strip())
            if found is not None:
                found[0].change(mark, now)
        elif mark in "bB":
            value, code = line[1:].split()
            found = counters.get(code)
            if found is not None:
                # Left out bits repeat the first one, if that is not 1.
                value = value.rjust(len(found), "0" if value[0] == "1" else value[0])
                for count, bit in zip(found, value, strict=True):
                    count.change(bit, now)
    ticks = counts[clock].toggles if clock in counts else 0
    if not ticks:
        raise InputError(f"the clock {clock} must run in the dump, and does not")
    for own in counters.values():
        for count in own:
            count.change("", now)
    nets = {net: counts[label] for net, label in labels.items() if label in counts}
    return Activity(
        toggles={net: count.toggles for net, count in nets.items()},
        high={net: count.high for net, count in nets.items()},
        duration=max(1, now - max(first, 0)),
        cycles=cycles_of(ticks),
        unknown={net: count.unknown for net, count in nets.items() if count.unknown},
        unit_fs=head.unit_fs,
    )


def cycles_of(ticks: int) -> int:
    """Return the cycles of a clock that has changed so often, the last of which may be a half."""
    return (ticks + 1) // 2


class _Count:
    """Changes of one bit."""

    __slots__ = ("high", "since", "toggles", "unknown", "value")

    def __init__(self) -> None:
        self.value, self.since = "", 0
        self.toggles = self.high = self.unknown = 0

    def change(self, value: str, now: int) -> None:
        before = self.value
        if value == before:
            return
        if before == "1":
            self.high += now - self.since
            self.toggles += value == "0"
        elif before == "0":
            self.toggles += value == "1"
        elif before:
            self.unknown += now - self.since
        self.value, self.since = value, now

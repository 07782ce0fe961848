"""Activity of nets: how often each changes, and for how long it is 1, from a value change dump."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import InputError

__all__ = ["Activity", "read_activity"]

_NET = re.compile(r"net_(\d+)")


@dataclass(frozen=True)
class Activity:
    """Changes of each net, the share of time that it is 1, and clock cycles in all."""

    toggles: dict[int, int]
    duty: dict[int, float]
    cycles: int

    def rate(self, net: int) -> float:
        """Return changes per clock cycle."""
        return self.toggles.get(net, 0) / max(1, self.cycles)


def read_activity(lines: Iterable[str], clock: str) -> Activity:
    """Read the nets of a `gate_level` simulation from the lines of a dump.

    Raises
    ------
    InputError
        If the dump has no such nets, or the clock does not run.
    """
    source = iter(lines)
    nets: dict[str, list[int]] = {}
    clocks: list[str] = []
    for line in source:
        words = line.split()
        if words[:1] == ["$enddefinitions"]:
            break
        if words[:1] == ["$var"]:
            name = words[4]
            match = _NET.fullmatch(name)
            # The same net may be dumped under several scopes with one identifier.
            if match and int(match[1]) not in nets.get(words[3], []):
                nets.setdefault(words[3], []).append(int(match[1]))
            if name == clock:
                clocks.append(words[3])
    toggles = dict.fromkeys(nets, 0)
    high = dict.fromkeys(nets, 0)
    value: dict[str, str] = {}
    since: dict[str, int] = {}
    now, first, edges = 0, None, 0
    for line in source:
        head = line[0]
        if head == "#":
            now = int(line[1:])
            first = now if first is None else first
        elif head in "01xXzZ":
            identifier = line[1:].strip()
            before = value.get(identifier)
            if head == before:
                continue
            if clocks and identifier == clocks[0] and head == "1":
                edges += 1
            if identifier in toggles and before is not None:
                toggles[identifier] += 1
                if before == "1":
                    high[identifier] += now - since[identifier]
            value[identifier], since[identifier] = head, now
    if not nets or not edges:
        raise InputError("the dump must hold nets and a clock that runs, and has none")
    span = max(1, now - (first or 0))
    for identifier in nets:
        if value.get(identifier) == "1":
            high[identifier] += now - since[identifier]
    return Activity(
        {net: toggles[key] for key, found in nets.items() for net in found},
        {net: high[key] / span for key, found in nets.items() for net in found},
        edges,
    )

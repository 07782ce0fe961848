"""Activity as SAIF, the switching activity interchange format (IEEE 1801-2018, annex I).

Of each net the time at 0, at 1 and without value (T0, T1, TX) and the number of changes (TC).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ... import __version__
from ...errors import InputError
from .activity import Activity, cycles_of
from .vcd import UNITS_FS

__all__ = ["read_saif", "saif"]

_TOKEN = re.compile(r'[()]|"[^"]*"|[^\s()"]+')


def saif(activity: Activity, labels: Mapping[int, str], top: str) -> str:
    """Return the SAIF text of a flat design's nets, as the instance ``top``."""
    size, unit = next(
        (int(activity.unit_fs / scale), name) for name, scale in UNITS_FS.items()
        if activity.unit_fs >= scale
    )  # fmt: skip
    lines = [
        "(SAIFILE", '  (SAIFVERSION "2.0")', '  (DIRECTION "backward")', f'  (DESIGN "{top}")',
        f'  (PROGRAM_NAME "gatewright")\n  (VERSION "{__version__}")', "  (DIVIDER / )",
        f"  (TIMESCALE {size} {unit})", f"  (DURATION {activity.duration})", f"  (INSTANCE {top}",
        "    (NET",
    ]  # fmt: skip
    for net, label in labels.items():
        if net in activity.toggles:
            high, unknown = activity.high[net], activity.unknown.get(net, 0)
            name = label.replace("[", "\\[").replace("]", "\\]")
            lines.append(
                f"      ({name} (T0 {activity.duration - high - unknown}) (T1 {high}) "
                f"(TX {unknown}) (TC {activity.toggles[net]}) (IG 0))"
            )
    return "\n".join([*lines, "    )", "  )", ")", ""])


def read_saif(text: str, labels: Mapping[int, str], clock: str) -> Activity:
    """Read the activity of nets by their labels, of the instance that has most of them.

    Raises
    ------
    InputError
        If it is no SAIF, has no such nets, or the clock does not run.
    """
    try:
        (root,) = _parse(iter(_TOKEN.findall(re.sub(r"//[^\n]*|/\*.*?\*/", "", text,
                                                    flags=re.DOTALL))))  # fmt: skip
        if root[0] != "SAIFILE":
            raise ValueError
        duration = int(float(_entry(root, "DURATION")[1]))
        scale = "".join(_entry(root, "TIMESCALE")[1:])
        found = re.fullmatch(r"(\d+)([munpf]?s)", scale)
        if found is None or duration <= 0:
            raise ValueError
        best: dict[str, list[Any]] = {}
        wanted = set(labels.values())
        for nets in _instances(root):
            if len(wanted & nets.keys()) > len(wanted & best.keys()):
                best = nets
        times = {
            net: {name: int(float(_entry(best[label], name)[1])) for name in ("T1", "TX", "TC")}
            for net, label in labels.items() if label in best
        }  # fmt: skip
    except (ValueError, IndexError, LookupError, RecursionError) as error:
        raise InputError("must be SAIF (SAIFILE with DURATION, TIMESCALE, INSTANCE, NET)"
                         ) from error  # fmt: skip
    if not best:
        raise InputError("SAIF must have an instance with the design's nets, and has none")
    ticks = next((times[net]["TC"] for net, label in labels.items()
                  if label == clock and net in times), 0)  # fmt: skip
    if ticks < 2:
        raise InputError(f"the clock {clock} must run in the SAIF, and does not")
    return Activity(
        toggles={net: each["TC"] for net, each in times.items()},
        high={net: each["T1"] for net, each in times.items()},
        duration=duration,
        cycles=cycles_of(ticks),
        unknown={net: each["TX"] for net, each in times.items() if each["TX"]},
        unit_fs=int(found[1]) * UNITS_FS[found[2]],
    )


def _parse(tokens: Iterator[str]) -> list[Any]:
    found: list[Any] = []
    for token in tokens:
        if token == "(":
            found.append(_parse(tokens))
        elif token == ")":
            break
        else:
            found.append(token)
    return found


def _entry(group: list[Any], name: str) -> list[Any]:
    for each in group:
        if isinstance(each, list) and each[:1] == [name]:
            return each
    raise LookupError(name)


def _instances(group: list[Any]) -> Iterator[dict[str, list[Any]]]:
    """The nets of each instance (ports count as nets), at any depth."""
    for each in group:
        if isinstance(each, list) and each[:1] == ["INSTANCE"]:
            nets: dict[str, list[Any]] = {}
            for part in each:
                if isinstance(part, list) and part[:1] in (["NET"], ["PORT"]):
                    nets |= {net[0].replace("\\", ""): net for net in part[1:]}
            yield nets
            yield from _instances(each)

"""The head of a value change dump (IEEE 1800-2017, 21.7): scopes, variables, unit of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ...errors import InputError

__all__ = ["UNITS_FS", "Head", "Variable", "read_head"]

UNITS_FS = {"s": 1e15, "ms": 1e12, "us": 1e9, "ns": 1e6, "ps": 1e3, "fs": 1.0}
_RANGE = re.compile(r"\[(-?\d+)(?::(-?\d+))?\]")


@dataclass(frozen=True)
class Variable:
    """A variable: its code in the dump, and the names of its bits, the leftmost first."""

    code: str
    bits: tuple[str, ...]


@dataclass(frozen=True)
class Head:
    """Variables by scope and name, and the unit of time in fs."""

    scopes: Mapping[tuple[str, ...], Mapping[str, Variable]]
    unit_fs: float

    def scope_of(self, names: Iterable[str]) -> Mapping[str, Variable]:
        """Return the variables of the scope that has most bits of these names, the outermost one.

        Raises
        ------
        InputError
            If no scope has any.
        """
        wanted = set(names)
        best: tuple[int, Mapping[str, Variable]] = 0, {}
        for variables in self.scopes.values():
            found = sum(not wanted.isdisjoint(each.bits) for each in variables.values())
            if found > best[0]:
                best = found, variables
        if not best[0]:
            some = ", ".join(sorted(wanted)[:3])
            raise InputError(f"the dump must have a scope with the design's signals ({some}, ...)")
        return best[1]


def read_head(lines: Iterator[str]) -> Head:
    """Read up to the end of the definitions; what is left of ``lines`` are the changes.

    Raises
    ------
    InputError
        If the definitions do not end.
    """
    scopes: dict[tuple[str, ...], dict[str, Variable]] = {}
    place: list[str] = []
    unit = 1e3
    words: list[str] = []
    for line in lines:
        words += line.split()
        if not words or (words[0].startswith("$") and words[-1] != "$end"):
            continue
        kind, told, words = words[0], words[1:-1], []
        if kind == "$enddefinitions":
            return Head(scopes, unit)
        if kind == "$scope":
            place.append(told[1])
        elif kind == "$upscope":
            place.pop()
        elif kind == "$timescale":
            text = "".join(told)
            match = re.fullmatch(r"(\d+)([munpf]?s)", text)
            if match is None:
                raise InputError(f"timescale of the dump must be such as 1ps, not {text!r}")
            unit = int(match[1]) * UNITS_FS[match[2]]
        elif kind == "$var" and told[0] != "string":
            variable = _variable(told)
            scopes.setdefault(tuple(place), {})[variable[0]] = variable[1]
    raise InputError("the dump must end its definitions ($enddefinitions)")


def _variable(told: list[str]) -> tuple[str, Variable]:
    width, code = int(told[1]), told[2]
    text = "".join(told[3:])
    match = _RANGE.search(text)
    name = text[: match.start()] if match else text
    name = name.removeprefix("\\")
    if match is None:
        bits = [name] if width == 1 else [f"{name}[{at}]" for at in range(width - 1, -1, -1)]
    else:
        left, right = int(match[1]), int(match[2] or match[1])
        step = -1 if left >= right else 1
        bits = [f"{name}[{at}]" for at in range(left, right + step, step)]
    return text if match and width == 1 else name, Variable(code, tuple(bits))

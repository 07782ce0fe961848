"""Line and toggle coverage from Verilator's counts, by module, with what was never exercised.

A line is covered once it ran, each branch of it for itself; a bit once it rose and once it fell.
Instances of a module count together: what one of them did, the source of the module did.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError

__all__ = ["Point", "read_counts", "structure"]

_LINE = re.compile(r"^C '(?P<keys>.*)' (?P<count>\d+)$")
_EDGE = re.compile(r"^(?P<signal>.*?)(?:\[(?P<bit>\d+)\])?:(?P<edge>0->1|1->0)$")
_BRANCHES = {
    "cond_then": "?: with 1", "cond_else": "?: with 0", "if": "if taken", "else": "if not taken",
    "elsif": "else if taken", "case": "case item", "block": "block",
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One thing that Verilator counts.

    Attributes
    ----------
    kind
        ``line`` (branches are lines too) or ``toggle``.
    module
        Name in the Verilog.
    file, line, column
        Where it is.
    what
        ``else`` and the like, or ``signal[bit]:0->1``.
    """

    kind: str
    module: str
    file: str
    line: int
    column: int
    what: str


def read_counts(path: Path) -> dict[Point, int]:
    """Return the counts of a file of Verilator's, those of all instances together.

    Raises
    ------
    InputError
        If the file is none.
    """
    lines = path.read_text(errors="replace").splitlines()
    if not lines or not lines[0].startswith("# SystemC::Coverage"):
        raise InputError(f"{path} must hold the counts of Verilator")
    counts: dict[Point, int] = defaultdict(int)
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        keys = dict(part.split("\x02", 1) for part in found["keys"].split("\x01") if part)
        kind, _, module = keys["page"].partition("/")
        point = Point(
            "toggle" if kind == "v_toggle" else "line", module, Path(keys["f"]).name,
            int(keys["l"]), int(keys["n"]), keys["o"],
        )  # fmt: skip
        counts[point] += int(found["count"])
    return dict(counts)


def structure(counts: Mapping[Point, int], top: str) -> dict[str, Any]:
    """Summarise counts.

    Parameters
    ----------
    counts
        By point.
    top
        Name of the top module, which comes first.

    Returns
    -------
    dict
        ``modules``: of each, ``line`` and ``toggle`` as covered and all; the same in all; and
        ``uncovered``: module, where (``FILE:LINE``), kind and what.
    """
    tally: dict[str, dict[str, list[int]]] = {}
    uncovered: list[dict[str, str]] = []
    for kind, covered in (("line", _lines(counts)), ("toggle", _bits(counts))):
        missing: dict[tuple[str, str, str], list[int | None]] = defaultdict(list)
        for module, where, what, bit, hit in covered:
            sums = tally.setdefault(module, {"line": [0, 0], "toggle": [0, 0]})[kind]
            sums[0] += hit
            sums[1] += 1
            if not hit:
                missing[module, where, what].append(bit)
        uncovered += [
            {"module": module, "where": where, "kind": kind, "what": what + _ranges(bits)}
            for (module, where, what), bits in missing.items()
        ]
    modules = dict(sorted(tally.items(), key=lambda item: (item[0] != top, item[0])))
    return {
        "modules": modules,
        **{
            kind: [sum(each[kind][at] for each in modules.values()) for at in (0, 1)]
            for kind in ("line", "toggle")
        },
        "uncovered": sorted(uncovered, key=_place),
    }


_Covered = tuple[str, str, str, int | None, bool]


def _lines(counts: Mapping[Point, int]) -> Iterator[_Covered]:
    for point, count in counts.items():
        if point.kind == "line":
            where = f"{point.file}:{point.line}"
            yield point.module, where, _BRANCHES.get(point.what, point.what), None, count > 0


def _bits(counts: Mapping[Point, int]) -> Iterator[_Covered]:
    """Each bit, covered if it went both ways."""
    edges: dict[tuple[str, str, str, int | None], dict[str, int]] = defaultdict(dict)
    for point, count in counts.items():
        found = _EDGE.match(point.what) if point.kind == "toggle" else None
        if found is not None:
            bit = int(found["bit"]) if found["bit"] is not None else None
            key = (point.module, f"{point.file}:{point.line}", found["signal"], bit)
            edges[key][found["edge"]] = count
    for key, both in edges.items():
        yield *key, len(both) == 2 and all(both.values())


def _ranges(bits: Iterable[int | None]) -> str:
    """Bits as ``[7:4,0]``, or nothing for what has none."""
    left = sorted({bit for bit in bits if bit is not None}, reverse=True)
    parts: list[list[int]] = []
    for bit in left:
        if parts and parts[-1][-1] == bit + 1:
            parts[-1][1:] = [bit]
        else:
            parts.append([bit])
    return f"[{','.join(':'.join(map(str, part)) for part in parts)}]" if parts else ""


def _place(each: Mapping[str, str]) -> tuple[str, str, int]:
    file, _, line = each["where"].rpartition(":")
    return each["module"], file, int(line)

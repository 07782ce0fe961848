"""Energies that a cell takes inside: the ``internal_power`` groups of a Liberty file.

Energies are in femtojoules (capacitance in fF times volts squared), each of one change of a pin:
Liberty has a table for a rise and one for a fall, and as many changes are one as the other. The
built-in technology's file has none: its cells have those of `relative`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..synthesis.liberty import Cell, Library, Table

__all__ = ["Internal", "Internals", "group_spans", "groups", "supply", "with_defaults_told"]

_OPEN = re.compile(r"\b(\w+)\s*\(([^)]*)\)\s*\{")
_BRACE = re.compile(r"[{}]")
_RELATED = re.compile(r'\brelated_pin\s*:\s*"([^"]*)"')
_WHEN = re.compile(r'\bwhen\s*:\s*"([^"]*)"')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Internal:
    """Energy of a change at a pin.

    Attributes
    ----------
    related
        The input that causes it; None for an input's own.
    when
        The condition, as a Liberty function.
    fall, rise
        Tables over input slew (ns) and load (fF), in fJ.
    """

    related: str | None
    when: str | None
    fall: Table | None
    rise: Table | None

    def energy(self, slew: tuple[float, float], load: tuple[float, float]) -> float:
        """Return the energy of a change in fJ, the mean of both edges; one without table has 0."""
        found = [
            table(slew[edge], load[edge])
            for edge, table in enumerate((self.fall, self.rise)) if table is not None
        ]  # fmt: skip
        return sum(found) / 2


def supply(library: Library) -> float:
    """Return the supply in volts."""
    found = re.search(r"\bnom_voltage\s*:\s*([\d.]+)", library.header_text)
    return float(found[1]) if found else 1.0


class Internals:
    """Internal energies of a library's cells, each read once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        unit = re.search(r'voltage_unit\s*:\s*"?\s*([\d.]+)\s*(m?)V', library.header_text)
        volt = float(unit[1]) * (1e-3 if unit[2] else 1.0) if unit else 1.0
        self.unit_fj = volt * volt * library.cap_unit_ff
        self._templates = dict(_templates(library.header_text))
        self._found: dict[str, dict[str, list[Internal]]] = {}
        self._own = bool(re.search(r"\blibrary\s*\(\s*gatewright_ge\b", library.header_text))
        self.known = self._own or any(
            "internal_power" in cell.text for cell in library.cells.values()
        )
        """Whether the library tells of any; what it does not tell counts as 0."""

    def of(self, name: str) -> dict[str, list[Internal]]:
        """Return the energies of a cell by pin."""
        if name not in self._found:
            self._found[name] = self._read_cell(self._library.cells[name])
        return self._found[name]

    def _read_cell(self, cell: Cell) -> dict[str, list[Internal]]:
        if self._own:
            from .relative import relative_energies

            return relative_energies(cell)
        found: dict[str, list[Internal]] = {}
        for pin, body in groups(with_defaults_told(cell.text), "pin"):
            for name in pin.replace('"', "").replace(" ", "").split(","):
                for _, inner in groups(body, "internal_power"):
                    found.setdefault(name, []).extend(self._read(inner))
        return found

    def _read(self, body: str) -> Iterator[Internal]:
        related, when = _RELATED.search(body), _WHEN.search(body)
        tables = {
            kind: self._table(arguments, inner)
            for kind in ("fall_power", "rise_power", "power")
            for arguments, inner in groups(body, kind)
        }
        both = tables.get("power")  # one table for both edges
        for source in related[1].split() if related else (None,):
            yield Internal(
                source, when[1] if when else None, tables.get("fall_power", both),
                tables.get("rise_power", both),
            )

    def _table(self, template: str, body: str) -> Table | None:
        first, *axes = self._templates.get(template.strip().strip('"').strip(), ("", "", ""))
        own = [re.search(rf"\bindex_{n}\s*\(([^)]*)\)", body) for n in (1, 2)]
        read = [found[1] if found else axis for found, axis in zip(own, axes, strict=True)]
        x, y = (tuple(map(float, _NUMBER.findall(text))) or (0.0,) for text in read)
        found = re.search(r"\bvalues\s*\(([^)]*)\)", body)
        values = [float(v) * self.unit_fj for v in _NUMBER.findall(found[1])] if found else []
        if len(values) != len(x) * len(y):
            return None
        rows = [tuple(values[i * len(y) : (i + 1) * len(y)]) for i in range(len(x))]
        if first == "total_output_net_capacitance":
            x, y, rows = y, x, list(zip(*rows, strict=True))
        time, cap = self._library.time_unit_ns, self._library.cap_unit_ff
        return Table(tuple(v * time for v in x), tuple(v * cap for v in y), tuple(rows))


def with_defaults_told(text: str) -> str:
    """Return a cell's text with a condition in every energy that is for the other states.

    Beside energies of a pin, or of a pin and its cause, that hang on conditions, Liberty's one
    without a condition is that of the states which the others leave out.
    """
    pieces, position = [], 0
    for _, start, end in group_spans(text, "pin"):
        spans = [span[1:] for span in group_spans(text, "internal_power", start, end)]
        causes = [_told(_RELATED, text[slice(*span)]) for span in spans]
        conditions = [_told(_WHEN, text[slice(*span)]) for span in spans]
        for (inner, _), cause, own in zip(spans, causes, conditions, strict=True):
            others = [
                f"({when})" for related, when in zip(causes, conditions, strict=True)
                if when is not None and related == cause
            ]  # fmt: skip
            if own is None and others:
                pieces += [text[position:inner], f' when : "!({" | ".join(others)})";']
                position = inner
    return "".join([*pieces, text[position:]])


def _told(what: re.Pattern[str], body: str) -> str | None:
    found = what.search(body)
    return None if found is None else found[1]


def groups(text: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield arguments and body of the groups of a name, at whatever depth they begin."""
    for arguments, start, end in group_spans(text, name):
        yield arguments, text[start:end]


def group_spans(
    text: str, name: str, start: int = 0, stop: int | None = None
) -> Iterator[tuple[str, int, int]]:
    """Yield arguments of the groups of a name, and where their bodies begin and end."""
    position, until = start, len(text) if stop is None else stop
    while (found := _OPEN.search(text, position, until)) is not None:
        position = found.end()
        if found[1] != name:
            continue
        depth, end = 1, position
        while depth:
            following = _BRACE.search(text, end)
            if following is None:
                return
            depth += 1 if following[0] == "{" else -1
            end = following.end()
        yield found[2], position, end - 1
        position = end


def _templates(header: str) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for kind in ("power_lut_template", "lu_table_template"):
        for name, body in groups(header, kind):
            first = re.search(r"variable_1\s*:\s*(\w+)", body)
            x, y = (re.search(rf"index_{n}\s*\(([^)]*)\)", body) for n in (1, 2))
            yield name.strip().strip('"').strip(), (
                first[1] if first else "", x[1] if x else "", y[1] if y else ""
            )  # fmt: skip

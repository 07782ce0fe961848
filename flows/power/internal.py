"""Energies that a cell takes inside: the ``internal_power`` groups of a Liberty file.

Energies are in femtojoules (capacitance in fF times volts squared). For the built-in technology,
whose file has no energies, they follow from its areas: see :func:`from_area`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..synthesis.liberty import Cell, Library, Table

__all__ = ["Internal", "Internals", "supply"]

_OPEN = re.compile(r"\b(\w+)\s*\(([^)]*)\)\s*\{")
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
        """Return the energy of a change in fJ, the mean of both edges."""
        found = [
            table(slew[edge], load[edge])
            for edge, table in enumerate((self.fall, self.rise)) if table is not None
        ]  # fmt: skip
        return sum(found) / len(found) if found else 0.0


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
        self._scale = volt * volt * library.cap_unit_ff
        self._templates = dict(_templates(library.header_text))
        self._found: dict[str, dict[str, list[Internal]]] = {}
        self.known = any("internal_power" in cell.text for cell in library.cells.values())

    def of(self, name: str) -> dict[str, list[Internal]]:
        """Return the energies of a cell by pin."""
        if name not in self._found:
            self._found[name] = self._read_cell(self._library.cells[name])
        return self._found[name]

    def _read_cell(self, cell: Cell) -> dict[str, list[Internal]]:
        if not self.known:
            return from_area(cell)
        found: dict[str, list[Internal]] = {}
        for pin, body in _groups(cell.text, "pin"):
            for name in pin.replace('"', "").replace(" ", "").split(","):
                for _, inner in _groups(body, "internal_power"):
                    found.setdefault(name, []).extend(self._read(inner))
        return found

    def _read(self, body: str) -> Iterator[Internal]:
        related = re.search(r'\brelated_pin\s*:\s*"([^"]*)"', body)
        when = re.search(r'\bwhen\s*:\s*"([^"]*)"', body)
        tables = {
            kind: self._table(arguments, inner)
            for kind in ("fall_power", "rise_power", "power")
            for arguments, inner in _groups(body, kind)
        }
        both = tables.get("power")
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
        values = [float(v) * self._scale for v in _NUMBER.findall(found[1])] if found else []
        if len(values) != len(x) * len(y):
            return None
        rows = [tuple(values[i * len(y) : (i + 1) * len(y)]) for i in range(len(x))]
        if first == "total_output_net_capacitance":
            x, y, rows = y, x, list(zip(*rows, strict=True))
        time, cap = self._library.time_unit_ns, self._library.cap_unit_ff
        return Table(tuple(v * time for v in x), tuple(v * cap for v in y), tuple(rows))


def from_area(cell: Cell) -> dict[str, list[Internal]]:
    """Energies of a cell of the built-in technology, from its columns of transistors.

    Area counts columns: k = 3 area - 1 (a flip-flop: 3 area - 3). A column is a pair of transistors
    of an X1 inverter's size, with one unit of gate capacitance and one of diffusion (an inverter's
    parasitic delay is 1). The gates that are not inputs of the cell are inside. A change at the
    output changes all of it once: half of it times the supply squared. In a flip-flop seven
    units (both clock inverters, and the gates of four clocked inverters and of the second clock
    inverter) change with the clock, the others with the data.
    """
    flop = cell.kind == "flop"
    columns = 3 * cell.area - (3 if flop else 1)
    inputs = sum(max(pin.capacitance) for pin in cell.inputs)
    inside = columns + max(0.0, columns - inputs)
    clock = 7.0 if flop else 0.0

    def constant(related: str | None, energy: float) -> Internal:
        table = Table((0.0,), (0.0,), ((energy,),))
        return Internal(related, None, table, table)

    found = {
        pin.name: [constant(None if flop else source.name, (inside - clock) / 2)
                   for source in (cell.inputs[:1] if flop else cell.inputs)]
        for pin in cell.outputs[:1]
    }  # fmt: skip
    if flop:
        found |= {pin.name: [constant(None, clock / 2)] for pin in cell.inputs if pin.clock}
    return found


def _groups(text: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield arguments and body of the groups of a name, at whatever depth they begin."""
    position = 0
    while (found := _OPEN.search(text, position)) is not None:
        position = found.end()
        if found[1] != name:
            continue
        depth, end = 1, position
        while depth:
            following = re.compile(r"[{}]").search(text, end)
            if following is None:
                return
            depth += 1 if following[0] == "{" else -1
            end = following.end()
        yield found[2], text[position : end - 1]
        position = end


def _templates(header: str) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for kind in ("power_lut_template", "lu_table_template"):
        for name, body in _groups(header, kind):
            first = re.search(r"variable_1\s*:\s*(\w+)", body)
            x, y = (re.search(rf"index_{n}\s*\(([^)]*)\)", body) for n in (1, 2))
            yield name.strip().strip('"').strip(), (
                first[1] if first else "", x[1] if x else "", y[1] if y else ""
            )  # fmt: skip

"""The library that OpenSTA gets for cells by themselves: see `reference`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ..synthesis.adders import truth_table
from ..synthesis.liberty import Cell, Library
from .internal import group_spans, with_defaults_told
from .likelihood import STATE, in_inputs, state_names

__all__ = ["CALIBRATION", "reference_library", "variant", "without_wire_loads"]

CALIBRATION = "gatewright_calibration"
"""A cell whose input takes an energy of 1 at each change."""

_ONE = '(scalar) { values("1"); }'
_ZERO = '(scalar) { values("0"); }'
_CALIBRATION = f"""
  cell({CALIBRATION}) {{
    area : 1;
    pin(A) {{ direction : input; capacitance : 0;
      internal_power() {{ when : "1"; rise_power{_ONE} fall_power{_ONE} }} }}
  }}
"""
_WHEN = re.compile(r'(\bwhen\s*:\s*)"([^"]*)"')
_WORD = re.compile(r"[A-Za-z_]\w*")


def without_wire_loads(text: str) -> str:
    """Return a library's text without the wire load that it has where nobody asks for one."""
    return re.sub(r"default_wire_load\w*\s*:[^;\n]*;?", "", text)


def variant(kind: str, pin: str = "", ones: bool = False) -> str:
    """Return the name of a cell with the energies of its inputs alone, or of one output alone.

    ``ones`` are in place of the output's energies.
    """
    return f"{kind}__{pin}__one" if ones else f"{kind}__{pin}" if pin else f"{kind}__inputs"


def reference_library(library: Library, kinds: Iterable[str]) -> str:
    """Return a library of all variants of some cells, and a calibration cell.

    Conditions of inputs hang on nothing that OpenSTA takes for independent, and none is missing.
    """
    cells = []
    for kind in sorted(kinds):
        cell = library.cells[kind]
        head = re.compile(r"(\bcell\s*\(\s*\"?)" + re.escape(kind) + r"(?![\w.])")
        inputs = frozenset(pin.name for pin in cell.inputs)
        outputs = [pin.name for pin in cell.outputs]

        def named(text: str, name: str, head: re.Pattern[str] = head) -> str:
            return head.sub(rf"\g<1>{name}", text, count=1)

        def conditioned(body: str, cell: Cell = cell) -> str:
            return _condition(body, cell)

        text = with_defaults_told(cell.text)
        silent = _edited(text, frozenset(outputs), _zeros)
        cells.append(named(_edited(silent, inputs, conditioned), variant(kind)))
        for pin in outputs:
            alone = _edited(text, (inputs | {*outputs}) - {pin}, _zeros)
            ones = _edited(alone, frozenset({pin}), _ones)
            cells.append(named(alone, variant(kind, pin)))
            cells.append(named(ones, variant(kind, pin, ones=True)))
    head_text = without_wire_loads(library.header_text)
    return "\n".join([head_text, *cells, _CALIBRATION, "}", ""])


def _edited(text: str, pins: frozenset[str], change: Callable[[str], str]) -> str:
    """The text of a cell after a change to each group of energies of some pins."""
    pieces, position = [], 0
    for names, start, end in group_spans(text, "pin"):
        if names.replace('"', "").split(",")[0].strip() in pins:
            for _, inner, until in group_spans(text, "internal_power", start, end):
                pieces += [text[position:inner], change(text[inner:until])]
                position = until
    return "".join([*pieces, text[position:]])


def _constant(body: str, value: str) -> str:
    kept = [found[0] for name in ("related_pin", "when", "related_pg_pin")
            if (found := re.search(rf'\b{name}\s*:\s*"?[^";]*"?\s*;', body))]  # fmt: skip
    return f" {' '.join(kept)} rise_power{value} fall_power{value} "


def _ones(body: str) -> str:
    return _constant(body, _ONE)


def _zeros(body: str) -> str:
    return _constant(body, _ZERO)


def _condition(body: str, cell: Cell) -> str:
    found = _WHEN.search(body)
    if found is None:
        return ' when : "1";' + body
    cube = _cube(in_inputs(found[2], cell), cell)
    return body if cube is None else _WHEN.sub(rf'\g<1>"{cube}"', body, count=1)


def _cube(condition: str, cell: Cell) -> str | None:
    """A condition as a product of different pins, if it is one; the state as an output's."""
    names = tuple(dict.fromkeys(_WORD.findall(condition)))
    table = truth_table(condition, names)
    rows = [row for row in range(1 << len(names)) if table >> row & 1]
    if not rows:
        return "0"
    same = [at for at in range(len(names)) if len({row >> at & 1 for row in rows}) == 1]
    if len(rows) != 1 << len(names) - len(same):
        return None
    shown = {name: (name, f"!{name}") for name in names} | {STATE: _state(cell)}
    return " & ".join(shown[names[at]][1 - (rows[0] >> at & 1)] for at in same) or "1"


def _state(cell: Cell) -> tuple[str, str]:
    """How a flip-flop's bit and its opposite are told by an output."""
    states = state_names(cell)
    for pin in cell.outputs:
        function = (pin.function or "").strip("() ")
        if function in states:
            straight = function == states[0]
            return (pin.name, f"!{pin.name}") if straight else (f"!{pin.name}", pin.name)
    return STATE, f"!{STATE}"

"""Energies inside the cells of the built-in technology, from their stages.

The cells are stages of static CMOS, as `logical_effort` has them. A stage of drive n that changes
moves the charge of what touches its output, p·n (its parasitic delay is that capacitance), and of
the gates of the stages behind it, g·n. Unit of capacitance is an X1 inverter's input, and a change
takes half of it times V^2. What a cell's own output drives outside, and its own input pins, are
loads of nets and not counted here. So for every cell:

==================  ===============================================================================
one stage           p n for each change of the output
with an inverter    the inner node, p n' + n, changes with the output, n
XOR2 (XNOR2)        AOI21 (OAI21) of A, B and NOR2 (NAND2) of both: the inner one, p + g_C n,
                    changes with the output only if the other input is 0 (1)
MUX2                AOI22 and inverter: p + n + n; the select's inverter, 1 + g, with the select
FA                  mirror adder: the inverted carry drives its inverter, 1, and the sum stage, 2:
                    4 + 1 + 2, and the inverter 1; the inverted sum 5 + 1, and the inverter 1
flip-flops          the clock's two inverters, 4 + 3, with each change of the clock; with each of
                    the state the master and its keeper (the setup time: 8, more with reset or
                    enable), the slave 4, its keeper 1 + 1, and the output inverter 1; the
                    enable's inverter, 1 + 2, with the enable
==================  ===============================================================================

Source: I. Sutherland, B. Sproull, D. Harris, *Logical Effort*, 1999, for p and g;
``docs/technology.md`` for the circuits. Wires and short circuits are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..synthesis.liberty import Cell, Table
from ..synthesis.logical_effort import FLOPS, INV, SETUP, STAGES
from .internal import Internal

__all__ = ["relative_energies"]

_CLOCK, _SLAVE, _KEEPER, _OUTPUT = 7.0, 4.0, 2.0, 1.0
_ENABLE = 3.0
_WITH_INVERTER = {"AND": "NAND", "OR": "NOR"}


def relative_energies(cell: Cell) -> dict[str, list[Internal]]:
    """Return the energies of a cell by pin, in ``C V^2`` of an X1 inverter's input."""
    name, _, drive = cell.name.rpartition("_X")
    found: dict[str, list[Internal]] = {}
    for pin, related, when, capacitance in _nodes(name, int(drive)):
        table = Table((0.0,), (0.0,), ((capacitance / 2,),))
        sources = (related,) if related else _causes(cell, pin)
        found.setdefault(pin, []).extend(
            Internal(source, when, table, table) for source in sources
        )
    return found


def _causes(cell: Cell, pin: str) -> tuple[str | None, ...]:
    """Inputs that can change an output; a flip-flop's own clock, or an input by itself: None."""
    if cell.kind == "flop" or cell.pins[pin].direction == "input":
        return (None,)
    return tuple(each.name for each in cell.inputs)


def _nodes(name: str, drive: int) -> Iterator[tuple[str, str | None, str | None, float]]:
    """Pin, cause (None: any), condition, and the capacitance that changes with the pin."""
    inverter = float(INV.parasitic)
    flop = next((each for each in FLOPS if each.name == name), None)
    if flop is not None:
        yield "CK", None, None, _CLOCK
        yield "Q", None, None, float(SETUP) + flop.setup + _SLAVE + _KEEPER + _OUTPUT
        if "E" in dict(flop.pins):
            yield "E", None, None, _ENABLE
    elif name == "INV":
        yield "Y", None, None, inverter * drive
    elif name in STAGES:
        yield "Y", None, None, float(STAGES[name].parasitic) * drive
    elif name in ("XOR2", "XNOR2"):
        first, second, quiet = (
            ("NOR2", "AOI21", "!{}") if name == "XOR2" else ("NAND2", "OAI21", "{}")
        )
        outer = float(STAGES[second].parasitic) * drive
        inner = float(STAGES[first].parasitic + STAGES[second].effort["C"] * drive)
        for source, other in (("A", "B"), ("B", "A")):
            both, only = quiet.format(other), ("{}" if name == "XOR2" else "!{}").format(other)
            yield "Y", source, both, outer + inner
            yield "Y", source, only, outer
    elif name == "MUX2":
        gate = STAGES["AOI22"]
        yield "Y", None, None, float(gate.parasitic) + drive + inverter * drive
        yield "S", None, None, inverter + float(gate.effort["D"])
    elif name == "FA":
        yield "CO", None, None, 4.0 + 1.0 + 2.0 + inverter
        yield "S", None, None, 5.0 + 1.0 + inverter
    else:
        gate = INV if name == "BUF" else STAGES[
            next(stage + name.removeprefix(kind) for kind, stage in _WITH_INVERTER.items()
                 if name.startswith(kind))
        ]  # fmt: skip
        first_drive = max(1, drive // 2)
        yield "Y", None, None, float(gate.parasitic) * first_drive + drive + inverter * drive

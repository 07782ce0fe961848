"""A mapped design as Verilog that can be simulated: one module, a signal for each net.

Cells become what their library says they compute. There is no delay in it: a net changes once in a
cycle or not at all, and glitches are not counted.
"""

from __future__ import annotations

import re

from ...errors import InputError
from ..synthesis.liberty import Cell, Library
from ..synthesis.netlist import ONE, Module
from .likelihood import state_names

__all__ = ["net_labels", "net_name", "simulatable"]

_WORD = re.compile(r"[A-Za-z_]\w*")


def net_name(net: int) -> str:
    """Return the signal of a net."""
    return f"net_{net}"


def net_labels(module: Module) -> dict[int, str]:
    """Return what each net is called in the flat netlist and in files of activity.

    A net on a port has its name (the first input's, or else the first output's).
    """
    labels: dict[int, str] = {}
    for wanted in ("input", "output"):
        for name, (direction, bits) in module.ports.items():
            for index, bit in enumerate(bits if direction == wanted else ()):
                if bit >= 0:
                    labels.setdefault(bit, f"{name}[{index}]" if len(bits) > 1 else name)
    used = {bit for each in module.instances for bits in each.pins.values() for bit in bits}
    return labels | {bit: net_name(bit) for bit in sorted(used) if bit >= 0 and bit not in labels}


def simulatable(module: Module, library: Library) -> str:
    """Return the Verilog of a flat mapped module.

    Raises
    ------
    InputError
        If it has cells that are neither logic nor flip-flops of a rising clock edge.
    """
    heads, body = [], []
    used = {bit for each in module.instances for bits in each.pins.values() for bit in bits}
    used |= {bit for _, bits in module.ports.values() for bit in bits}
    for name, (direction, bits) in module.ports.items():
        span = f"[{len(bits) - 1}:0] " if len(bits) > 1 else ""
        heads.append(f"  {direction} {span}{name}")
        for index, bit in enumerate(bits):
            label = f"{name}[{index}]" if len(bits) > 1 else name
            if direction == "output":
                body.append(f"  assign {label} = {_value(bit)};")
            elif bit >= 0:
                body.append(f"  assign {net_name(bit)} = {label};")
    for number, instance in enumerate(module.instances):
        cell = library.cells[instance.kind]
        nets = {pin: _value(bits[0]) for pin, bits in instance.pins.items() if bits}
        if cell.kind == "flop":
            body += _flop(cell, nets, f"state_{number}")
            straight = f"state_{number}"
            nets |= dict(zip(state_names(cell), (straight, f"~{straight}"), strict=False))
        elif cell.kind != "logic":
            raise InputError(f"cells must be logic or flip-flops to be simulated, not {cell.name}")
        for pin in cell.outputs:
            if pin.name in nets and pin.function is not None:
                body.append(f"  assign {nets[pin.name]} = {_expression(pin.function, nets)};")
    wires = [f"  wire {net_name(bit)};" for bit in sorted(used) if bit >= 0]
    return (
        f"module {module.name} (\n" + ",\n".join(heads) + "\n);\n"
        + "\n".join([*wires, *body]) + "\nendmodule\n"
    )  # fmt: skip


def _value(bit: int) -> str:
    return net_name(bit) if bit >= 0 else "1'b1" if bit == ONE else "1'b0"


def _flop(cell: Cell, nets: dict[str, str], state: str) -> list[str]:
    pin = (cell.clocked_on or "").strip('() "')
    if cell.next_state is None or pin not in nets:
        raise InputError(
            f"flip-flops must be clocked by a rising edge to be simulated, not {cell.name}"
        )
    values = nets | dict(zip(state_names(cell), (state, f"~{state}"), strict=False))
    lines, events, forced = [f"  reg {state} = 1'b0;"], [f"posedge {nets[pin]}"], ""
    # Where both are given, what Liberty leaves open (clear_preset_var) is a 0 here.
    for name, value in (("clear", 0), ("preset", 1)):
        found = re.search(rf'\b{name}\s*:\s*"([^"]*)"', cell.text)
        if found is not None:
            lines.append(f"  wire {state}_{name} = {_expression(found[1], values)};")
            events.append(f"posedge {state}_{name}")
            forced += f"if ({state}_{name}) {state} <= 1'b{value}; else "
    following = _expression(cell.next_state, values)
    return [*lines, f"  always @({' or '.join(events)}) {forced}{state} <= {following};"]


def _expression(function: str, nets: dict[str, str]) -> str:
    """Return a Liberty function in Verilog, with nets for pins."""
    # Liberty also writes `A'` for not A, `*` for and, `+` for or.
    text = re.sub(r"([A-Za-z_]\w*)\s*'", r"!\1", function)
    if "'" in text:
        raise InputError(f"functions of cells must negate names alone, not {function!r}")
    text = text.replace("*", "&").replace("+", "|").replace("!", "~")
    return "(" + _WORD.sub(lambda word: nets.get(word[0], "1'b0"), text) + ")"

"""A mapped design as Verilog that can be simulated: one module, a signal for each net.

Cells become what their library says they compute. There is no delay in it: a net changes once in a
cycle or not at all, and glitches are not counted.
"""

from __future__ import annotations

import re

from ...errors import InputError
from ..synthesis.liberty import Cell, Library
from ..synthesis.netlist import ONE, Module

__all__ = ["net_name", "simulatable"]

_WORD = re.compile(r"[A-Za-z_]\w*")


def net_name(net: int) -> str:
    """Return the signal of a net."""
    return f"net_{net}"


def simulatable(module: Module, library: Library, clock: str | None) -> str:
    """Return the Verilog of a flat mapped module.

    Raises
    ------
    InputError
        If it has cells that are neither logic nor flip-flops of its clock without asynchronous
        reset.
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
            body += _flop(cell, nets, f"state_{number}", clock)
            nets |= {"IQ": f"state_{number}", "IQN": f"~state_{number}"}
            nets |= dict(zip(_state(cell), (f"state_{number}", f"~state_{number}"), strict=False))
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


def _state(cell: Cell) -> list[str]:
    found = re.search(r"ff\s*\(([^)]*)\)", cell.text)
    return [part.strip().strip('"').strip() for part in found[1].split(",")] if found else []


def _flop(cell: Cell, nets: dict[str, str], state: str, clock: str | None) -> list[str]:
    pin = (cell.clocked_on or "").strip('() "')
    if cell.next_state is None or pin not in nets or re.search(r"\b(clear|preset)\s*:", cell.text):
        raise InputError(
            f"flip-flops must be clocked by a rising edge, without asynchronous reset, to be "
            f"simulated, not {cell.name}"
        )
    values = nets | dict(zip(_state(cell), (state, f"~{state}"), strict=False))
    return [
        f"  reg {state} = 1'b0;",
        f"  always @(posedge {nets[pin]}) {state} <= {_expression(cell.next_state, values)};",
    ]


def _expression(function: str, nets: dict[str, str]) -> str:
    """Return a Liberty function in Verilog, with nets for pins."""
    # Liberty also writes `A'` for not A, `*` for and, `+` for or.
    text = re.sub(r"([A-Za-z_]\w*)\s*'", r"!\1", function)
    if "'" in text:
        raise InputError(f"functions of cells must negate names alone, not {function!r}")
    text = text.replace("*", "&").replace("+", "|").replace("!", "~")
    return "(" + _WORD.sub(lambda word: nets.get(word[0], "1'b0"), text) + ")"

"""Reading back the mapped netlist that synthesis wrote: structural Verilog of library cells."""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import InputError
from ..synthesis.netlist import ONE, ZERO, Instance, Module, Netlist

__all__ = ["read_mapped"]

_MODULE = re.compile(r"^module (\S+) \((.*?)\);\n(.*?)^endmodule", re.MULTILINE | re.DOTALL)
_DECLARED = re.compile(r"(input|output|wire) (?:\[(\d+):0\] )?(\S+)")
_PIN = re.compile(r"\.(\w+)\((\{[^}]*\}|[^()]*)\)")


def read_mapped(path: Path, top: str) -> Netlist:
    """Read a netlist as `Netlist.verilog` writes it.

    Raises
    ------
    InputError
        If it is not of that form, or lacks the module ``top``.
    """
    found = _MODULE.findall(path.read_text())
    modules = {name: _module(name, body, path) for name, _, body in found}
    if top not in modules:
        raise InputError(f"{path} must hold the module {top}, not {', '.join(modules) or 'none'}")
    return Netlist(top, modules)


def _module(name: str, body: str, path: Path) -> Module:
    module = Module(name, {})
    nets: dict[str, list[int]] = {}

    def bits(text: str) -> list[int]:
        text = text.strip()
        if text.startswith("{"):
            return [bit for part in reversed(text[1:-1].split(",")) for bit in bits(part)]
        if text in ("1'b0", "1'b1"):
            return [ONE if text.endswith("1") else ZERO]
        base, _, index = text.partition("[")
        if base not in nets:
            raise InputError(f"{path}: {name} must declare what it uses, not {text!r}")
        return [nets[base][int(index[:-1])]] if index else nets[base]

    for line in filter(None, (each.strip().removesuffix(";") for each in body.splitlines())):
        declared = _DECLARED.fullmatch(line)
        if declared is not None:
            kind, high, label = declared.groups()
            nets[label] = [module.new_net() for _ in range(int(high or 0) + 1)]
            if kind != "wire":
                module.ports[label] = (kind, nets[label])
        elif line.startswith("assign "):
            target, _, source = line.removeprefix("assign ").partition(" = ")
            module.aliases.append((bits(target)[0], bits(source)[0]))
        else:
            kind, label, pins = line.split(" ", 2)
            found = {pin: bits(value) for pin, value in _PIN.findall(pins)}
            module.instances.append(Instance(label, kind, found))
    return module

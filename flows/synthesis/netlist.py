"""Netlists of single bits: read from Yosys JSON, flattened, written as Verilog.

A net is a non-negative integer inside its module; the constants are `ZERO` and `ONE`. An
undefined bit reads as zero.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import InputError

__all__ = ["GATES", "ONE", "ZERO", "Instance", "Module", "Netlist", "read_yosys_json"]

ZERO, ONE = -2, -1

# Truth tables of Yosys' simple gates as BLIF rows, inputs in the given order.
GATES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "$_BUF_": (("A",), ("1 1",)),
    "$_NOT_": (("A",), ("0 1",)),
    "$_AND_": (("A", "B"), ("11 1",)),
    "$_NAND_": (("A", "B"), ("0- 1", "-0 1")),
    "$_OR_": (("A", "B"), ("1- 1", "-1 1")),
    "$_NOR_": (("A", "B"), ("00 1",)),
    "$_XOR_": (("A", "B"), ("10 1", "01 1")),
    "$_XNOR_": (("A", "B"), ("11 1", "00 1")),
    "$_ANDNOT_": (("A", "B"), ("10 1",)),
    "$_ORNOT_": (("A", "B"), ("1- 1", "-0 1")),
    "$_MUX_": (("A", "B", "S"), ("1-0 1", "-11 1")),
    "$_NMUX_": (("A", "B", "S"), ("0-0 1", "-01 1")),
}


@dataclass
class Instance:
    """A cell or module instance. `pins` maps each port to its nets, bit 0 first."""

    name: str
    kind: str
    pins: dict[str, list[int]]


@dataclass
class Module:
    """One module: `ports` maps name to (direction, nets, bit 0 first)."""

    name: str
    ports: dict[str, tuple[str, list[int]]]
    instances: list[Instance] = field(default_factory=list)
    net_names: dict[int, str] = field(default_factory=dict)
    aliases: list[tuple[int, int]] = field(default_factory=list)
    next_net: int = 0

    def new_net(self) -> int:
        self.next_net += 1
        return self.next_net - 1

    def outputs(self) -> Iterable[int]:
        for direction, bits in self.ports.values():
            if direction == "output":
                yield from bits

    def inputs(self) -> Iterable[int]:
        for direction, bits in self.ports.values():
            if direction == "input":
                yield from bits


@dataclass
class Netlist:
    """A hierarchy of modules below `top`."""

    top: str
    modules: dict[str, Module]

    def counts(self) -> Counter[str]:
        """How many instances of each module or cell the whole design has (the top once)."""
        totals: Counter[str] = Counter()

        def visit(name: str, times: int) -> None:
            totals[name] += times
            module = self.modules.get(name)
            if module is not None:
                for kind, number in Counter(i.kind for i in module.instances).items():
                    visit(kind, times * number)

        visit(self.top, 1)
        return totals

    def order(self) -> list[str]:
        """Module names, instantiated ones before those that instantiate them."""
        done: dict[str, None] = {}

        def visit(name: str) -> None:
            for instance in self.modules[name].instances:
                if instance.kind in self.modules and instance.kind not in done:
                    visit(instance.kind)
            done[name] = None

        visit(self.top)
        return list(done)

    def flatten(self) -> Module:
        """One module with library cells only; instance paths are joined with `/`."""
        top = self.modules[self.top]
        flat = Module(top.name, {}, next_net=0)
        representative: dict[int, int] = {}

        def find(net: int) -> int:
            while net in representative:
                net = representative[net]
            return net

        def visit(module: Module, prefix: str, mapping: dict[int, int]) -> None:
            def at(net: int) -> int:
                if net < 0:
                    return net
                if net not in mapping:
                    mapping[net] = flat.new_net()
                    if net in module.net_names:
                        flat.net_names[mapping[net]] = prefix + module.net_names[net]
                return mapping[net]

            for target, source in module.aliases:
                first, second = find(at(target)), find(at(source))
                if first != second and first >= 0:
                    representative[first] = second
            for instance in module.instances:
                pins = {pin: [at(bit) for bit in bits] for pin, bits in instance.pins.items()}
                child = self.modules.get(instance.kind)
                if child is None:
                    flat.instances.append(Instance(prefix + instance.name, instance.kind, pins))
                    continue
                inner: dict[int, int] = {}
                for port, (direction, bits) in child.ports.items():
                    outer = pins.get(port, [])
                    for index, bit in enumerate(bits):
                        if index >= len(outer):
                            continue
                        if bit >= 0 and bit not in inner:
                            inner[bit] = outer[index]
                            continue
                        # A child's net on a second port (or a constant output) joins two nets.
                        joined = inner.get(bit, bit)
                        if direction == "output" and find(outer[index]) != find(joined):
                            representative[find(outer[index])] = find(joined)
                visit(child, f"{prefix}{instance.name}/", inner)

        mapping: dict[int, int] = {}
        visit(top, "", mapping)
        for name, (direction, bits) in top.ports.items():
            nets = [bit if bit < 0 else mapping.setdefault(bit, flat.new_net()) for bit in bits]
            flat.ports[name] = (direction, [find(net) for net in nets])
        for instance in flat.instances:
            instance.pins = {pin: [find(b) for b in bits] for pin, bits in instance.pins.items()}
        return flat

    def verilog(self) -> str:
        """Structural Verilog of all modules, the top last.

        Written for the oldest reader of mapped netlists: no signed ports, no expressions, constants
        assigned one bit at a time.
        """
        return "\n".join(_module_verilog(self, self.modules[name]) for name in self.order())


def read_yosys_json(path: Path, top: str, is_cell: Callable[[str], bool]) -> Netlist:
    """Read what Yosys' `write_json` wrote.

    Parameters
    ----------
    path
        The JSON file.
    top
        Name of the top module.
    is_cell
        Tells whether a name is a library cell.

    Raises
    ------
    InputError
        If the design holds other cells than gates, library cells and modules, such as latches.
    """
    data = json.loads(path.read_text())
    modules: dict[str, Module] = {}
    foreign: Counter[str] = Counter()
    for name, raw in data["modules"].items():
        if "blackbox" in raw.get("attributes", {}):
            continue
        ports = {
            port: (info["direction"], [_bit(b) for b in info["bits"]])
            for port, info in raw["ports"].items()
        }
        module = Module(name, ports)
        highest = 1
        for label, info in sorted(raw["netnames"].items()):
            for index, raw_bit in enumerate(info["bits"]):
                bit = _bit(raw_bit)
                highest = max(highest, bit)
                if not info.get("hide_name") and bit >= 0 and bit not in module.net_names:
                    suffix = f"[{index}]" if len(info["bits"]) > 1 else ""
                    module.net_names[bit] = label + suffix
        for label, cell in sorted(raw["cells"].items()):
            kind = cell["type"]
            if kind not in GATES and kind not in data["modules"] and not is_cell(kind):
                foreign[kind] += 1
            pins = {pin: [_bit(b) for b in bits] for pin, bits in cell["connections"].items()}
            module.instances.append(Instance(label, kind, pins))
            highest = max([highest, *(bit for bits in pins.values() for bit in bits)])
        module.next_net = highest + 1
        modules[name] = module
    if foreign:
        found = ", ".join(f"{number} {kind}" for kind, number in sorted(foreign.items()))
        raise InputError(
            f"design {top} must consist of logic and flip-flops that the library has, not {found}"
        )
    return Netlist(top, modules)


def _bit(raw: int | str) -> int:
    if isinstance(raw, int):
        return raw
    return ONE if raw == "1" else ZERO


def _identifier(text: str, taken: set[str]) -> str:
    name = re.sub(r"\W+", "_", text).strip("_") or "n"
    if not re.match(r"[A-Za-z_]", name):
        name = "n" + name
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def _module_verilog(netlist: Netlist, module: Module) -> str:
    taken = {"input", "output", "wire", "assign", "module", "endmodule", *module.ports}
    names: dict[int, str] = {}
    lines: list[str] = []
    assigns: list[str] = []
    for port, (direction, bits) in module.ports.items():
        span = f"[{len(bits) - 1}:0] " if len(bits) > 1 else ""
        lines.append(f"  {direction} {span}{port};")
        for index, bit in enumerate(bits):
            label = f"{port}[{index}]" if len(bits) > 1 else port
            if direction == "input" and bit >= 0:
                names.setdefault(bit, label)
    for port, (direction, bits) in module.ports.items():
        for index, bit in enumerate(bits if direction == "output" else []):
            label = f"{port}[{index}]" if len(bits) > 1 else port
            if bit < 0:
                assigns.append(f"  assign {label} = 1'b{bit - ZERO};")
            elif names.setdefault(bit, label) != label:
                assigns.append(f"  assign {label} = {names[bit]};")

    def label_of(bit: int) -> str:
        if bit < 0:
            return f"1'b{bit - ZERO}"
        if bit not in names:
            names[bit] = _identifier(module.net_names.get(bit, f"n{bit}"), taken)
            lines.append(f"  wire {names[bit]};")
        return names[bit]

    body: list[str] = []
    cell_names: set[str] = set(taken)
    for target, source in module.aliases:
        assigns.append(f"  assign {label_of(target)} = {label_of(source)};")
    # Nets are named before instances, so that a flop can take the name of the net it drives.
    for instance in module.instances:
        pins: list[str] = []
        for pin, bits in instance.pins.items():
            if not bits:
                continue
            labels = [label_of(bit) for bit in reversed(bits)]
            value = labels[0] if len(labels) == 1 else "{" + ", ".join(labels) + "}"
            pins.append(f".{pin}({value})")
        name = _identifier(instance.name, cell_names)
        body.append(f"  {instance.kind} {name} ({', '.join(pins)});")
    header = f"module {module.name} ({', '.join(module.ports)});"
    return "\n".join([header, *lines, *assigns, *body, "endmodule", ""])

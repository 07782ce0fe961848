"""Netlist cleaning: one name for each net that a person would choose, and no dead logic."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

__all__ = ["KEYWORDS", "clean", "enums", "is_operator_name", "memory_attributes"]

_PASSES = (
    "proc -noopt",
    "opt_expr",
    "opt_clean -purge",
    "opt_muxtree",
    "opt_reduce",
    "opt_expr -mux_undef",
    "opt_clean -purge",  # before opt_dff, which sees no multiplexer through an alias
    "opt_dff -simple-dffe",
    "pmuxtree",
    "opt_expr -mux_undef -mux_bool",
    "opt_merge",  # Amaranth repeats an expression for each use of it
    "wreduce",  # drops the carry that a sum has beside the bits that are kept
    "opt_expr",
    "opt_clean -purge",
)

_MEMORY_ATTRIBUTES = ("no_rw_check", "ram_style")

# What the result of an operator is called when nothing better is known.
_WORDS = {
    "add": "sum", "sub": "difference", "mul": "product", "neg": "negated", "and": "masked",
    "or": "merged", "xor": "flipped", "xnor": "same", "not": "inverted", "logic_not": "is_zero",
    "reduce_or": "any", "reduce_and": "all", "reduce_xor": "parity", "reduce_bool": "any",
    "logic_and": "both", "logic_or": "either", "eq": "equal", "ne": "differs", "lt": "less",
    "le": "at_most", "gt": "greater", "ge": "at_least", "mux": "choice",
    "shl": "shifted", "shr": "shifted", "sshl": "shifted", "sshr": "shifted", "shift": "shifted",
    "shiftx": "selected", "bmux": "selected",
}  # fmt: skip

_OPERATOR_NAME = re.compile(rf"(?:{'|'.join({*_WORDS.values(), 'net'})})(?:_\d+)?")

# Reserved words of IEEE 1800-2017, annex B.
KEYWORDS = frozenset(files(__package__).joinpath("keywords.txt").read_text().split())


def is_operator_name(name: str) -> bool:
    """Whether a net was named after its operator, for want of a name of its own."""
    return _OPERATOR_NAME.fullmatch(name) is not None


def clean(design: Any) -> dict[str, dict[str, str]]:
    """Clean every module of a pyosys design in place.

    Returns, for each module, what each renamed net or instance was called before: the test that
    proves the cleaned netlist equal to the raw one pairs their registers by it.

    Registers keep their resets and lose their power-up values: a unit starts from reset, and a
    register without reset holds nothing that is read before it is written.
    """
    _prefer_own_names(design)
    for command in _PASSES:
        design.run_pass(f"tee -q {command}")
    design.run_pass("tee -q setattr -unset own_name w:*")
    _drop_initial_memories(design)
    design.run_pass("tee -q setattr -unset init w:*")
    for module in design.all_selected_modules():
        _name_registers(module)
    _drop_unused_resets(design)
    renamed: dict[str, dict[str, str]] = {}
    for module in design.all_selected_modules():
        names = renamed.setdefault(str(module.name)[1:], {})
        _rename_instances(module, design, names)
        _rename_instance_nets(module, design, names)
        _rename_operator_nets(module, names)
        _strip_suffixes(module, names)
    return renamed


def _name_registers(module: Any) -> None:
    """Give each register that is left of a vector with constant bits a net of its own."""
    from pyosys import libyosys as ys

    output = ys.IdString("\\Q")
    names = _Names(module)
    for cell in _cells(module):
        if not cell.is_builtin_ff() or cell.getPort(output).is_wire():
            continue
        driven = cell.getPort(output)
        vector = re.match(r"\\(\w+)", ys.log_signal(driven, True))
        name = names.free(f"{vector.group(1) if vector else 'part'}_register")
        wire = module.addWire(ys.IdString("\\" + name), driven.size())
        cell.setPort(output, ys.SigSpec(wire))
        module.connect(driven, ys.SigSpec(wire))


def _prefer_own_names(design: Any) -> None:
    """Mark the nets that a unit named itself, so that they win over aliases.

    A net between a unit and a child has two names: the parent's own, and the child's port. Yosys
    keeps the one with more attributes.
    """
    from pyosys import libyosys as ys

    for module in design.all_selected_modules():
        ports = {
            str(port)[1:]
            for cell in _cells(module) if str(cell.type).startswith("\\")
            for port in dict(cell.connections())
        }
        for wire in _wires(module):
            name = str(wire.name)
            stem = re.sub(r"\$\d+$", "", name[1:])
            if name.startswith("\\") and stem not in ports and "signature__" not in stem:
                wire.set_bool_attribute(ys.IdString("\\own_name"), True)


def _drop_initial_memories(design: Any) -> None:
    """Remove zero initial contents of memories that are written: they hold nothing at reset."""
    from pyosys import libyosys as ys

    memory = ys.IdString("\\MEMID")
    for module in design.all_selected_modules():
        written = {
            cell.getParam(memory).decode_string()
            for cell in _cells(module) if str(cell.type).startswith("$memwr")
        }
        for cell in _cells(module):
            if not str(cell.type).startswith("$meminit"):
                continue
            name = cell.getParam(memory).decode_string()
            contents = cell.getPort(ys.IdString("\\DATA"))
            if name in written and contents.is_fully_zero():
                module.remove(cell)


def _drop_unused_resets(design: Any) -> None:
    """Remove the reset port of each module that has no register with a reset, children first."""
    from pyosys import libyosys as ys

    reset = ys.IdString("\\rst")
    modules = {str(module.name): module for module in design.all_selected_modules()}
    done: set[str] = set()

    def visit(module: Any) -> None:
        if str(module.name) in done:
            return
        done.add(str(module.name))
        cells = _cells(module)
        for cell in cells:
            child = modules.get(str(cell.type))
            if child is not None:
                visit(child)
                if cell.hasPort(reset) and child.wire(reset) is None:
                    cell.unsetPort(reset)
        wire = module.wire(reset)
        if wire is None or any(
            # Not always alone: passes join it with other conditions of a register's reset.
            bit.is_wire() and str(bit.wire.name) == "\\rst"
            for cell in cells for signal in dict(cell.connections()).values()
            for bit in (signal.bits() if not signal.is_wire() else [signal.lsb()])
        ):
            return
        if str(module.name) != str(design.top_module().name):
            wire.port_input, wire.port_id = False, 0
            module.fixup_ports()
            module.rename(wire, ys.IdString("$rst"))

    for module in modules.values():
        visit(module)
    design.run_pass("tee -q opt_clean")


class _Names:
    """The names taken in a module, and the next free one for a wish."""

    def __init__(self, module: Any) -> None:
        self._taken = {str(name) for name in dict(module.wires_)}
        self._taken |= {str(name) for name in dict(module.cells_)}
        self._taken |= {str(name) for name in dict(module.memories)}

    def free(self, wish: str) -> str:
        name, count = wish, 1
        stem = wish.removesuffix("_0")
        while "\\" + name in self._taken or name in KEYWORDS:
            name, count = f"{stem}_{count}", count + 1
        self._taken.add("\\" + name)
        return name


def _wires(module: Any) -> list[Any]:
    return sorted(dict(module.wires_).values(), key=lambda wire: _order(str(wire.name)))


def _order(name: str) -> tuple[object, ...]:
    """Sort ``x$2`` before ``x$10``: names are chosen in the order of Amaranth's numbering."""
    return tuple((int(part), "") if part.isdigit() else (-1, part)
                 for part in re.split(r"(\d+)", name))


def _cells(module: Any) -> list[Any]:
    return sorted(dict(module.cells_).values(), key=lambda cell: _order(str(cell.name)))


def _is_port(wire: Any) -> bool:
    return bool(wire.port_input or wire.port_output)


def _rename(module: Any, wire: Any, name: str, renamed: dict[str, str]) -> None:
    from pyosys import libyosys as ys

    old = str(wire.name)
    renamed[name] = renamed.pop(old[1:], old)
    module.rename(wire, ys.IdString("\\" + name))


def _rename_instances(module: Any, design: Any, renamed: dict[str, str]) -> None:
    """Name an instance that the unit left without a name after its module."""
    from pyosys import libyosys as ys

    names = _Names(module)
    modules = {str(unit.name) for unit in design.all_selected_modules()}
    for cell in _cells(module):
        if str(cell.type) in modules and "$" in str(cell.name):
            name = names.free(f"{str(cell.type)[1:]}_0")
            renamed[name] = str(cell.name)
            module.rename(cell, ys.IdString("\\" + name))


def _rename_instance_nets(module: Any, design: Any, renamed: dict[str, str]) -> None:
    """Name a net between instances ``<instance>_<port>`` after the port that drives it."""
    names = _Names(module)
    modules = {str(unit.name) for unit in design.all_selected_modules()}
    done: set[str] = set()
    for driving in (True, False):
        for cell in _cells(module):
            if str(cell.type) not in modules:
                continue
            for port, signal in sorted(dict(cell.connections()).items(), key=lambda x: str(x[0])):
                if bool(cell.output(port)) is not driving or not signal.is_wire():
                    continue
                wire, own = signal.as_wire(), str(port)[1:]
                current = str(wire.name)
                stem = re.sub(r"\$\d+$", "", current[1:])
                if _is_port(wire) or current in done:
                    continue
                if current.startswith("\\") and stem != own and "$" not in current:
                    continue
                name = names.free(f"{str(cell.name)[1:]}_{own}")
                _rename(module, wire, name, renamed)
                done.add("\\" + name)


def _rename_operator_nets(module: Any, renamed: dict[str, str]) -> None:
    """Name the next value of a register after it, any other result after its operator."""
    names = _Names(module)
    for cell in _cells(module):
        ports = {str(port)[1:]: signal for port, signal in dict(cell.connections()).items()}
        if not {"D", "Q"} <= set(ports) or not (ports["D"].is_wire() and ports["Q"].is_wire()):
            continue
        register, value = str(ports["Q"].as_wire().name), ports["D"].as_wire()
        if register.startswith("\\") and str(value.name).startswith("$"):
            stem = re.sub(r"\W.*", "", register[1:])
            _rename(module, value, names.free(f"{stem}_next"), renamed)
    for cell in _cells(module):
        word = _WORDS.get(str(cell.type)[1:])
        for port, signal in dict(cell.connections()).items():
            if not cell.output(port) or not signal.is_wire():
                continue
            wire = signal.as_wire()
            if str(wire.name).startswith("$"):
                _rename(module, wire, names.free(word or "net"), renamed)


def _strip_suffixes(module: Any, renamed: dict[str, str]) -> None:
    """Replace what is left of Amaranth's ``name$7`` and of private names."""
    names = _Names(module)
    for wire in _wires(module):
        current = str(wire.name)
        stem = re.sub(r"\$\d+$", "", current[1:]) if current.startswith("\\") else "net"
        if re.fullmatch(r"\\[A-Za-z_][A-Za-z0-9_]*", current) and stem not in KEYWORDS:
            continue
        _rename(module, wire, names.free(re.sub(r"\W", "_", stem).strip("_") or "net"), renamed)


def enums(design: Any) -> dict[str, dict[str, dict[str, str]]]:
    """Return ``{module: {signal: {value: name}}}`` of the signals that carry an enumeration."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for module in design.all_selected_modules():
        for wire in _wires(module):
            names = {}
            for key, value in dict(wire.attributes).items():
                match = re.fullmatch(r"\\enum_value_([01]+)", str(key))
                if match:
                    names[str(int(match.group(1), 2))] = value.decode_string().lstrip("\\")
            if names:
                found.setdefault(str(module.name)[1:], {})[str(wire.name)[1:]] = names
    return found


def memory_attributes(design: Any) -> dict[str, dict[str, dict[str, str]]]:
    """Return ``{module: {memory: {attribute: value}}}`` of what a synthesiser is told of memories.

    A value is empty for an attribute that is just there.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    for module in design.all_selected_modules():
        for name, memory in dict(module.memories).items():
            attributes = {str(key)[1:]: value for key, value in dict(memory.attributes).items()}
            told = {
                key: "" if attributes[key].as_int() == 1 else attributes[key].decode_string()
                for key in _MEMORY_ATTRIBUTES if key in attributes
            }
            if told:
                found.setdefault(str(module.name)[1:], {})[str(name)[1:]] = told
    return found

"""Layout of the Verilog that Yosys prints: as a person would set it, the same netlist."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["annotate_memories", "ansi_ports", "compact", "replications"]

_MODULE = re.compile(r"^module (\w+)\((.*?)\);\n(.*?)^endmodule\n", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"^  (input|output) ((?:signed )?(?:\[\d+:\d+\] )?)(\w+);\n", re.MULTILINE)
_NET = re.compile(r"^  (wire|reg) ((?:signed )?(?:\[\d+:\d+\] )?)(\w+);\n", re.MULTILINE)


def ansi_ports(text: str, order: Mapping[str, Sequence[str]]) -> str:
    """Move the port declarations of each module into its header.

    Parameters
    ----------
    text : str
        Output of ``write_verilog -sv -noattr``: ports declared in the body, each a second time as
        ``wire`` or ``reg``.
    order : mapping
        For each module, its port names in the order to print; others follow as they stand.
    """
    return _MODULE.sub(lambda match: _module(match, order), text)


def _module(match: re.Match[str], order: Mapping[str, Sequence[str]]) -> str:
    name, _, body = match.groups()
    ports = {port: (direction, shape) for direction, shape, port in _PORT.findall(body)}
    kinds = {net: kind for kind, _, net in _NET.findall(body)}
    body = _PORT.sub("", body)
    body = _NET.sub(lambda net: "" if net.group(3) in ports else net.group(), body)
    wished = [port for port in ("clk", "rst", *order.get(name, ())) if port in ports]
    names = list(dict.fromkeys([*wished, *ports]))
    lines = []
    for port in names:
        direction, shape = ports[port]
        kind = " reg" if kinds.get(port) == "reg" else ""
        lines.append(f"  {direction}{kind} {shape}{port}")
    return f"module {name} (\n" + ",\n".join(lines) + f"\n);\n{body}endmodule\n"


_RUN = re.compile(r"((?:\w+(?:\[\d+(?::\d+)?\])?))(?:, \1(?![\w\[])){2,}")


def replications(text: str) -> str:
    """Write ``{ a, b, b, b }`` as ``{ a, {3{b}} }``."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if "{" in line:
            lines[index] = re.sub(
                r"\{ \{(\d+)\{([^{}]*)\}\} \}", r"{\1{\2}}", _RUN.sub(_replicated, line)
            )
    return "\n".join(lines)


def _replicated(match: re.Match[str]) -> str:
    item = match.group(1)
    count = match.group().count(", ") + 1
    return f"{{{count}{{{item}}}}}"


_PLAIN = re.compile(r"  always_ff @\(posedge clk\)\n    (\S+ <= .*;)\n")
_RESET = re.compile(
    r"  always_ff @\(posedge clk\)\n    if \(rst\) (\S+ <= .*;)\n    else (\S+ <= .*;)\n"
)
_INSTANCE = re.compile(r"^  (\w+ \w+) \(\n((?:    \..*\n)+)  \);\n", re.MULTILINE)
_PARENTHESES = re.compile(r"if \(\((.*)\)\) (?=\S+ <= )")
_WIDTH = 100


def compact(text: str) -> str:
    """Group what belongs together: declarations of one shape, registers of one kind, pins."""
    text = _MODULE_TEXT.sub(lambda match: _grouped(match.group()), text)
    text = _INSTANCE.sub(_pins, text)
    return _PARENTHESES.sub(r"if (\1) ", text)


_MODULE_TEXT = re.compile(r"^module .*?^endmodule\n", re.MULTILINE | re.DOTALL)


def _grouped(text: str) -> str:
    text = _joined(text)
    shapes: dict[str, list[str]] = {}
    for kind, shape, name in _NET.findall(text):
        shapes.setdefault(f"{kind} {shape}", []).append(name)
    declarations = "".join(
        _wrapped(f"  {shape}", names, ";", " " * 6) for shape, names in shapes.items()
    )
    head, _, body = text.partition("\n);\n")
    body = _NET.sub("", body)
    plain, reset = _PLAIN.findall(body), _RESET.findall(body)
    body = _RESET.sub("", _PLAIN.sub("", body))
    registers = ""
    if plain:
        registers += _block(["    " + line for line in plain])
    if len(reset) == 1:
        first, second = reset[0]
        registers += _block([f"    if (rst) {first}\n    else {second}"])
    elif reset:
        registers += _block(
            ["    if (rst) begin", *("      " + first for first, _ in reset), "    end else begin",
             *("      " + second for _, second in reset), "    end"]
        )
    body = body.removesuffix("endmodule\n")
    return f"{head}\n);\n{declarations}{body}{registers}endmodule\n"


_CONCATENATION = re.compile(r"^  assign (\w+) = \{ (\w+(?:, \w+)+) \};\n", re.MULTILINE)


def _joined(text: str) -> str:
    """Let what drives a part of a vector drive it itself, without a net in between."""
    widths = {
        name: int(high) + 1 if high else 1
        for high, name in re.findall(r"^  wire (?:\[(\d+):0\] )?(\w+);$", text, re.MULTILINE)
    }
    for match in _CONCATENATION.finditer(text):
        vector, parts = match.group(1), match.group(2).split(", ")
        usable = len(set(parts)) == len(parts) and all(
            part in widths and not re.search(rf"\b{part}\[", text) for part in parts
        )
        if not usable:
            continue
        text = text.replace(match.group(), "")
        low = 0
        for part in reversed(parts):
            width = widths[part]
            own = f"{vector}[{low + width - 1}:{low}]" if width > 1 else f"{vector}[{low}]"
            text = re.sub(rf"^  wire (?:\[\d+:0\] )?{part};\n", "", text, flags=re.MULTILINE)
            text = re.sub(rf"(?<!\.)\b{part}\b", own, text)
            low += width
    return text


def _block(lines: list[str]) -> str:
    if len(lines) == 1:
        return "  always_ff @(posedge clk)\n" + lines[0] + "\n"
    return "  always_ff @(posedge clk) begin\n" + "\n".join(lines) + "\n  end\n"


def _pins(match: re.Match[str]) -> str:
    pins = [line.strip().removesuffix(",") for line in match.group(2).splitlines()]
    return f"  {match.group(1)} (\n" + _wrapped("    ", pins, "", "    ") + "  );\n"


def _wrapped(first: str, items: Sequence[str], end: str, indent: str) -> str:
    lines, line = [], first
    for index, item in enumerate(items):
        piece = item + ("," if index < len(items) - 1 else end)
        if len(line) + len(piece) + 1 > _WIDTH and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += piece + " "
    return "\n".join([*lines, line.rstrip()]) + "\n"


def annotate_memories(
    text: str, attributes: Mapping[str, Mapping[str, Mapping[str, str]]]
) -> str:
    """Put attributes, by module and memory, before the declarations of memories.

    Raises
    ------
    ValueError
        If a memory is not declared in the text.
    """

    def annotated(match: re.Match[str]) -> str:
        module = match.group()
        for memory, told in attributes.get(module.split()[1], {}).items():
            words = ", ".join(f'{key} = "{value}"' if value else key for key, value in told.items())
            declared = rf"^  (?=reg (?:\[\d+:\d+\] )?\\?{re.escape(memory)} +\[)"
            module, count = re.subn(
                declared, f"  (* {words} *) ", module, count=1, flags=re.MULTILINE
            )
            if count != 1:
                raise ValueError(f"memory {memory} must be declared in its module's Verilog")
        return module

    return _MODULE_TEXT.sub(annotated, text)

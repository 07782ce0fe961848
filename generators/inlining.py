"""Put one-bit results that are used once where they are used.

Yosys prints one assignment for each operator. A person writes ``popped & ~(drain & emit)``; this
pass does too, on the printed text, for nets that the netlist gave no name of its own. Only one-bit
values move, and only to places where Verilog evaluates them on their own width (one-bit bitwise
expressions, concatenations, conditions), so that no operator changes its width. The proof that the
cleaned netlist equals the raw one reads the result of this pass.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

__all__ = ["inline_bits"]

_MODULE = re.compile(r"^module .*?^endmodule\n", re.MULTILINE | re.DOTALL)
_WIRE = re.compile(r"^  wire (\w+);$")
_SCALAR = re.compile(r"^  (?:input|output|wire|reg|input reg|output reg) (\w+)[;,]?$")
_ASSIGN = re.compile(r"^  assign (\S+) = (.*);$")
_NAME = re.compile(r"[A-Za-z_]\w*")
_OPERAND = r"(?:\w+(?:\[\d+(?::\d+)?\])?|\d+'h[0-9a-f]+|\{[^{}]*\})"
_ALONE = re.compile(
    rf"(?:[|&^!] {_OPERAND}|{_OPERAND} (?:==|!=|<|<=|>|>=) {_OPERAND}|{_OPERAND})$"
)
_BITWISE = re.compile(r"(?:\s|[&|^~?:()]|1'h[01]|[A-Za-z_]\w*(?:\[\d+\])?)+$")
_CONDITION = re.compile(r"^    (?:else )?if \((!?)(\w+)\) ")
_WIDEST = 96


def inline_bits(text: str, movable: Callable[[str], bool]) -> str:
    """Inline single-use one-bit nets for whose names ``movable`` holds."""
    return _MODULE.sub(lambda module: _Module(module.group(), movable).text(), text)


class _Module:
    def __init__(self, text: str, movable: Callable[[str], bool]) -> None:
        self._lines: list[str | None] = list(text.split("\n"))
        self._movable = movable
        lines = text.split("\n")
        self._bits = {m.group(1) for line in lines if (m := _SCALAR.match(line))}
        self._declared = {m.group(1): i for i, line in enumerate(lines) if (m := _WIRE.match(line))}
        self._uses = Counter(_NAME.findall(text))
        self._moved: dict[str, str] = {}

    def text(self) -> str:
        assigned = {
            m.group(1): i for i, line in enumerate(self._lines)
            if line is not None and (m := _ASSIGN.match(line))
        }
        for name, index in assigned.items():
            # Three: the declaration, the assignment and the one use.
            if name in self._declared and self._uses[name] == 3 and self._movable(name):
                self._move(name, index)
        return "\n".join(line for line in self._lines if line is not None)

    def _move(self, name: str, index: int) -> None:
        line = self._lines[index]
        assert line is not None
        match = _ASSIGN.match(line)
        assert match
        value = match.group(2)
        if not (_ALONE.match(value) or self._is_bitwise(value)):
            return
        where = re.compile(rf"\b{name}\b")
        for target, text in enumerate(self._lines):
            if text is None or target in (index, self._declared[name]) or not where.search(text):
                continue
            moved = where.sub(value if re.fullmatch(_OPERAND, value) else f"({value})", text)
            if len(moved) <= _WIDEST and self._fits(text, name):
                self._lines[target] = moved
                self._lines[index] = self._lines[self._declared[name]] = None
            return

    def _is_bitwise(self, value: str) -> bool:
        """Whether every operand of a bitwise expression is one bit wide."""
        plain = self._without_moved(value)
        if not _BITWISE.match(plain):
            return False
        names = re.findall(r"([A-Za-z_]\w*)(\[\d+\])?", re.sub(r"1'h[01]", "", plain))
        return all(select or name in self._bits for name, select in names)

    def _without_moved(self, value: str) -> str:
        """Replace each parenthesised expression that stands alone by a one-bit constant."""
        inner = re.compile(r"\(([^()]*)\)")
        while (match := inner.search(value)) is not None:
            if not (_ALONE.match(match.group(1)) or _BITWISE.match(match.group(1))):
                return value
            value = value[: match.start()] + "1'h0" + value[match.end() :]
        return value

    def _fits(self, line: str, name: str) -> bool:
        """Whether Verilog evaluates ``name`` on its own width where it stands in ``line``."""
        condition = _CONDITION.match(line)
        if condition is not None:
            return condition.group(2) == name
        match = _ASSIGN.match(line)
        if match is None:
            return False
        left, value = match.groups()
        if value.startswith(f"{name} ? "):
            return True
        if left in self._bits and self._is_bitwise(value):
            return True
        return any(
            re.search(rf"\b{name}\b", group) for group in re.findall(r"\{[^{}]*\}", value)
        ) and "(" not in value

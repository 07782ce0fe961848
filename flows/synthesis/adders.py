"""Full-adder and half-adder cells of a library, and the techmap rule that puts them in.

ABC maps to cells of one output only and so builds adders from gates, although a library's own full
adder is smaller than any such. Yosys finds the places (`extract_fa`, by function, whatever the
gates); here are the cells, found by their functions as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from .liberty import Cell, Library, Pin

__all__ = ["Adders", "truth_table"]

_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|[01!'()^&*|+])")


def truth_table(function: str, inputs: Sequence[str]) -> int:
    """Truth table of a Liberty function: bit i is its value where input k is bit k of i.

    Raises
    ------
    ValueError
        The function is not well-formed, or reads something else than the inputs.
    """
    tokens = [*_TOKEN.findall(function), ""]
    if "".join(tokens) != re.sub(r"\s", "", function):
        raise ValueError(f"function must be of names and operators, not {function!r}")
    everything = (1 << (1 << len(inputs))) - 1
    columns = {
        name: sum(1 << row for row in range(1 << len(inputs)) if row >> index & 1)
        for index, name in enumerate(inputs)
    }
    columns |= {"0": 0, "1": everything}
    position = 0

    def factor() -> int:
        nonlocal position
        token = tokens[position]
        position += 1
        if token == "!":
            return everything ^ factor()
        if token == "(":
            value = either()
            if tokens[position] != ")":
                raise ValueError(f"function must have balanced parentheses, not {function!r}")
            position += 1
        elif token in columns:
            value = columns[token]
        else:
            raise ValueError(f"function must read {', '.join(inputs)}, not {token!r}")
        while tokens[position] == "'":
            value ^= everything
            position += 1
        return value

    # From the tightest: not, exclusive or, and (a mere space too), or.
    def exclusive() -> int:
        nonlocal position
        value = factor()
        while tokens[position] == "^":
            position += 1
            value ^= factor()
        return value

    def both() -> int:
        nonlocal position
        value = exclusive()
        while tokens[position] not in ("", ")", "|", "+"):
            position += tokens[position] in ("&", "*")
            value &= exclusive()
        return value

    def either() -> int:
        nonlocal position
        value = both()
        while tokens[position] in ("|", "+"):
            position += 1
            value |= both()
        return value

    value = either()
    if tokens[position]:
        raise ValueError(f"function must have balanced parentheses, not {function!r}")
    return value


@dataclass(frozen=True)
class _Adder:
    """A cell that adds its inputs: outputs `total` and `carry`."""

    cell: str
    area: float
    inputs: tuple[str, ...]
    total: str
    carry: str

    def instance(self, operands: Sequence[str]) -> str:
        """Verilog of the cell between ports of `$fa`, whose Y is the sum and X the carry."""
        nets = [*zip(self.inputs, operands, strict=True), (self.total, "Y"), (self.carry, "X")]
        return f"\\{self.cell} cell_ ({', '.join(f'.{pin}({net})' for pin, net in nets)});"


@dataclass(frozen=True)
class Adders:
    """The adder cells of a library that are worth using: `full`, and `half` if it saves area."""

    full: _Adder
    half: _Adder | None

    @classmethod
    def of(cls, library: Library) -> Adders | None:
        """The smallest adders of a library; None if it has no full adder."""
        found = [_adder(cell) for cell in library.cells.values() if cell.allowed]
        adders = sorted((a for a in found if a is not None), key=lambda a: (a.area, a.cell))
        full = next((adder for adder in adders if len(adder.inputs) == 3), None)
        half = next((adder for adder in adders if len(adder.inputs) == 2), None)
        if full is None:
            return None
        apart = [_smallest_gate(library, table) for table in (0b0110, 0b1000)]
        if half is not None and None not in apart:
            saves = half.area < sum(area for area in apart if area is not None)
            half = half if saves else None
        return cls(full, half)

    @property
    def commands(self) -> tuple[str, ...]:
        """Yosys passes that find adders among gates; they become cells `$fa`."""
        return ("extract_fa -fa" if self.half is None else "extract_fa", "opt_clean")

    def techmap(self) -> str:
        """Verilog rule from `$fa` to the cells; a half adder is a `$fa` whose C is 0."""
        half = self.full.instance("ABC") if self.half is None else self.half.instance("AB")
        return (
            "module \\$fa (A, B, C, X, Y);\n"
            "  parameter WIDTH = 1;\n"
            "  parameter _TECHMAP_CONSTMSK_C_ = 0;\n"
            "  parameter _TECHMAP_CONSTVAL_C_ = 0;\n"
            "  input A, B, C;\n  output X, Y;\n"
            "  generate\n"
            "    if (_TECHMAP_CONSTMSK_C_ && !_TECHMAP_CONSTVAL_C_) begin : half\n"
            f"      {half}\n    end else begin : full\n"
            f"      {self.full.instance('ABC')}\n    end\n"
            "  endgenerate\nendmodule\n"
        )


def _adder(cell: Cell) -> _Adder | None:
    """The cell as an adder, if its two outputs are the sum and the carry of its inputs."""
    inputs = tuple(pin.name for pin in cell.inputs)
    if cell.kind != "logic" or len(cell.outputs) != 2 or len(inputs) not in (2, 3):
        return None
    counts = [sum(bits) for bits in product((0, 1), repeat=len(inputs))]
    wanted = [
        sum((count >> weight & 1) << row for row, count in enumerate(counts)) for weight in (0, 1)
    ]
    found = {_table(pin, inputs): pin.name for pin in cell.outputs}
    if set(found) != set(wanted):
        return None
    return _Adder(cell.name, cell.area, inputs, found[wanted[0]], found[wanted[1]])


def _smallest_gate(library: Library, table: int) -> float | None:
    """Area of the smallest cell of two inputs and one output with a given truth table."""
    for cell in library.usable("logic"):
        inputs = [pin.name for pin in cell.inputs]
        if len(inputs) == 2 and _table(cell.outputs[0], inputs) == table:
            return cell.area
    return None


def _table(pin: Pin, inputs: Sequence[str]) -> int | None:
    """Truth table of an output; None if its function reads more than the inputs."""
    try:
        return truth_table(pin.function or "", inputs)
    except ValueError:
        return None

"""Instructions and slots as words and as text; formats of ``hw/gnn/instruction.py``.

Text has an instruction a line, operands by name: ``SPSUM d=acc a=x b=SCALAR k=0``. A line may end
with a comment behind ``;``. Fields that are 0 or absent are not written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ...hw.gnn.instruction import (
    INSTRUCTION,
    NO_SLOT,
    SCALAR,
    SLOT,
    ElementType,
    Opcode,
    Space,
)

__all__ = [
    "Instruction", "Slot", "assemble", "check_operands", "decode", "decode_slot", "disassemble",
    "edge_immediate", "edge_parts", "encode", "encode_slot",
]  # fmt: skip

_OPCODES = {each.value: each for each in Opcode}
_ROWS = frozenset({Space.ACCUMULATOR, Space.LOCAL, Space.EDGE})
_ACCUMULATOR, _LOCAL = frozenset({Space.ACCUMULATOR}), frozenset({Space.LOCAL})
_EDGE, _WEIGHT = frozenset({Space.EDGE}), frozenset({Space.WEIGHT})


@dataclass(frozen=True)
class _Form:
    """Operands of an operation: spaces of a slot that must be there, or may (``optional``)."""

    d: frozenset[Space] | None = None
    a: frozenset[Space] | None = None
    b: frozenset[Space] | None = None
    c: frozenset[Space] | None = None
    tensor: bool = False
    optional: str = ""


_TWO = _Form(d=_ROWS, a=_ROWS, b=_ROWS)
_ONE = _Form(d=_ROWS, a=_ROWS)
_FORMS = {
    Opcode.END: _Form(),
    Opcode.LDV: _Form(d=_LOCAL, tensor=True),
    Opcode.STV: _Form(a=_LOCAL, tensor=True),
    Opcode.MM: _Form(d=_LOCAL, a=_LOCAL, b=_WEIGHT),
    Opcode.SPSUM: _Form(d=_ACCUMULATOR, a=_LOCAL, b=_EDGE, optional="b"),
    Opcode.SPMAX: _Form(d=_ACCUMULATOR, a=_LOCAL),
    Opcode.EDGE: _Form(d=_EDGE, a=_LOCAL | _EDGE, b=_ACCUMULATOR, c=_ACCUMULATOR, optional="dabc"),
    Opcode.FILL: _Form(d=_ROWS),
    Opcode.ADD: _TWO, Opcode.SUB: _TWO, Opcode.MUL: _TWO, Opcode.AXPY: _TWO,
    Opcode.RQ: _ONE, Opcode.RQROW: _Form(d=_ROWS, a=_ROWS, b=_ACCUMULATOR | _LOCAL),
    Opcode.RECIP: _Form(d=_ACCUMULATOR, a=_ACCUMULATOR),
    Opcode.LRELU: _ONE, Opcode.LUT8: _ONE, Opcode.FIXMIN: _ONE,
}  # fmt: skip
"""Every operation with its operands: a test keeps it whole."""


@dataclass(frozen=True)
class Slot:
    """An entry of the slot table."""

    space: Space
    type: ElementType
    offset: int
    elements: int
    columns: int = 0


@dataclass(frozen=True)
class Instruction:
    """An instruction; slots by number. ``imm`` is signed but for EDGE."""

    op: Opcode
    d: int = NO_SLOT
    a: int = NO_SLOT
    b: int = NO_SLOT
    c: int = NO_SLOT
    k: int = 0
    flags: int = 0
    imm: int = 0


def edge_immediate(slope: int, r: int = NO_SLOT) -> int:
    """Return the immediate of EDGE: slope 0 to 2^15 (1.0), and the slot of its reduction."""
    return slope | r << 18


def edge_parts(imm: int) -> tuple[int, int]:
    """Return slope and reduction slot of an immediate of EDGE."""
    return imm & 0xFFFF, imm >> 18 & 63


def encode(instruction: Instruction) -> int:
    """Return the word of an instruction.

    Raises
    ------
    InputError
        If a field does not fit.
    """
    word = 0
    for name, field in INSTRUCTION:
        value = getattr(instruction, name)
        value = value.value if isinstance(value, Opcode) else value
        signed = name == "imm" and instruction.op is not Opcode.EDGE
        width = field.width
        least, end = (-1 << width - 1, 1 << width - 1) if signed else (0, 1 << width)
        if not least <= value < end:
            raise InputError(
                f"{name} of {instruction.op.name} must fit {width} bits, not {value}"
            )
        word |= (value & (1 << width) - 1) << field.offset
    return word


def decode(word: int) -> Instruction:
    """Return the instruction of a word.

    Raises
    ------
    InputError
        If it has no operation, or an operand that its operation must have is absent.
    """
    values: dict[str, Any] = {
        name: word >> field.offset & (1 << field.width) - 1 for name, field in INSTRUCTION
    }
    op = _OPCODES.get(values.pop("op"))
    if op is None:
        raise InputError(f"instruction must have an operation that exists, not {word:#018x}")
    if op is not Opcode.EDGE and values["imm"] >> 23:
        values["imm"] -= 1 << 24
    instruction = Instruction(op, **values)
    form = _FORMS[op]
    for name in "dabc":
        needed = getattr(form, name) and name not in form.optional
        if needed and getattr(instruction, name) == NO_SLOT:
            raise InputError(f"{name} of {op.name} must be a slot, not absent: {word:#018x}")
    return instruction


def check_operands(instruction: Instruction, slots: Sequence[Slot]) -> None:
    """Check that slots exist and are in a space that the operation can use.

    Raises
    ------
    InputError
        If one does not, or is not.
    """
    form = _FORMS[instruction.op]
    for name in "dabc":
        number, spaces = getattr(instruction, name), getattr(form, name)
        if spaces is None or number == NO_SLOT:
            continue
        if name == "b" and number == SCALAR and instruction.op is Opcode.SPSUM:
            continue
        if number >= len(slots):
            raise InputError(
                f"{name} of {instruction.op.name} must be a slot below {len(slots)}, not {number}"
            )
        if slots[number].space not in spaces:
            allowed = ", ".join(sorted(space.name for space in spaces))
            raise InputError(
                f"{name} of {instruction.op.name} must be in space {allowed}, not "
                f"{slots[number].space.name}"
            )


def encode_slot(slot: Slot) -> int:
    """Return the word of a slot.

    Raises
    ------
    InputError
        If a field does not fit.
    """
    word = 0
    for name in ("space", "type", "offset", "elements", "columns"):
        field = SLOT[name]
        value = getattr(slot, name)
        value = value.value if isinstance(value, Space | ElementType) else value
        if not 0 <= value < 1 << field.width:
            raise InputError(f"{name} of a slot must fit {field.width} bits, not {value}")
        word |= value << field.offset
    return word


def decode_slot(word: int) -> Slot:
    """Return the slot of a word.

    Raises
    ------
    InputError
        If it has a type that does not exist.
    """
    values = {
        name: word >> field.offset & (1 << field.width) - 1 for name, field in SLOT
    }
    if values["type"] >= len(ElementType):
        raise InputError(f"type of a slot must be 0..2, not {values['type']}")
    return Slot(
        Space(values["space"]), ElementType(values["type"]), values["offset"], values["elements"],
        values["columns"],
    )  # fmt: skip


def disassemble(
    code: Sequence[Instruction], slots: Mapping[int, str] | None = None,
    tensors: Mapping[int, str] | None = None,
) -> str:  # fmt: skip
    """Return instructions as text; slots and tensors without a name are told by number."""
    names = {NO_SLOT: "-", SCALAR: "SCALAR", **(slots or {})}
    lines = []
    for instruction in code:
        form = _FORMS[instruction.op]
        words = [f"{instruction.op.name:6}"]
        for name in "dab":
            number = getattr(instruction, name)
            if number != NO_SLOT:
                words.append(f"{name}={names.get(number, number)}")
        if form.tensor:
            words.append(f"c={(tensors or {}).get(instruction.c, instruction.c)}")
        elif instruction.c != NO_SLOT:
            words.append(f"c={names.get(instruction.c, instruction.c)}")
        words += [f"k={instruction.k}"] if instruction.k else []
        words += [f"flags={instruction.flags}"] if instruction.flags else []
        if instruction.op is Opcode.EDGE:
            slope, r = edge_parts(instruction.imm)
            words += [f"slope={slope}"] + ([f"r={names.get(r, r)}"] if r != NO_SLOT else [])
        elif instruction.imm:
            words.append(f"imm={instruction.imm}")
        lines.append(" ".join(words).rstrip())
    return "\n".join(lines) + "\n"


def assemble(
    text: str, slots: Mapping[str, int] | None = None, tensors: Mapping[str, int] | None = None
) -> list[Instruction]:
    """Return the instructions of a text, as ``disassemble`` writes it.

    Raises
    ------
    InputError
        If a line is not understood; the line is told.
    """
    result = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition(";")[0].split()
        if words:
            result.append(_assembled(words, number, slots or {}, tensors or {}))
    return result


def _assembled(
    words: list[str], line: int, slots: Mapping[str, int], tensors: Mapping[str, int]
) -> Instruction:
    try:
        op = Opcode[words[0].upper()]
    except KeyError:
        known = ", ".join(each.name for each in Opcode)
        raise InputError(f"line {line} must start with one of {known}, not {words[0]!r}") from None
    named = {"SCALAR": SCALAR, "-": NO_SLOT, **slots}
    values: dict[str, int] = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if name not in {"d", "a", "b", "c", "k", "flags", "imm", "slope", "r"} or not equals:
            raise InputError(f"line {line} must have operands name=value, not {word!r}")
        table = tensors if name == "c" and _FORMS[op].tensor else named
        if value in table and name in {"d", "a", "b", "c", "r"}:
            values[name] = table[value]
            continue
        try:
            values[name] = int(value, 0)
        except ValueError:
            raise InputError(f"line {line} must name slots that exist, not {value!r}") from None
    if op is Opcode.EDGE:
        values["imm"] = edge_immediate(values.pop("slope", 0), values.pop("r", NO_SLOT))
    instruction = Instruction(op, **values)
    encode(instruction)
    return decode(encode(instruction))

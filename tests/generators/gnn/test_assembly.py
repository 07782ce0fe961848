"""Instructions and slots: words, text, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.gnn.assembly import (
    Instruction,
    Slot,
    assemble,
    check_operands,
    decode,
    decode_slot,
    disassemble,
    edge_immediate,
    edge_parts,
    encode,
    encode_slot,
)
from gatewright.hw.gnn.instruction import NO_SLOT, SCALAR, ElementType, Opcode, Space

NUMBERS = st.integers(0, SCALAR)


@st.composite
def instructions(draw):
    op = draw(st.sampled_from(list(Opcode)))
    imm = (
        edge_immediate(draw(st.integers(0, 1 << 15)), draw(st.integers(0, 63)))
        if op is Opcode.EDGE else draw(st.integers(-(1 << 23), (1 << 23) - 1))
    )  # fmt: skip
    return Instruction(
        op, *(draw(NUMBERS) for _ in range(4)), k=draw(st.integers(0, 15)),
        flags=draw(st.integers(0, 63)), imm=imm,
    )  # fmt: skip


@given(instructions())
def test_words_and_text_give_the_instruction_back(instruction):
    assert decode(encode(instruction)) == instruction
    assert assemble(disassemble([instruction])) == [instruction]


@given(
    st.builds(
        Slot, st.sampled_from(list(Space)), st.sampled_from(list(ElementType)),
        *[st.integers(0, 0xFFFF)] * 3,
    )
)  # fmt: skip
def test_slots_come_back(slot):
    assert decode_slot(encode_slot(slot)) == slot


def test_text_has_names_and_comments():
    names = {"x": 3, "acc": 4, "m": 5}
    text = """
        LDV d=x c=feat      ; rows of the sources
        SPSUM d=acc a=x b=SCALAR
        EDGE a=x b=acc slope=6554 r=m flags=4
        END
    """
    code = assemble(text, names, {"feat": 2})
    assert [each.op for each in code] == [Opcode.LDV, Opcode.SPSUM, Opcode.EDGE, Opcode.END]
    assert code[0] == Instruction(Opcode.LDV, d=3, c=2)
    assert code[1].b == SCALAR
    assert edge_parts(code[2].imm) == (6554, 5) and code[2].d == NO_SLOT
    shown = disassemble(code, {v: k for k, v in names.items()}, {2: "feat"})
    assert "LDV    d=x c=feat" in shown and "r=m" in shown
    assert assemble(shown, names, {"feat": 2}) == code


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("JUMP d=1", "line 1 must start with one of END, .*, not 'JUMP'"),
        ("END\nADD d=1 a=2 b=x", "line 2 must name slots that exist, not 'x'"),
        ("ADD d", "line 1 must have operands name=value, not 'd'"),
        ("ADD e=1", "line 1 must have operands name=value, not 'e=1'"),
        ("ADD d=1 a=2", "b of ADD must be a slot, not absent"),
        ("FILL d=1 imm=8388608", "imm of FILL must fit 24 bits, not 8388608"),
        ("RQ d=1 a=2 k=16", "k of RQ must fit 4 bits, not 16"),
    ],
)
def test_bad_text(text, line):
    with pytest.raises(InputError, match=line):
        assemble(text)


def test_words_that_are_no_instruction():
    for op in set(range(64)) - {each.value for each in Opcode}:
        with pytest.raises(InputError, match="must have an operation that exists"):
            decode(op << 58)
    with pytest.raises(InputError, match=r"type of a slot must be 0\.\.2, not 3"):
        decode_slot(3 << 2)


def test_operands_in_spaces_where_they_cannot_be():
    slots = [Slot(Space.WEIGHT, ElementType.I8, 0, 4, 4), Slot(Space.LOCAL, ElementType.I8, 0, 4)]
    check_operands(Instruction(Opcode.MM, d=1, a=1, b=0), slots)
    check_operands(Instruction(Opcode.SPSUM, d=NO_SLOT, a=1, b=SCALAR), slots)
    with pytest.raises(InputError, match="b of MM must be in space WEIGHT, not LOCAL"):
        check_operands(Instruction(Opcode.MM, d=1, a=1, b=1), slots)
    with pytest.raises(InputError, match="d of FILL must be a slot below 2, not 9"):
        check_operands(Instruction(Opcode.FILL, d=9), slots)

"""Every word is an instruction or an error, and never one that would hang."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.sim import Simulator

from gatewright.errors import InputError
from gatewright.generators.gnn.assembly import Instruction, check_operands, decode
from gatewright.generators.gnn.assembly import Slot as TableSlot
from gatewright.hw.gnn.decoder import OPERANDS, Decoder, Executor
from gatewright.hw.gnn.instruction import (
    FLAG_MAX,
    FLAG_ONE,
    FLAG_RELU,
    INSTRUCTION,
    NO_SLOT,
    SCALAR,
    ElementType,
    Opcode,
    Space,
)
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.hw.gnn.records import TENSORS
from gatewright.tests.hw.formal import Claim, prove

P = GnnParameters(tables=3)
_SPACES = [TableSlot(space, ElementType.I8, 0, 1) for space in Space]


def words(rng: np.random.Generator) -> list[int]:
    """Every operation with fields at random, most of them slots; and random words."""
    result = [int(word) for word in rng.integers(0, 1 << 64, 200, dtype=np.uint64)]
    for op in range(64):
        for _ in range(60):
            fields = {
                name: int(rng.choice([rng.integers(0, 60), NO_SLOT, SCALAR, 3]))
                for name in ("d", "a", "b", "c")
            }
            fields |= {"k": int(rng.integers(16)), "flags": int(rng.integers(64)), "op": op}
            immediate = [rng.integers(4), rng.integers(1 << 24), 63 << 18 | rng.integers(1 << 17)]
            fields["imm"] = int(rng.choice(immediate))
            result.append(sum(fields[name] << field.offset for name, field in INSTRUCTION))
    return result


def decoded(cases: list[int]) -> list[Any]:
    unit = Decoder(P)
    result = []

    async def drive(ctx: Any) -> None:
        for word in cases:
            ctx.set(unit.word, word)
            await ctx.delay(1e-9)
            result.append(ctx.get(unit.decoded))

    simulator = Simulator(unit)
    simulator.add_testbench(drive)
    simulator.run()
    return result


def _is_instruction(word: int) -> Instruction | None:
    """What the assembler says, and what an engine of these sizes wants besides."""
    try:
        found = decode(word)
    except InputError:
        return None
    op, edge = found.op, found.op is Opcode.EDGE
    if op in (Opcode.LDV, Opcode.STV) and found.c >= TENSORS:
        return None
    if op is Opcode.LUT8 and not 0 <= found.imm < P.tables:
        return None
    if edge and (found.imm & 0xFFFF > 1 << 15 or (found.d, found.a, found.b) == (NO_SLOT,) * 3):
        return None
    return found


def test_words_are_what_the_assembler_says() -> None:
    cases = words(np.random.default_rng(1))
    legal = 0
    for word, found in zip(cases, decoded(cases), strict=True):
        due = _is_instruction(word)
        if due is not None and any(
            number == SCALAR and not (due.op is Opcode.SPSUM and name == "b")
            for name, number in _operands(due, found).items()
        ):
            due = None
        assert bool(found.legal) == (due is not None), f"{word:#018x}"
        if due is None:
            continue
        legal += 1
        assert (found.op, found.k) == (due.op, due.k)
        assert found.imm == due.imm & 0xFFFFFF
        assert bool(found.relu) == bool(due.flags & FLAG_RELU)
        assert bool(found.maximum) == bool(due.flags & FLAG_MAX)
        assert found.scalar == (due.op is Opcode.SPSUM and due.b == SCALAR)
        assert bool(found.present) == (due.op is not Opcode.END)
        once = bool(due.flags & FLAG_ONE)
        broadcast = due.op in (Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY)
        due_once = (once and due.op is Opcode.LDV) | (once and broadcast) << 2
        assert found.once == due_once
    assert legal > 200


def _operands(due: Instruction, found: Any) -> dict[str, int]:
    """The slots that the operation uses."""
    fields = {**{name: getattr(due, name) for name in "dabc"}, "r": due.imm >> 18 & 63}
    used = {name for index, name in enumerate(OPERANDS) if found.spaces[index]}
    return {name: number for name, number in fields.items() if name in used}


def test_spaces_are_those_of_the_assembler() -> None:
    for op in Opcode:
        whole = {"d": 1, "a": 1, "b": 1, "c": 1}
        word = sum(
            value << INSTRUCTION[name].offset
            for name, value in {**whole, "op": op.value, "imm": NO_SLOT << 18}.items()
            if name != "imm" or op is Opcode.EDGE
        )
        [found] = decoded([word])
        for index, name in enumerate("dabc"):
            for space in Space:
                allowed = bool(found.spaces[index] >> space.value & 1)
                others = {other: NO_SLOT for other in "dabc" if other != name}
                instruction = Instruction(op, **{**others, name: space.value})
                try:
                    check_operands(instruction, _SPACES)
                except InputError:
                    assert not allowed, (op, name, space)
                else:
                    # The assembler lets pass what the operation does not have.
                    assert allowed or not found.spaces[index], (op, name, space)


def test_instructions_end_or_have_slots_and_errors_have_neither_effect() -> None:
    claim = Claim()
    claim.m.submodules.decoder = decoder = Decoder(P)
    word = claim.free(64, "word")
    out = decoder.decoded
    claim.m.d.comb += decoder.word.eq(word)
    ends = out.executor == Executor.END
    claim.conditions += [
        # Issue waits for the last slot of an instruction: none without slots but END.
        ~out.legal | (ends != out.present.any()),
        # A slot that is looked up has spaces that are allowed, and is one of the table.
        *(
            ~out.legal | ~out.present[index]
            | (out.spaces[index].any() & (out.slots[index] < SCALAR))
            for index in range(len(OPERANDS))
        ),
        ~out.scalar | (out.op == Opcode.SPSUM),
    ]  # fmt: skip
    prove(claim)



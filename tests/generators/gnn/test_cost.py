"""The cost model: exact occupancies, and cycles that follow from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatewright.generators.gnn.assembly import Instruction, Slot
from gatewright.generators.gnn.cost import estimate
from gatewright.generators.gnn.occupancy import Task, Unit, occupancy
from gatewright.generators.gnn.presets import PRESETS
from gatewright.generators.gnn.timing import Timing
from gatewright.hw.gnn.instruction import FLAG_ONE, NO_SLOT, SCALAR, ElementType, Opcode, Space
from gatewright.verification.gnn.machine import simulate
from gatewright.verification.gnn.workloads import GRAPHS, MODELS, make_workload

EDGE = PRESETS["edge"]
I8, I16, I32 = ElementType
SLOTS = [
    Slot(Space.ACCUMULATOR, I32, 0, 100), Slot(Space.LOCAL, I8, 0, 100),
    Slot(Space.LOCAL, I16, 0, 100), Slot(Space.WEIGHT, I8, 0, 100, 40), Slot(Space.EDGE, I16, 0, 9),
    Slot(Space.ACCUMULATOR, I32, 0, 9), Slot(Space.LOCAL, I32, 0, 1), Slot(Space.LOCAL, I16, 0, 9),
]
ACC, BYTES, WORDS, WEIGHTS, SCORES, HEADS, CONSTANT, LOGITS = range(8)
"""Slots by name; the preset has 16 lanes, 16 x 16 elements and beats of 16 bytes."""


def edge(**operands):
    r = operands.pop("r", NO_SLOT)
    return Instruction(Opcode.EDGE, imm=1 << 15 | r << 18, **operands)


@pytest.mark.parametrize(
    ("instruction", "unit", "cycles"),
    [
        # 10 rows, 50 edges in 20 runs.
        (Instruction(Opcode.LDV, d=BYTES), Unit.READ, 10 * 7),
        (Instruction(Opcode.LDV, d=WORDS, flags=FLAG_ONE), Unit.READ, 13),
        (Instruction(Opcode.STV, a=WORDS), Unit.WRITE, 10 * 13),
        (Instruction(Opcode.MM, d=BYTES, a=BYTES, b=WEIGHTS), Unit.MATRIX, 7 * 3 * 16),
        (Instruction(Opcode.SPSUM, d=ACC, a=BYTES, b=SCALAR), Unit.VECTOR, 50 * 7),
        (Instruction(Opcode.SPMAX, d=ACC, a=BYTES), Unit.VECTOR, 50 * 7),
        (edge(a=LOGITS, d=SCORES), Unit.VECTOR, 2 * 50),
        (edge(a=LOGITS, b=HEADS, r=HEADS), Unit.VECTOR, 2 * (50 + 20)),
        (edge(a=LOGITS, b=HEADS, c=HEADS, r=HEADS, d=SCORES), Unit.VECTOR, 2 * (50 + 2 * 20)),
        (Instruction(Opcode.FILL, d=ACC), Unit.VECTOR, 10 * 7),
        (Instruction(Opcode.ADD, d=BYTES, a=BYTES, b=BYTES), Unit.VECTOR, 10 * 7 * 2),
        (Instruction(Opcode.ADD, d=WORDS, a=WORDS, b=BYTES), Unit.VECTOR, 10 * 13 * 2),
        (Instruction(Opcode.AXPY, d=ACC, a=ACC, b=BYTES), Unit.VECTOR, 10 * 7),
        (Instruction(Opcode.MUL, d=SCORES, a=SCORES, b=SCORES), Unit.VECTOR, 50 * 2 * 2),
        (Instruction(Opcode.RQROW, d=BYTES, a=ACC, b=CONSTANT), Unit.VECTOR, 10 * (7 + 1)),
        (Instruction(Opcode.RQROW, d=WORDS, a=ACC, b=HEADS), Unit.VECTOR, 10 * (13 + 1)),
        (Instruction(Opcode.RECIP, d=HEADS, a=HEADS), Unit.VECTOR, 10 * 9),
        (Instruction(Opcode.LUT8, d=BYTES, a=BYTES), Unit.VECTOR, 10 * 7),
    ],
)
def test_occupancies_by_hand(instruction, unit, cycles):
    assert occupancy(instruction, SLOTS, EDGE, Task(10, 50, 20)) == (unit, cycles)


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 64, 65, 80, 128])
def test_rows_of_the_matrix_unit(rows):
    blocks = [min(64, rows - at) for at in range(0, rows, 64)]
    due = 21 * sum(max(16, block) for block in blocks)
    mm = Instruction(Opcode.MM, d=BYTES, a=BYTES, b=WEIGHTS)
    assert occupancy(mm, SLOTS, EDGE, Task(rows)) == (Unit.MATRIX, due)


@pytest.mark.parametrize("graph", GRAPHS)
def test_occupancies_are_those_of_the_machine(graph):
    rng = np.random.default_rng(1)
    for model in MODELS:
        made = make_workload(model, graph, PRESETS["tiny"], rng)
        codes = made.image.read(made.program.input)[:, : made.program.input_features]
        if made.program.order is not None:
            codes = codes[np.argsort(made.program.order)]
        output, counters = simulate(made.program, codes, seed=3)
        assert np.array_equal(output, made.expected)
        assert counters.busy == made.told.busy
        assert counters.tasks == sum(each.tasks for each in made.told.passes)
        assert counters.instructions == sum(each.instructions for each in made.told.passes)


def test_cycles_follow_the_memory_and_the_threads():
    rng = np.random.default_rng(2)
    made = make_workload("gat 4 heads", "karate", PRESETS["tiny"], rng)
    slow = [estimate(made.program, Timing(latency=latency)).cycles for latency in (1, 40, 400)]
    assert slow == sorted(slow) and slow[0] > made.told.bound
    assert 0 < made.told.utilisation < 1
    alone = replace(made.program, parameters=replace(made.program.parameters, threads=1))
    assert estimate(alone).cycles > estimate(made.program).cycles
    assert estimate(alone).busy == made.told.busy

"""Element-wise operations and reciprocals by the vector unit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gatewright.golden.gnn import fixed
from gatewright.hw.gnn.instruction import ElementType, Opcode, Space
from gatewright.tests.hw.gnn.vector_bench import check, machine, parameters
from gatewright.tests.hw.gnn.vector_reference import operand, vector_job

KINDS = {
    "i8": (Space.LOCAL, ElementType.I8), "i16": (Space.LOCAL, ElementType.I16),
    "e16": (Space.EDGE, ElementType.I16), "i32": (Space.ACCUMULATOR, ElementType.I32),
}  # fmt: skip


def job(p, op: Opcode, kinds: tuple[str, ...], n: int, rows: int, **values):
    """Operands d, a, b of kinds, each in a part of its memory."""
    operands = {
        name: operand(p, *KINDS[kind], 1 + 20 * i, n)
        for i, (name, kind) in enumerate(zip("dab", kinds, strict=False))
    }
    return vector_job(op, rows=rows, **{**operands, **values})


@pytest.mark.one_in(5)
@pytest.mark.parametrize("kinds", list(itertools.product(KINDS, repeat=3)))
def test_two_operands(kinds: tuple[str, ...]) -> None:
    """ADD, SUB, AXPY and MUL of all types; results saturate, or wrap in i32."""
    p = parameters(4)
    before = machine(p, seed=7)
    jobs = [
        job(p, op, kinds, n, 2, imm=imm, k=k)
        for op, n, imm, k in (
            (Opcode.ADD, 5, 0, 0), (Opcode.SUB, 2, 0, 0), (Opcode.AXPY, 6, -8388608, 15),
            (Opcode.AXPY, 1, 77, 3),
        )
    ]  # fmt: skip
    if "i32" not in kinds[1:]:
        jobs.append(job(p, Opcode.MUL, kinds, 6, 2))
    check(jobs, before)


@pytest.mark.one_in(8)
@pytest.mark.parametrize("kinds", list(itertools.product(KINDS, repeat=2)))
def test_one_operand(kinds: tuple[str, ...]) -> None:
    p = parameters(4)
    before = machine(p, seed=8)
    jobs = [
        job(p, op, kinds, n, 1, **values)
        for op, n, values in (
            (Opcode.FILL, 7, {"imm": -32768}), (Opcode.FILL, 1, {"imm": 8388607}),
            (Opcode.LRELU, 9, {"imm": 6554}), (Opcode.LRELU, 8, {"imm": 1 << 15}),
            (Opcode.LRELU, 4, {"imm": 0}), (Opcode.FIXMIN, 13, {}),
            (Opcode.RQ, 9, {"constant": {"m": 65535, "s": 0}}),
            (Opcode.RQ, 9, {"constant": {"m": 65535, "s": 47}}),
            (Opcode.RQ, 9, {"constant": {"m": 50000, "s": 39}, "relu": 1}),
            (Opcode.RQ, 9, {"constant": {"m": 50000, "s": 22}}),
            (Opcode.RQ, 5, {"constant": {"m": 1, "s": 0}}),
        )
    ]  # fmt: skip
    before.accumulators[21, 1] = before.scores[0, 21, 0] = -32768
    check(jobs, before)


@pytest.mark.parametrize(("shifts", "kind"), [((0, 10), "i8"), ((0, 47), "i32"), ((30, 47), "i8")])
def test_requantise_by_row(shifts: tuple[int, int], kind: str) -> None:
    """A constant of each row, in local memory."""
    p = parameters()
    before = machine(p, seed=9)
    rng = np.random.default_rng(9)
    constants = rng.integers(0, 65536, 4) | rng.integers(*shifts, 4, endpoint=True) << 16
    before.rows[0, 40:44, :4] = constants.astype("<i4").view("i1").reshape(4, 4)
    b = operand(p, Space.LOCAL, ElementType.I32, 40, 1)
    check([
        job(p, Opcode.RQROW, (d, "i32"), n, 4, b=b, relu=relu)
        for d, n, relu in ((kind, 20, 0), (kind, 7, 1), ("e16", 7, 0), ("i16", 12, 0))
    ], before)  # fmt: skip


@pytest.mark.one_in(8)
@pytest.mark.parametrize(("n", "k"), [(8, 0), (24, 3), (12, 2), (9, 15), (32, 2), (16, 1), (4, 2)])
@pytest.mark.parametrize("kind", ["i8", "i16", "i32"])
def test_normalise_by_head(n: int, k: int, kind: str) -> None:
    """RECIP, then RQROW by heads: the golden model's division, denominators of all kinds."""
    p = parameters()
    before = machine(p, seed=n)
    heads = 1 if k == 15 else -(-n // (1 << k))
    specials = np.resize([1, 0, -5, (1 << 31) - 1, 3, 2, 1 << 30, 65535, -(1 << 31), 77777], 24)
    before.accumulators[30:33] = specials.reshape(3, 8)
    before.accumulators[1:30] >>= np.random.default_rng(k).integers(0, 24, (29, 8))
    reciprocal = vector_job(
        Opcode.RECIP, rows=3, a=operand(p, Space.ACCUMULATOR, ElementType.I32, 30, heads),
        d=operand(p, Space.ACCUMULATOR, ElementType.I32, 40, heads),
    )  # fmt: skip
    b = operand(p, Space.ACCUMULATOR, ElementType.I32, 40, heads)
    num = operand(p, Space.ACCUMULATOR, ElementType.I32, 1, n)
    quotients = job(p, Opcode.RQROW, (kind,), n, 3, a=num, b=b, k=k)
    if kind == "i32":
        quotients["d"] = operand(p, Space.ACCUMULATOR, ElementType.I32, 45, n)
    check([reciprocal, quotients], before)
    after = before.take(before.words())
    after.run(reciprocal)
    after.run(quotients)
    bits = {"i8": 8, "i16": 16, "i32": 32}[kind]
    for row in range(3):
        columns = np.arange(n) >> k if k < 15 else np.zeros(n, dtype=int)
        den = before.read(reciprocal["a"], row, 0)[columns]
        wanted = fixed.ndiv(before.read(num, row, 0)[:, None], den, bits)[:, 0]
        np.testing.assert_array_equal(after.read(quotients["d"], row, 0), wanted)


def test_reciprocals_of_all_sizes() -> None:
    """Powers of two and their neighbours, and whole words of numbers."""
    p = parameters()
    before = machine(p, seed=12)
    numbers = [(1 << k) + d for k in range(31) for d in (-1, 0, 1)]
    rows = -(-len(numbers) // 20)
    for row in range(rows):
        part = numbers[20 * row :][:20]
        before.accumulators.reshape(-1)[24 * row :][: len(part)] = part
    both = {
        name: operand(p, Space.ACCUMULATOR, ElementType.I32, base, 20)
        for name, base in (("a", 0), ("d", 30))
    }
    outcome = check([vector_job(Opcode.RECIP, rows=rows, **both)], before)
    assert outcome.ends == [rows * 20 + 26]


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("kinds", "n"), [(("i8", "i8"), 16), (("i8", "i8"), 3)])
def test_byte_tables(kinds: tuple[str, ...], n: int) -> None:
    """Every byte of either table."""
    p = parameters()
    before = machine(p, seed=13)
    before.rows[0, 21:53] = np.arange(256).reshape(32, 8) - 256 * (np.arange(256) > 127).reshape(
        32, 8
    )
    rows = 256 // 16 if n == 16 else 5
    jobs = [
        job(p, Opcode.LUT8, kinds, n, rows, imm=table, d=operand(p, *KINDS["i8"], 1, n, 0))
        for table in (1, 0)
    ]
    jobs[0]["d"] = operand(p, *KINDS["i8"], 30, n)
    jobs[0]["a"]["base"] = 30
    check([jobs[0]], before)
    check(jobs, before)


def test_one_row_for_all_and_in_place() -> None:
    """b of stride 0; d on a; empty jobs; and what a job takes beyond its busy cycles."""
    p = parameters()
    before = machine(p, seed=14)
    b = operand(p, *KINDS["i32"], 50, 12, 0)
    a = operand(p, *KINDS["i32"], 3, 12)
    jobs = [
        vector_job(Opcode.ADD, rows=5, d=a, a=a, b=b),
        vector_job(Opcode.MUL, rows=0, d=a, a=a, b=b),
        vector_job(Opcode.RECIP, rows=0, d=a, a=a),
        vector_job(Opcode.FIXMIN, rows=1, d=a, a=a),
        vector_job(Opcode.RECIP, rows=1, d=a, a=a),
    ]
    outcome = check(jobs, before)
    starts = [0, *outcome.ends[:-1]]
    spans = [end - start for start, end in zip(starts, outcome.ends, strict=True)]
    assert spans == [5 * 4 + 16, 2, 2, 2 + 16, 12 + 26]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("lanes", [4, 16])
def test_other_sizes(lanes: int) -> None:
    p = parameters(lanes)
    before = machine(p, seed=lanes)
    n = 2 * lanes + 3
    jobs = [
        job(p, Opcode.ADD, kinds, n, 2)
        for kinds in (("i8", "i16", "i32"), ("i32", "i8", "i8"), ("e16", "i32", "i32"))
    ]
    check([*jobs, job(p, Opcode.RECIP, ("i32", "i32"), n, 2)], before)

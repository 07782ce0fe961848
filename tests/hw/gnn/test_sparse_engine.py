"""SPSUM and SPMAX by the vector unit."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.hw.gnn.instruction import ElementType, Opcode, Space
from gatewright.tests.hw.gnn.vector_bench import check, edges, machine, parameters, random_edges
from gatewright.tests.hw.gnn.vector_reference import operand, vector_job

LISTS = {
    "runs of one": edges(*((d, d * 5 % 7) for d in range(9))),
    "one run": edges(*((3, s % 7) for s in range(20))),
    "one edge": edges((0, 6)),
    "mixed": edges((0, 1), (0, 1), (1, 0), (4, 6), (4, 2), (4, 2), (5, 3), (8, 0)),
}


def sparse(p, n: int, count: int, op: Opcode = Opcode.SPSUM, **values):
    return vector_job(
        op, edges=count, a=operand(p, Space.LOCAL, ElementType.I8, 2, n),
        d=operand(p, Space.ACCUMULATOR, ElementType.I32, 5, n), **values,
    )  # fmt: skip


@pytest.mark.one_in(6)
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("n", [1, 8, 20])
def test_plain(name: str, n: int) -> None:
    before = machine(parameters(), seed=n)
    listed = LISTS[name]
    before.edges[1, : len(listed)] = listed
    jobs = [
        sparse(before.p, n, len(listed), thread=1, **values)
        for values in ({}, {"scalar": 1}, {"op": Opcode.SPMAX})
    ]
    check(jobs, before)


@pytest.mark.parametrize(
    ("n", "k", "heads"),
    [(8, 3, 1), (24, 15, 1), (24, 3, 3), (16, 2, 4), (24, 2, 6), (8, 1, 4), (20, 1, 10),
     (4, 0, 4), (3, 0, 3), (48, 4, 3), (48, 3, 6)],
)  # fmt: skip
def test_heads(n: int, k: int, heads: int) -> None:
    """A scalar of each edge for each head: narrower than a word, a word, several words."""
    p = parameters()
    before = machine(p, seed=n + k)
    rng = np.random.default_rng(n)
    rows = 4 if n > 24 else 7
    before.edges[0, :12] = random_edges(rng, 12, rows, rows)
    b = operand(p, Space.EDGE, ElementType.I16, 1, heads)
    check([sparse(p, n, 12, b=b, k=k)], before)


def test_sums_wrap() -> None:
    p = parameters()
    before = machine(p, seed=1)
    before.accumulators[:] = np.where(before.accumulators > 0, (1 << 31) - 1, -(1 << 31))
    before.rows[:] = -128
    before.scalars[:] = np.where(before.scalars > 0, 32767, -32768)
    before.edges[0, :6] = edges((0, 1), (0, 2), (1, 3), (2, 4), (2, 1), (2, 5))
    check([sparse(p, 16, 6, scalar=1)], before)


def test_jobs_in_a_row() -> None:
    """Threads take turns on the same destinations; lists may be empty."""
    p = parameters()
    before = machine(p, seed=2)
    rng = np.random.default_rng(2)
    for thread in range(2):
        before.edges[thread, :30] = random_edges(rng, 30, 6, 7)
    jobs = [
        sparse(p, 20, count, thread=thread, scalar=thread)
        for thread, count in ((0, 30), (1, 29), (0, 0), (1, 0), (1, 1), (0, 30))
    ]
    outcome = check(jobs, before)
    starts = [0, *outcome.ends[:-1]]
    extra = [
        end - start - job["edges"] * 3
        for start, end, job in zip(starts, outcome.ends, jobs, strict=True)
    ]
    assert extra == [16, 16, 2, 2, 16, 16]


@pytest.mark.parametrize("lanes", [4, 16])
def test_other_sizes(lanes: int) -> None:
    p = parameters(lanes)
    before = machine(p, seed=lanes)
    before.edges[0, :10] = random_edges(np.random.default_rng(3), 10, 5, 9)
    n = 2 * lanes + 1
    b = operand(p, Space.EDGE, ElementType.I16, 1, -(-n // 2))
    check([sparse(p, n, 10, scalar=1), sparse(p, n, 10, b=b, k=1)], before)

"""Jobs of all engines of the vector unit, one after another."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.hw.gnn.instruction import ElementType, Opcode, Space
from gatewright.tests.hw.gnn.vector_bench import check, machine, parameters, random_edges
from gatewright.tests.hw.gnn.vector_reference import operand, vector_job

ROWS, EDGES = 5, 12


def random_job(rng: np.random.Generator, p, n: int):
    """Rows of two words, two heads; slots are shared, so that jobs meet the results of others."""
    thread, wide = int(rng.integers(2)), p.lanes

    def words(place: int, elements: int = n):
        return operand(p, Space.ACCUMULATOR, ElementType.I32, 1 + 10 * place, elements, 2)

    def local(place: int):
        return operand(p, Space.LOCAL, ElementType.I8, 1 + 15 * place, n, 2)

    def scores(place: int, elements: int = wide):
        return operand(p, Space.EDGE, ElementType.I16, 2 * place, elements, 4)

    shared = {"thread": thread, "rows": int(rng.integers(0, ROWS)),
              "edges": int(rng.integers(0, EDGES + 1))}  # fmt: skip
    return [
        lambda: vector_job(Opcode.SPSUM, d=words(0), a=local(0), b=scores(1, 2), k=3, **shared),
        lambda: vector_job(Opcode.SPSUM, d=words(1), a=local(1), scalar=1, **shared),
        lambda: vector_job(Opcode.SPMAX, d=words(2), a=local(2), **shared),
        lambda: vector_job(
            Opcode.EDGE, a=scores(0), d=scores(1), b=words(0, wide), r=words(1, wide),
            c=words(2, wide), imm=6554, **shared,
        ),
        lambda: vector_job(Opcode.EDGE, a=scores(0), r=words(1, wide), maximum=1, **shared),
        lambda: vector_job(Opcode.RECIP, d=words(3), a=words(0), **shared),
        lambda: vector_job(Opcode.RQROW, d=local(0), a=words(1), b=words(3, 2), k=3, **shared),
        lambda: vector_job(Opcode.ADD, d=local(1), a=local(2), b=words(0), **shared),
        lambda: vector_job(Opcode.AXPY, d=words(2), a=words(2), b=local(0), k=7, imm=-77, **shared),
        lambda: vector_job(Opcode.LUT8, d=local(2), a=local(0), imm=1, **shared),
        lambda: vector_job(Opcode.FILL, d=words(1), imm=-32768, **shared),
    ][rng.integers(11)]()


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_jobs(seed: int) -> None:
    p = parameters()
    rng = np.random.default_rng(seed)
    before = machine(p, seed)
    # Constants of RQROW, until RECIP makes others: shifts are at most 47.
    before.accumulators[31:41] &= 0x2FFFFF
    for thread in range(2):
        before.edges[thread, :EDGES] = random_edges(rng, EDGES, ROWS, ROWS)
    n = p.lanes + int(rng.integers(1, p.lanes + 1))
    check([random_job(rng, p, n) for _ in range(10)], before)

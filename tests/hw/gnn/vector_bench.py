"""A vector unit with random memories, compared with the reference after jobs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from gatewright.hw.gnn.instruction import Opcode
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.hw.gnn.vector_unit import VectorUnit
from gatewright.tests.hw.gnn.bench import Integers, Outcome, UnitBench, pack
from gatewright.tests.hw.gnn.vector_reference import Machine, as_payload

THREADS = 2


def parameters(lanes: int = 8) -> GnnParameters:
    return GnnParameters(
        lanes=lanes, rows=4, columns=4, bus_bytes=4, local_words=64, edge_words=64,
        accumulator_words=64, max_sources=64, max_edges=64, threads=THREADS, tables=2,
    )  # fmt: skip


@cache
def bench(p: GnnParameters) -> UnitBench:
    of_threads = {
        "rows": p.local_words, "scores": p.edge_words, "edges": p.max_edges,
        "scalars": p.max_sources,
    }  # fmt: skip
    stores = {name: {"words": words, "threads": THREADS} for name, words in of_threads.items()}
    return UnitBench(VectorUnit(p), {**stores, "accumulators": {"words": p.accumulator_words}})


def machine(p: GnnParameters, seed: int) -> Machine:
    """Random memories: a quarter of them extremes."""
    rng = np.random.default_rng(seed)

    def numbers(bits: int, *shape: int) -> Integers:
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        plain = rng.integers(low, high + 1, shape)
        return np.where(rng.random(shape) < 0.75, plain, rng.choice([low, high, 0, -1, 1], shape))

    return Machine(
        p, numbers(8, THREADS, p.local_words, p.lanes),
        numbers(16, THREADS, p.edge_words, p.score_lanes),
        numbers(32, p.accumulator_words, p.lanes),
        np.zeros((THREADS, p.max_edges), dtype=np.int64), numbers(16, THREADS, p.max_sources),
        numbers(8, p.tables, 256), rng.integers(0, 1 << 16, 256),
    )  # fmt: skip


def edges(*pairs: tuple[int, int]) -> Integers:
    """A list from pairs of destination and source."""
    return np.array([destination << 16 | source for destination, source in pairs], dtype=np.int64)


def random_edges(rng: np.random.Generator, count: int, rows: int, sources: int) -> Integers:
    destinations = np.sort(rng.integers(0, rows, count))
    return destinations << 16 | rng.integers(0, sources, count)


def check(jobs: list[dict[str, Any]], before: Machine) -> Outcome:
    """Run jobs; all memories must be as the reference leaves them, but for lanes behind rows."""
    p = before.p
    words = before.words()
    loads = {}
    if any(job["op"] is Opcode.LUT8 for job in jobs):
        loads["tables"] = pack(before.tables, 8, 4)
    if any(job["c"]["present"] for job in jobs):
        loads["exponentials"] = pack(before.powers, 16, 2)
    payloads = [as_payload(job) for job in jobs]
    outcome = bench(p).run(payloads, words, loads)
    expected = before.take(words)
    found = before.take(outcome.words)
    cycles = 0
    for job in jobs:
        cycles += expected.run(job)
    for job in jobs:
        written = [job["d"], job["r"]] if job["op"] is Opcode.EDGE else [job["d"]]
        sparse = job["op"] in (Opcode.SPSUM, Opcode.SPMAX, Opcode.EDGE)
        for operand in written:
            if operand["present"]:
                rows = 0 if sparse else job["rows"]
                expected.copy_excess(operand, rows, job["thread"], found)
                if sparse:
                    _copy_runs(expected, found, job, operand)
    for name in ("rows", "scores", "accumulators"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert outcome.busy == cycles
    assert outcome.threads == [job["thread"] for job in jobs]
    return outcome


def _copy_runs(
    expected: Machine, found: Machine, job: dict[str, Any], operand: dict[str, Any]
) -> None:
    """Lanes behind the elements of the rows that edges name; halves of words come alone."""
    by_edge = operand is job["d"] and job["op"] is Opcode.EDGE
    for e, word in enumerate(before_list(expected, job)):
        row = e if by_edge else word >> 16 & 0xFFFF
        mine = expected.view(operand, row, job["thread"], whole=True)
        other = found.view(operand, row, job["thread"], whole=True)
        n = operand["elements"]
        mine[n:] = other[n:]


def before_list(expected: Machine, job: dict[str, Any]) -> list[int]:
    words: list[int] = expected.edges[job["thread"]][: job["edges"]].tolist()
    return words

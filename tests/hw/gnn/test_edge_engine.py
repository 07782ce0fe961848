"""The fused edge chain by the vector unit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gatewright.golden.gnn import fixed
from gatewright.hw.gnn.instruction import ElementType, Opcode, Space
from gatewright.tests.hw.gnn.vector_bench import check, edges, machine, parameters, random_edges
from gatewright.tests.hw.gnn.vector_reference import operand, vector_job

SLOPE = 6554


def edge(p, n: int, count: int, present: str, *, of_edges: bool = False, **values):
    """A chain with some of a, b, c, d, r; its rows of accumulators are apart."""
    space, kind = (Space.EDGE, ElementType.I16) if of_edges else (Space.LOCAL, ElementType.I16)
    words = -(-n // p.lanes)
    every = {
        "a": operand(p, space, kind, 2, n),
        "d": operand(p, Space.EDGE, ElementType.I16, 2 + -(-n // p.score_lanes), n),
        **{
            name: operand(p, Space.ACCUMULATOR, ElementType.I32, 2 + i * words, n, 3 * words)
            for i, name in enumerate("bcr")
        },
    }  # fmt: skip
    if of_edges:
        every["d"]["stride"] = every["a"]["stride"] = 2 * -(-n // p.score_lanes)
    chosen = {name: every[name] for name in present}
    return vector_job(Opcode.EDGE, edges=count, imm=values.pop("imm", SLOPE), **chosen, **values)


def settle(before) -> None:
    """Scores as they are, i16 in accumulators: differences of any size."""
    before.accumulators[:] = before.accumulators >> np.random.default_rng(0).integers(
        14, 25, before.accumulators.shape
    )


@pytest.mark.one_in(12)
@pytest.mark.parametrize(
    "present", ["".join(q) for r in range(6) for q in itertools.combinations("abcdr", r)
                if set(q) & set("abd") and set(q) & set("dr")],
)  # fmt: skip
def test_operands(present: str) -> None:
    """Every choice of operands; runs of one edge, and longer ones; two words and a part."""
    p = parameters()
    before = machine(p, seed=len(present))
    settle(before)
    before.edges[0, :14] = edges(
        (0, 3), (1, 1), (2, 0), (3, 0), (3, 1), (3, 2), (3, 0), (4, 1), (5, 6), (5, 6), (6, 1),
        (8, 1), (9, 5), (9, 2),
    )  # fmt: skip
    n = 3 if "d" in present else 9
    jobs = [edge(p, n, 14, present, maximum=maximum) for maximum in (0, 1)]
    check(jobs, before)


@pytest.mark.one_in(6)
@pytest.mark.parametrize("n", [1, 2, 4, 9])
@pytest.mark.parametrize("of_edges", [False, True])
def test_widths(n: int, of_edges: bool) -> None:
    p = parameters()
    before = machine(p, seed=n)
    settle(before)
    rng = np.random.default_rng(n)
    count = 8
    before.edges[1, :count] = random_edges(rng, count, 4, 7)
    check([edge(p, n, count, "abcdr", of_edges=of_edges, thread=1)], before)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("exp_bits", [1, 8, 12, 14])
def test_exponential(exp_bits: int) -> None:
    """All octaves of t, its extremes 0 and 65535 too, and the last two that are not 0."""
    p = parameters()
    before = machine(p, seed=exp_bits)
    before.powers = fixed.exp2n_table(exp_bits)
    times = np.array([
        (c, a) for k in range(17) for f in (0, 255) for c, a in [(32767, 32767 - 256 * k - f)]
    ] + [(32767, -32768), (0, 0), (-32768, -32768), (1, 0), (0, 1)])
    count = len(times)
    before.rows[0, :count, :2] = times[:, 1].astype("<i2").view("i1").reshape(-1, 2)
    before.accumulators[:count, 0] = times[:, 0]
    before.edges[0, :count] = np.arange(count) * 65537
    job = vector_job(
        Opcode.EDGE, edges=count, imm=1 << 15,
        a=operand(p, Space.LOCAL, ElementType.I16, 0, 1),
        c=operand(p, Space.ACCUMULATOR, ElementType.I32, 0, 1),
        d=operand(p, Space.EDGE, ElementType.I16, 0, 1),
    )  # fmt: skip
    check([job], before)
    wanted = fixed.exp2n(np.array([0, 65535]), exp_bits).tolist()
    assert before.power(np.array([0, 65535])).tolist() == wanted == [1 << exp_bits, 0]


def test_entries_are_not_assumed() -> None:
    """Any table of 16 bits: an entry is rounded to 0 from 17 octaves on."""
    p = parameters()
    before = machine(p, seed=3)
    before.powers = np.random.default_rng(3).integers(0, 1 << 16, 256)
    octaves = np.array([*range(20), 31, 32, 64, 127])
    count = len(octaves)
    before.powers[:3] = 65535, 32768, 32767
    before.accumulators[:count, 0] = octaves * 256 + np.arange(count) % 3
    before.rows[0, :, :2] = 0
    before.edges[0, :count] = np.arange(count) << 16
    job = vector_job(
        Opcode.EDGE, edges=count, a=operand(p, Space.LOCAL, ElementType.I16, 0, 1),
        c=operand(p, Space.ACCUMULATOR, ElementType.I32, 0, 1),
        r=operand(p, Space.ACCUMULATOR, ElementType.I32, 32, 1),
    )  # fmt: skip
    check([job], before)


def test_jobs_in_a_row() -> None:
    p = parameters()
    before = machine(p, seed=5)
    settle(before)
    rng = np.random.default_rng(5)
    for thread in range(2):
        before.edges[thread, :30] = random_edges(rng, 30, 7, 7)
    jobs = [
        edge(p, 4, 30, "abr", thread=0, maximum=1), edge(p, 4, 0, "abr"),
        edge(p, 4, 30, "abcdr", thread=1), edge(p, 4, 1, "ar", thread=0),
    ]  # fmt: skip
    outcome = check(jobs, before)
    starts = [0, *outcome.ends[:-1]]
    spans = [end - start for start, end in zip(starts, outcome.ends, strict=True)]
    busy = [before.take(before.words()).run(job) for job in jobs]
    assert [span - cycles for span, cycles in zip(spans, busy, strict=True)] == [22, 2, 22, 22]
